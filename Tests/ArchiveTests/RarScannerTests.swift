import Archive
import Fixture
import Model
import TestKit
import Testing

@Suite struct `A RAR header reader` {
    /// Feeds `bytes` in pieces of `step` and takes all entries.
    private func scan(_ bytes: [UInt8], step: Int = 65_536) throws -> [RarEntry] {
        var scanner = RarScanner()
        var entries: [RarEntry] = []
        var start = 0
        while start < bytes.count {
            let end = min(start + step, bytes.count)
            try bytes.withUnsafeBytes { all in
                try scanner.feed(UnsafeRawBufferPointer(rebasing: all[start..<end]))
            }
            while let entry = scanner.takeEntry() { entries.append(entry) }
            start = end
        }
        try scanner.finish()
        return entries
    }

    private static let sample: [Rar5Entry] = [
        .directory("data"), .file("data/one.txt", .text("one")), .file("two.bin", .text("")),
        .symlink("link", to: "data/one.txt"), Rar5Entry(Array("hard".utf8), .hardLink(target: Array("two.bin".utf8))),
    ]

    @Test func `sees what the writer wrote, whatever the pieces are`() throws {
        let bytes = Rar5Writer.bytes(Self.sample)
        for step in [1, 2, 7, 8, 9, 64, 65_536] {
            let entries = try scan(bytes, step: step)
            #expect(entries.map(\.path) == Self.sample.map(\.path))
            #expect(entries.map(\.kind) == [.directory, .file, .file, .symlink, .hardlink])
            #expect(entries.map(\.size) == [0, 3, 0, 0, 0])
            #expect(entries[1].checksum == 0x7a6c_86f1)
            #expect(entries[3].target == Array("data/one.txt".utf8))
        }
    }

    @Test(.enabled(if: Corpus.directory != nil), arguments: Corpus.names("valid"))
    func `reads every valid archive, one byte at a time as well`(name: String) throws {
        let bytes = try Corpus.bytes("valid", name)
        let entries = try scan(bytes)
        #expect(!entries.isEmpty)
        #expect(try scan(bytes, step: 1) == entries)
    }

    @Test func `reads the compressed names of old archives`() throws {
        guard Corpus.directory != nil else { return }
        let entries = try scan(try Corpus.bytes("valid", "rar_unicode.rar"))
        let names = entries.map { String(decoding: $0.path, as: UTF8.self) }
        #expect(names.contains("表だよ/漢字長いファイル名long-filename-in-漢字.txt"))
        #expect(names.contains("abcdefghijklmnopqrsテスト.txt"))
    }

    @Test func `takes no archive that ends anywhere but at its end`() throws {
        let bytes = Rar5Writer.bytes(Self.sample)
        for end in 0..<bytes.count {
            #expect(throws: ArchiveError.self) { try scan(Array(bytes.prefix(end))) }
        }
        #expect(throws: ArchiveError.endsEarly) { try scan(Rar5Writer.bytes(Self.sample, hasEnd: false)) }
        #expect(throws: ArchiveError.bytesAfterEnd) { try scan(bytes + [0]) }
    }

    @Test func `refuses dictionaries beyond what libarchive takes, and names what to install`() throws {
        var entry = Rar5Entry.file("a", .text("abc"))
        entry.dictionaryBits = 9
        #expect(try scan(Rar5Writer.bytes([entry])).count == 1)
        entry.dictionaryBits = 10
        #expect(throws: ArchiveError.dictionary(128 << 20)) { try scan(Rar5Writer.bytes([entry])) }
        #expect(ArchiveError.dictionary(128 << 20).reason.contains("install unrar or unar"))
    }

    @Test func `refuses sizes of stored entries that lie, and headers with a wrong sum`() {
        var long = Rar5Entry.file("a", .text("abc"))
        long.size = 4
        #expect(throws: ArchiveError.self) { try scan(Rar5Writer.bytes([long])) }
        var broken = Rar5Entry.file("a", .text("abc"))
        broken.hasBadHeader = true
        #expect(throws: ArchiveError.damaged("the checksum of a header does not match")) {
            try scan(Rar5Writer.bytes([broken]))
        }
        var far = Rar5Entry.file("a", .text("abc"))
        far.packedSize = UInt64.max
        far.size = UInt64.max
        #expect(throws: ArchiveError.endsEarly) { try scan(Rar5Writer.bytes([far])) }
    }

    @Test(
        .enabled(if: Corpus.directory != nil),
        arguments: ["rar4_encrypted.rar", "rar5_encrypted.rar", "rar5_encrypted_filenames.rar"])
    func `calls an encrypted archive encrypted`(name: String) throws {
        let bytes = try Corpus.bytes("malformed", name)
        #expect(throws: ArchiveError.encrypted) { try scan(bytes) }
    }

    @Test func `gives entries or an error for any bytes`() throws {
        var random = SplitMix(state: TestSeed.value)
        var samples = [Rar5Writer.bytes(Self.sample)]
        for name in Corpus.names("valid") { samples.append(try Corpus.bytes("valid", name)) }
        for name in Corpus.names("malformed") { samples.append(try Corpus.bytes("malformed", name)) }
        var refused = 0
        for _ in 0..<2_000 {
            guard var bytes = samples.randomElement(using: &random) else { return }
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<min(bytes.count, 512), using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            do { _ = try scan(bytes, step: Int.random(in: 1...600, using: &random)) } catch { refused += 1 }
        }
        #expect(refused > 500, "seed \(TestSeed.value)")
    }
}
