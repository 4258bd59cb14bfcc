import Fixture
import Linux
import Runtime
import TestKit
import Testing

@Suite struct `A fixture` {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func `gives three hosts their games and catalogs`() throws {
        let set = try FixtureSet.write(to: directory.path)
        let tree = try directory.tree()
        for place in ["alpha/games/ggoo", "bravo/games/ggoo", "bravo/games/cnc4", "charlie/games/cnc4"] {
            #expect(tree.contains("fixture-\(place)/version.ini"))
        }
        #expect(!tree.contains("fixture-charlie/games/ggoo/"))
        #expect(tree.filter { $0.hasSuffix("game.db") }.count == 3)
        for file in set.ggoo.extras.map(\.path) + ["ggoo.eti", "version.ini"] {
            let alpha = try directory.read("fixture-alpha/games/ggoo/\(file)")
            #expect(try alpha == directory.read("fixture-bravo/games/ggoo/\(file)"), "\(file)")
        }
    }

    @Test func `has other bytes with another seed, and the same with the same`() throws {
        let content = FixtureContent.generated(seed: 7, size: 600_000).allBytes
        #expect(content == FixtureContent.generated(seed: 7, size: 600_000).allBytes)
        #expect(content != FixtureContent.generated(seed: 8, size: 600_000).allBytes)
        #expect(content[0..<100] != content[(256 << 10)..<(256 << 10) + 100])
    }

    @Test func `joins sums as if the bytes had been summed`() {
        #expect(CRC32.of(Array("123456789".utf8)) == 0xcbf4_3926)
        for size: UInt64 in [0, 1, 15, 16, 17, 256 << 10, (256 << 10) + 1, 700_001] {
            let content = FixtureContent.generated(seed: 3, size: size)
            #expect(content.crc32 == CRC32.of(content.allBytes), "\(size)")
        }
    }

    @Test func `writes the large game and the many files where they are asked for`() throws {
        var options = FixtureOptions()
        options.largeBytes = 3 << 20
        options.largeHosts = [.charlie]
        options.manyFiles = 250
        let set = try FixtureSet.write(to: directory.path, options: options)
        #expect(set.games(of: .alpha).map(\.id) == ["ggoo", "many"])
        #expect(set.games(of: .charlie).map(\.id) == ["cnc4", "large"])
        let files = try directory.tree().filter { $0.hasPrefix("fixture-bravo/games/many/files/") }
        #expect(files.filter { $0.hasSuffix(".dat") }.count == 250)
        #expect(try Files.status(atPath: set.root(of: "large", at: .charlie) + "/large.eti").size > 3 << 20)
    }

    // MARK: - Archives

    @Test func `writes an archive in memory as it does to a file`() throws {
        let game = FixtureGame.small("ggoo", title: "G", version: "1", seed: 5)
        try game.write(to: directory.path + "/ggoo")
        #expect(try directory.read("ggoo/ggoo.eti") == Rar5Writer.bytes(game.members))
    }

    @Test func `leaves the end away, and breaks sums and sizes on purpose`() {
        let entry = Rar5Entry.file("a.txt", .text("hello"))
        let sound = Rar5Writer.bytes([entry])
        let cut = Rar5Writer.bytes([entry], hasEnd: false)
        #expect(sound.starts(with: cut))
        #expect(sound.count > cut.count)
        var lying = entry
        lying.crc32 = 0
        #expect(Rar5Writer.bytes([lying]).count == sound.count)
        #expect(Rar5Writer.bytes([lying]) != sound)
        var longer = entry
        longer.size = 1 << 40
        #expect(Rar5Writer.bytes([longer]).count == sound.count + 5)
    }

    @Test(.enabled(if: Bsdtar.path != nil, "bsdtar is not installed"))
    func `writes archives that bsdtar lists`() async throws {
        let set = FixtureSet(directory: directory.path)
        try set.ggoo.write(to: directory.path + "/ggoo")
        let listed = try await Bsdtar.list(directory.path + "/ggoo/ggoo.eti", in: directory)
        #expect(listed == set.ggoo.members.map { String(decoding: $0.path, as: UTF8.self) })
    }
}

/// The archive program of libarchive, a reader that is not ours.
private enum Bsdtar {
    static let path = ["/usr/bin/bsdtar", "/bin/bsdtar"].first { (try? Files.status(atPath: $0)) != nil }

    static func list(_ archive: String, in directory: TemporaryDirectory) async throws -> [String] {
        let program = try #require(path)
        let loop = try EventLoop()
        defer { loop.stop() }
        let null = try Files.openRead(atPath: "/dev/null")
        let output = try Files.create(atPath: directory.path + "/listed", mode: 0o600, exclusive: true)
        let child = try ChildProcess.spawn(
            program, arguments: ["-tf", archive], environment: ["LC_ALL=C.UTF-8"], descriptors: [null, output, output],
            on: loop)
        #expect(await child.wait() == .exited(status: 0))
        let text = String(decoding: try directory.read("listed") ?? [], as: UTF8.self)
        return text.split(separator: "\n").map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
    }
}
