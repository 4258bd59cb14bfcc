package import Control
package import Linux
package import Model
package import Runtime
import Synchronization

/// A client that never blocks a thread of the pool: the server's sessions run there.
package final class Client: Sendable {
    package let socket: Descriptor
    private let readiness: Readiness
    private let framing = Mutex(LineFraming(limit: Limits.controlReplyBytes + 4_096))

    package init(_ path: String, _ loop: EventLoop) throws {
        socket = try UnixSocket.connect(path: path, nonblocking: true)
        readiness = Readiness(socket, on: loop)
    }

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try rest.withUnsafeBytes { try UnixSocket.send(socket, $0) }
            if let count { rest = rest.dropFirst(count) } else { try await readiness.writable() }
        }
    }

    package func call(_ id: Int64, _ method: String, _ parameters: JSONValue = [:]) async throws {
        try await send(JSONRPC.encodeRequest(.init(id: .int(id), method: method, parameters: parameters)))
    }

    /// The next line as a value; nil at the end of the stream.
    package func line() async throws -> JSONValue? {
        guard let bytes = try await bytes() else { return nil }
        return try JSON.decode(JSONValue.self, from: bytes, limit: Limits.controlReplyBytes)
    }

    package func incoming() async throws -> JSONRPC.Incoming? {
        guard let bytes = try await bytes() else { return nil }
        return try JSONRPC.decodeIncoming(bytes)
    }

    private func bytes() async throws -> [UInt8]? {
        while true {
            if case .line(let line)? = framing.withLock({ $0.next() }) { return line }
            guard let bytes = try await read() else { return nil }
            framing.withLock { $0.append(bytes) }
        }
    }

    /// Some bytes; nil at the end. A reset is an end: the server closed while it had not read all we said.
    private func read() async throws -> [UInt8]? {
        var room = [UInt8](repeating: 0, count: 65_536)
        while true {
            do {
                let count = try room.withUnsafeMutableBytes { bytes throws(LinuxError) in
                    try UnixSocket.receive(socket, into: bytes)
                }
                guard let count else {
                    try await readiness.readable()
                    continue
                }
                return count == 0 ? nil : Array(room[..<count])
            } catch let error as LinuxError where error.isBrokenPipe {
                return nil
            }
        }
    }

    package func waitForBytes() async throws { try await readiness.readable() }

    /// Calls and waits for the answer to this call; events that come before it are dropped.
    package func ask(_ id: Int64, _ method: String, _ parameters: JSONValue = [:]) async throws -> JSONValue? {
        try await call(id, method, parameters)
        while let line = try await line() {
            if line["id"] == .int(id) { return line["result"] ?? line["error"] }
        }
        return nil
    }
}
