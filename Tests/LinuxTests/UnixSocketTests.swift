import Glibc
import Linux
import TestKit
import Testing

@Suite struct `A Unix socket` {
    private let place: TemporaryDirectory
    private var path: String { place.path + "/s" }

    init() throws {
        place = try TemporaryDirectory()
    }

    @Test func `connects, knows its peer and carries bytes`() throws {
        let listener = try UnixSocket.listen(path: path, mode: 0o660)
        #expect(try Files.status(atPath: path).mode == 0o660)
        #expect(try UnixSocket.accept(listener) == nil)
        let client = try UnixSocket.connect(path: path)
        let server = try #require(try UnixSocket.accept(listener))
        let credentials = try UnixSocket.peerCredentials(server)
        #expect(credentials.pid == getpid() && credentials.uid == getuid() && credentials.gid == getgid())
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try buffer.withUnsafeMutableBytes { try UnixSocket.receive(server, into: $0) } == nil)
        try ([1, 2, 3] as [UInt8]).withUnsafeBytes { try UnixSocket.sendFully(client, $0) }
        #expect(try buffer.withUnsafeMutableBytes { try UnixSocket.receive(server, into: $0) } == 3)
        try UnixSocket.shutdownWriting(client)
        #expect(try buffer.withUnsafeMutableBytes { try UnixSocket.receive(server, into: $0) } == 0)
    }

    @Test func `replaces a file that nobody answers, and no living one`() throws {
        var first = try UnixSocket.listen(path: path, mode: 0o600) as Descriptor?
        #expect(throws: LinuxError(call: "bind", code: EADDRINUSE)) {
            try UnixSocket.listen(path: path, mode: 0o600)
        }
        _ = first?.rawValue
        first = nil
        _ = try UnixSocket.listen(path: path, mode: 0o600)
    }

    @Test func `does not replace a file that is no socket`() throws {
        try place.write("s", [1])
        #expect(throws: LinuxError.self) { try UnixSocket.listen(path: path, mode: 0o600) }
        #expect(try place.read("s") == [1])
    }

    @Test func `gives up when nobody answers in time`() throws {
        let listener = try UnixSocket.listen(path: path, mode: 0o600)
        let client = try UnixSocket.connect(path: path)
        try UnixSocket.setLimits(client, receive: .milliseconds(10), send: .milliseconds(10))
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try buffer.withUnsafeMutableBytes { try UnixSocket.receive(client, into: $0) } == nil)
        let flood = [UInt8](repeating: 0, count: 4 << 20)
        #expect(throws: LinuxError(call: "send", code: EAGAIN)) {
            try flood.withUnsafeBytes { try UnixSocket.sendFully(client, $0) }
        }
        _ = listener.rawValue
    }

    @Test func `sends to nobody without a signal`() throws {
        var pair = try UnixSocket.pair() as (Descriptor, Descriptor)?
        let mine = try #require(pair?.0)
        pair = nil
        #expect(throws: LinuxError(call: "send", code: EPIPE)) {
            try ([1] as [UInt8]).withUnsafeBytes { try UnixSocket.send(mine, $0) }
        }
    }

    @Test func `refuses paths that are empty, too long or cut by a NUL`() throws {
        let long = "/" + String(repeating: "x", count: 107)
        for bad in ["", long, "/tmp/a\u{0}b"] {
            #expect(throws: LinuxError.self) { try UnixSocket.listen(path: bad, mode: 0o600) }
        }
    }
}
