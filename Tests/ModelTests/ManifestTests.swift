import Model
import Runtime
import TestKit
import Testing

@Suite struct `A manifest` {
    private let game = GameID("quake")
    private let version = GameVersion("1")

    private func digests(_ count: Int) throws -> [Digest] {
        try (0..<count).map { try #require(Digest([UInt8](repeating: UInt8($0 & 0xff), count: 32))) }
    }

    private func manifest(_ files: [(String, UInt64)], chunks: Int) throws -> Manifest {
        try Manifest(
            game: try #require(game), version: try #require(version),
            files: files.map { ManifestFile(path: try RelativePath($0.0), size: $0.1) }, digests: try digests(chunks))
    }

    private func sample() throws -> Manifest {
        try manifest([("a", 0), ("b/c", 9 << 20), ("b/ü", 7), ("version.txt", 5)], chunks: 4)
    }

    private func fault(_ body: () throws -> Void) -> ManifestFault? {
        do {
            try body()
            return nil
        } catch {
            return error as? ManifestFault
        }
    }

    @Test func `has one encoding and is decoded from it`() throws {
        let manifest = try sample()
        let bytes = ManifestCodec.encode(manifest)
        let again = try ManifestCodec.decode(bytes)
        #expect(again.files == manifest.files)
        #expect(again.digests == manifest.digests)
        #expect(again.game == manifest.game)
        #expect(again.version == manifest.version)
        #expect(ManifestCodec.encode(again) == bytes)
    }

    @Test func `begins with bytes that the protocol's table names`() throws {
        let bytes = ManifestCodec.encode(try manifest([("a", 1)], chunks: 1))
        let head: [UInt8] =
            Array("LSMF".utf8) + [1, 1, 5] + Array("quake".utf8) + [1] + Array("1".utf8) + [0, 0x40, 0, 0, 0, 0, 0, 1]
        #expect(
            bytes == head + [0, 1, 0x61] + [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 0, 1] + [UInt8](repeating: 0, count: 32))
    }

    @Test func `that is cut anywhere or goes on is none`() throws {
        let bytes = ManifestCodec.encode(try sample())
        for count in bytes.indices {
            #expect(throws: ManifestFault.self) { try ManifestCodec.decode(Array(bytes[..<count])) }
        }
        #expect(fault { _ = try ManifestCodec.decode(bytes + [0]) } == .trailingBytes)
    }

    @Test func `with any byte changed is another one or none, never the same`() throws {
        let bytes = ManifestCodec.encode(try sample())
        for index in bytes.indices {
            for flip in [UInt8(1), 0x20, 0x80, 0xff] {
                var hostile = bytes
                hostile[index] ^= flip
                guard let decoded = try? ManifestCodec.decode(hostile) else { continue }
                // What decodes has no second spelling.
                #expect(ManifestCodec.encode(decoded) == hostile)
            }
        }
    }

    @Test func `is not made of random bytes, and nothing traps`() {
        let random = TestSeed.random
        for _ in 0..<2_000 {
            let noise = random.bytes(Int(random.uint64() % 200))
            #expect(throws: ManifestFault.self) { try ManifestCodec.decode(noise) }
            #expect(throws: ManifestFault.self) { try ManifestCodec.decode(Array("LSMF".utf8) + [1, 1] + noise) }
        }
    }

    @Test func `with counts that lie ends before it takes memory for them`() throws {
        let head = Array("LSMF".utf8) + [1, 1, 1, 0x61, 1, 0x31, 0, 0x40, 0, 0]
        #expect(fault { _ = try ManifestCodec.decode(head + [0xff, 0xff, 0xff, 0xff]) } == .tooManyFiles)
        #expect(fault { _ = try ManifestCodec.decode(head + [0, 7, 0xa1, 0x20]) } == .truncated)
        let file: [UInt8] = [0, 0, 0, 1, 0, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(fault { _ = try ManifestCodec.decode(head + file + [0xff, 0xff, 0xff, 0xff]) } == .tooLarge)
        let huge: [UInt8] = [0, 0, 0, 1, 0, 1, 0x61] + [UInt8](repeating: 0xff, count: 8) + [0, 0, 0, 0]
        #expect(fault { _ = try ManifestCodec.decode(head + huge) } == .tooLarge)
    }

    @Test func `names the rule that each head breaks`() throws {
        let bytes = ManifestCodec.encode(try manifest([("a", 1)], chunks: 1))
        func changed(_ index: Int, _ byte: UInt8) -> ManifestFault? {
            var hostile = bytes
            hostile[index] = byte
            return fault { _ = try ManifestCodec.decode(hostile) }
        }
        #expect(changed(0, 0) == .notAManifest)
        #expect(changed(4, 2) == .unknownFormat)
        #expect(changed(5, 2) == .unknownDigest)
        #expect(changed(7, UInt8(ascii: "Q")) == .badGame)
        #expect(changed(13, UInt8(ascii: " ")) == .badVersion)
        #expect(changed(16, 1) == .unknownChunkSize)
        #expect(changed(24, UInt8(ascii: "/")) == .path([0x2f], .absolute))
    }

    @Test func `exists only when its paths and digests are sound`() throws {
        #expect(fault { _ = try manifest([], chunks: 0) } == .noFiles)
        #expect(fault { _ = try manifest([("b", 1), ("a", 1)], chunks: 1) } == .notInOrder)
        #expect(fault { _ = try manifest([("a", 1), ("a", 1)], chunks: 1) } == .path([0x61], .duplicate))
        #expect(fault { _ = try manifest([("A", 1), ("a", 1)], chunks: 1) } == .path([0x61], .collision))
        #expect(
            fault { _ = try manifest([("a", 1), ("a/b", 1)], chunks: 1) } == .path(Array("a/b".utf8), .fileAndDirectory)
        )
        #expect(fault { _ = try manifest([("local/x", 1)], chunks: 1) } == .path(Array("local/x".utf8), .reserved))
        #expect(
            fault { _ = try manifest([("version.ini", 1)], chunks: 1) } == .path(Array("version.ini".utf8), .reserved))
        #expect(fault { _ = try manifest([("a", 1)], chunks: 0) } == .digestCount)
        #expect(fault { _ = try manifest([("a", 1)], chunks: 2) } == .digestCount)
        #expect(fault { _ = try manifest([("a", Limits.gameBytes + 1)], chunks: 0) } == .tooLarge)
    }

    @Test func `says why it is refused, for every fault`() {
        let faults: [ManifestFault] = [
            .notAManifest, .unknownFormat, .unknownDigest, .unknownChunkSize, .truncated, .trailingBytes, .tooLarge,
            .badGame, .badVersion, .noFiles, .tooManyFiles, .notInOrder, .digestCount, .notTheOneAsked,
            .path(Array("a\u{1b}[2J".utf8), .control),
        ]
        let sentences = faults.map(\.sentence)
        #expect(Set(sentences).count == faults.count)
        #expect(sentences.allSatisfy { !$0.utf8.contains(0x1b) })
    }
}
