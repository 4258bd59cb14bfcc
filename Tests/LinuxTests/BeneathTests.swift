import Glibc
import Linux
import TestKit
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct `A path beneath a directory` {
    private let place: TemporaryDirectory
    private var root: Descriptor { place.descriptor }

    init() throws {
        place = try TemporaryDirectory()
        try place.write("a/b/file", bytes("hello"))
        try Beneath.symlink(target: bytes("/etc"), place.descriptor, bytes("a/out"))
        try Beneath.symlink(target: bytes("b"), place.descriptor, bytes("a/in"))
    }

    /// The errno of what must fail; nil when it did not.
    private func code(_ body: () throws -> Void) -> Int32? {
        do {
            try body()
            return nil
        } catch {
            return (error as? LinuxError)?.code
        }
    }

    @Test func `is opened, read and asked about`() throws {
        let file = try Beneath.openRead(root, bytes("a/b/file"))
        #expect(try Files.readAll(file, limit: 5) == bytes("hello"))
        #expect(try Files.readAll(file, limit: 4) == nil)
        let status = try Beneath.status(root, bytes("a/b/file"))
        #expect(status.kind == .regular && status.size == 5 && status.mode == 0o644)
        #expect(try Beneath.status(root, bytes("a/out")).kind == .symlink)
        #expect(try Beneath.status(root, []).kind == .directory)
        #expect(try Beneath.linkTarget(root, bytes("a/out")) == bytes("/etc"))
        let same = try Beneath.openDirectory(root, bytes("."))
        #expect(try Files.status(same).inode == Files.status(root).inode)
    }

    @Test(arguments: ["../x", "a/../../x", "/etc/passwd", "a/out/passwd", "a/in/file", "a/b/../../.."])
    func `never leaves the directory and follows no link`(_ path: String) {
        let raw = bytes(path)
        #expect([EXDEV, ELOOP].contains(code { _ = try Beneath.openRead(root, raw) }))
        let others: [() throws -> Void] = [
            { _ = try Beneath.create(root, raw, mode: 0o644, exclusive: true) },
            { _ = try Beneath.openDirectory(root, raw) },
        ]
        for call in others { #expect(code(call) != nil) }
    }

    @Test(arguments: ["../x", "a/../../x", "/x", "a/out/x", "a/in/x", "", ".", "..", "a/..", "a/", "a\u{0}b"])
    func `changes nothing outside, whichever call`(_ path: String) {
        let raw = bytes(path)
        let calls: [(String, () throws -> Void)] = [
            ("mkdir", { try Beneath.makeDirectory(root, raw) }),
            ("unlink", { try Beneath.removeFile(root, raw) }),
            ("rmdir", { try Beneath.removeDirectory(root, raw) }),
            ("symlink", { try Beneath.symlink(target: [1], root, raw) }),
            ("from", { try Beneath.rename(from: root, raw, to: root, bytes("z")) }),
            ("to", { try Beneath.rename(from: root, bytes("a"), to: root, raw) }),
            ("exchange", { try Beneath.exchange(root, bytes("a"), raw) }),
        ]
        for (name, call) in calls { #expect(code(call) != nil, "\(name) \(path)") }
        #expect(throws: Never.self) { try #expect(place.tree() == ["a/", "a/b/", "a/b/file", "a/in", "a/out"]) }
    }

    @Test(arguments: ["..", "a/..", "a/../..", "/", "a/.", "a/out/passwd"])
    func `tells nothing of what lies outside`(_ path: String) {
        #expect(code { _ = try Beneath.status(root, bytes(path)) } != nil)
        #expect(code { _ = try Beneath.linkTarget(root, bytes(path)) } != nil)
    }

    @Test func `is created once where it must be new`() throws {
        let file = try Beneath.create(root, bytes("new"), mode: 0o600, exclusive: true)
        #expect(
            code {
                _ = try Beneath.create(root, bytes("new"), mode: 0o600, exclusive: true)
            } == EEXIST)
        try bytes("abc").withUnsafeBytes { try Files.writeFully(file, $0, at: 2) }
        #expect(try place.read("new") == [0, 0] + bytes("abc"))
        _ = try Beneath.create(root, bytes("new"), mode: 0o600, exclusive: false)
        #expect(try place.read("new")?.count == 5)
    }

    @Test func `is renamed, exchanged and removed`() throws {
        try place.write("x", bytes("x"))
        try place.write("y", bytes("y"))
        try Beneath.exchange(root, bytes("x"), bytes("y"))
        #expect(try place.read("x") == bytes("y"))
        let a = try Beneath.openDirectory(root, bytes("a"))
        #expect(
            code {
                try Beneath.rename(from: root, bytes("x"), to: root, bytes("y"), replacing: false)
            } == EEXIST)
        try Beneath.rename(from: root, bytes("x"), to: a, bytes("b/moved"))
        #expect(try place.read("a/b/moved") == bytes("y"))
        try Beneath.removeFile(root, bytes("a/b/moved"))
        try Beneath.removeFile(root, bytes("a/b/file"))
        try Beneath.removeDirectory(root, bytes("a/b"))
        #expect(code { try Beneath.removeDirectory(root, bytes("a")) } == ENOTEMPTY)
    }

    @Test func `is listed with kinds, however often`() throws {
        for _ in 0..<2 {
            let a = try Beneath.openDirectory(root, bytes("a"))
            let entries = try Beneath.list(a).sorted { $0.name.lexicographicallyPrecedes($1.name) }
            #expect(entries.map(\.name) == [bytes("b"), bytes("in"), bytes("out")])
            #expect(entries.map(\.kind) == [.directory, .symlink, .symlink])
        }
    }

    @Test func `does not hang at a pipe`() throws {
        mkfifo(place.path + "/fifo", 0o600)
        _ = try Beneath.openRead(root, bytes("fifo"))
        #expect(try Beneath.status(root, bytes("fifo")).kind == .other)
    }

    @Test func `may have bytes that are no text`() throws {
        let name: [UInt8] = [0xff, 0xfe, 0x0a]
        _ = try Beneath.create(root, name, mode: 0o600, exclusive: true)
        #expect(try Beneath.list(root).contains { $0.name == name })
        try Beneath.removeFile(root, name)
    }
}

@Suite struct `A file` {
    @Test func `is reserved, cut and measured`() throws {
        let place = try TemporaryDirectory()
        let file = try Beneath.create(place.descriptor, bytes("f"), mode: 0o644, exclusive: true)
        try Files.allocate(file, bytes: 1 << 20)
        #expect(try Files.status(file).size == 1 << 20)
        // Where the tests' files lie in memory there is nothing to reserve.
        #expect(try Files.status(file).blocks512 >= (Files.isInMemory(file) ? 0 : 2_048))
        try Files.allocate(file, bytes: 0)
        try Files.truncate(file, InterestingSizes.sparse)
        #expect(try Files.status(file).size == InterestingSizes.sparse)
        try Files.sync(file)
        try Files.syncFileSystem(place.descriptor)
        #expect(try Files.freeBytes(place.descriptor) > 0)
        #expect(throws: LinuxError(call: "ftruncate", code: EOVERFLOW)) { try Files.truncate(file, .max) }
    }

    @Test(arguments: InterestingSizes.all)
    func `gives back what was written`(_ size: Int) throws {
        let place = try TemporaryDirectory()
        var all = [UInt8](repeating: 7, count: size)
        for place in stride(from: 0, to: size, by: 4_095) { all[place] = UInt8(truncatingIfNeeded: place / 4_095) }
        try place.write("f", all)
        let file = try Beneath.openRead(place.descriptor, bytes("f"))
        var buffer = [UInt8](repeating: 0, count: size + 10)
        let count = try buffer.withUnsafeMutableBytes { try Files.readFully(file, into: $0, at: 0) }
        #expect(count == size && Array(buffer.prefix(size)) == all)
        #expect(try Files.readAll(file, limit: size)?.count == size)
        if size > 0 { #expect(try Files.readAll(file, limit: size - 1) == nil) }
    }

    @Test func `without an announced size is read whole`() throws {
        let file = try Files.openRead(atPath: "/proc/self/status")
        #expect((try Files.readAll(file, limit: 1 << 20) ?? []).count > 100)
        #expect(try Files.readAll(file, limit: 10) == nil)
    }

    @Test func `that is missing is an error with its call`() {
        #expect(throws: LinuxError(call: "openat", code: ENOENT)) { try Files.openRead(atPath: "/no/such") }
        #expect(LinuxError(call: "x", code: ENOSPC).isNoSpace)
        #expect(LinuxError(call: "x", code: ENOSPC).text == "No space left on device")
    }
}
