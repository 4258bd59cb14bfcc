import Archive
import Fixture
import Linux
import TestKit
import Testing

@Suite struct `An archive reader` {
    /// Reads all of `bytes` from memory, as from a pipe.
    private func read(
        _ bytes: [UInt8], entriesLimit: Int = 1_000, bytesLimit: UInt64 = 1 << 30
    ) throws(ArchiveError) -> [(entry: ArchiveEntry, data: [UInt8])] {
        guard Locale.useUTF8Characters() else { return [] }
        var position = 0
        let input = try ArchiveInput(
            read: { buffer in
                let count = min(buffer.count, bytes.count - position, 1_000)
                buffer.copyBytes(from: bytes[position..<position + count])
                position += count
                return count
            }, seek: nil)
        let reader = try ArchiveReader(input, entriesLimit: entriesLimit, bytesLimit: bytesLimit)
        var read: [(ArchiveEntry, [UInt8])] = []
        while let entry = try reader.nextEntry() {
            var data: [UInt8] = []
            while let run = try reader.nextData() { data += Array(run) }
            read.append((entry, data))
        }
        return read
    }

    @Test func `gives the bytes that were stored`() throws {
        let long = [UInt8]((0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 3) })
        let read = try read(
            Rar5Writer.bytes([.directory("d"), .file("d/long", .bytes(long), mode: 0o755), .file("empty", .text(""))]))
        #expect(read.map { String(decoding: $0.entry.path, as: UTF8.self) } == ["d", "d/long", "empty"])
        #expect(read.map(\.entry.kind) == [.directory, .file, .file])
        #expect(read[1].data == long)
        #expect(read[1].entry.mode & 0o111 != 0)
    }

    @Test func `compares the checksum of stored bytes, which libarchive does not`() {
        var entry = Rar5Entry.file("a", .text("abc"))
        entry.crc32 = 1
        #expect(throws: ArchiveError.wrongChecksum(entry: 1)) { try read(Rar5Writer.bytes([entry])) }
    }

    @Test func `finds every flipped bit of stored bytes`() throws {
        let good = Rar5Writer.bytes([.file("name", .text("eight by")), .file("next", .text("x"))])
        guard let start = good.firstRange(of: Array("eight by".utf8))?.lowerBound else { return }
        for bit in 0..<64 {
            var bytes = good
            bytes[start + bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ArchiveError.wrongChecksum(entry: 1)) { try read(bytes) }
        }
    }

    @Test func `wants the end block, and nothing behind it`() throws {
        let entries = [Rar5Entry.file("a", .text("abc"))]
        #expect(throws: ArchiveError.endsEarly) { try read(Rar5Writer.bytes(entries, hasEnd: false)) }
        #expect(throws: ArchiveError.bytesAfterEnd) { try read(Rar5Writer.bytes(entries) + [0, 0]) }
    }

    @Test func `stops at its limits and not before`() throws {
        let two = Rar5Writer.bytes([.file("a", .text("abc")), .file("b", .text("def"))])
        #expect(try read(two, entriesLimit: 2, bytesLimit: 6).count == 2)
        #expect(throws: ArchiveError.tooManyEntries) { try read(two, entriesLimit: 1) }
        #expect(throws: ArchiveError.tooManyBytes) { try read(two, bytesLimit: 5) }
    }

    @Test func `refuses bytes that are no archive, and none at all`() {
        for bytes in [[], Array("MZ".utf8), Array("Rar!\u{1a}\u{7}".utf8), [UInt8](repeating: 0x55, count: 5_000)] {
            #expect(throws: ArchiveError.self) { try read(bytes) }
        }
    }

    @Test func `passes on the error of its source`() {
        #expect(throws: ArchiveError.readFailed(code: 5)) { try ArchiveInput(read: { _ in -5 }, seek: nil) }
    }

    @Test(.enabled(if: Corpus.directory != nil), arguments: Corpus.names("valid"))
    func `agrees with the header reader about every valid archive`(name: String) throws {
        #expect(!(try read(try Corpus.bytes("valid", name)).isEmpty))
    }
}
