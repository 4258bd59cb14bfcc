import Model
import Runtime
import TestKit
import Testing

@Suite struct `A game id` {
    @Test(arguments: ["a", "0", "quake-3_arena", String(repeating: "a", count: 64)])
    func `is lower case, digits, and dashes but not first`(_ text: String) {
        #expect(GameID(text)?.text == text)
    }

    @Test(arguments: [
        "", "-a", "_a", "A", "a.b", "a/b", "..", "a b", "ä", "a\n", "a\u{0}", String(repeating: "a", count: 65),
    ]) func `is nothing else`(_ text: String) {
        #expect(GameID(text) == nil)
    }
}

@Suite struct `A game version` {
    @Test func `is what stands in a sentinel, without blanks around it`() {
        for text in ["20240131", "20240131\n", "20240131\r\n", " \t20240131 \n\n", "\r\n20240131"] {
            #expect(GameVersion(sentinel: Array(text.utf8))?.text == "20240131")
        }
    }

    @Test(arguments: ["", "\n", "a b", "a\nb", "a\u{0}", "ä", "\u{feff}1", String(repeating: "1", count: 65)])
    func `is one printable word`(_ text: String) {
        #expect(GameVersion(sentinel: Array(text.utf8)) == nil)
        #expect(GameVersion(text) == nil)
    }

    @Test func `is read from a file of the limit and not of one more`() {
        let blanks = [UInt8](repeating: 0x20, count: Limits.sentinelBytes - 1)
        #expect(GameVersion(sentinel: blanks + [0x31])?.text == "1")
        #expect(GameVersion(sentinel: blanks + [0x31, 0x0a]) == nil)
    }

    @Test func `is written with one line feed`() throws {
        let version = try #require(GameVersion(String(repeating: "1", count: 64)))
        #expect(version.sentinelBytes == [UInt8](repeating: 0x31, count: 64) + [0x0a])
        #expect(GameVersion(sentinel: version.sentinelBytes) == version)
    }
}

@Suite struct `Small encodings` {
    @Test func `of digests that agree in most bytes fall into different places of a table`() throws {
        for place in 0..<Digest.byteCount {
            let hashes = try (0..<64).map { number in
                var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
                bytes[place] = UInt8(number)
                return try #require(Digest(bytes)).hashValue
            }
            #expect(Set(hashes).count == 64)
        }
    }

    @Test func `of digests keep their bytes and their order`() throws {
        let random = TestSeed.random
        for _ in 0..<100 {
            let (one, other) = (random.bytes(32), random.bytes(32))
            let (a, b) = (try #require(Digest(one)), try #require(Digest(other)))
            #expect(a.bytes == one)
            #expect(Digest(hex: a.hex) == a)
            #expect((a < b) == one.lexicographicallyPrecedes(other))
        }
        #expect(Digest([UInt8](repeating: 0, count: 31)) == nil)
        #expect(Digest([UInt8](repeating: 0, count: 33)) == nil)
    }

    @Test func `in hexadecimal have one spelling`() {
        #expect(Hex.encode([0, 0x1f, 0xff]) == "001fff")
        #expect(Hex.decode("001fff") == [0, 0x1f, 0xff])
        for text in ["0", "0g", "FF", " 00", "0x", "é0"] { #expect(Hex.decode(text) == nil) }
    }

    @Test func `read nothing beyond the end`() {
        var reader = ByteReader([1, 2, 3])
        #expect(reader.uint32() == nil)
        #expect(reader.uint16() == 0x0102)
        #expect(reader.bytes(-1) == nil)
        #expect(reader.bytes(Int.max) == nil)
        #expect(reader.uint16() == nil)
        #expect(reader.uint8() == 3)
        #expect(reader.isAtEnd)
    }

    @Test func `of a CRC are the ones that everybody has`() {
        #expect(CRC32.of(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(CRC32.of([]) == 0)
        let bytes = TestSeed.random.bytes(100)
        for cut in 0...100 {
            var crc = CRC32()
            bytes[..<cut].withUnsafeBytes { crc.update($0) }
            bytes[cut...].withUnsafeBytes { crc.update($0) }
            #expect(crc.value == CRC32.of(bytes))
        }
    }

    @Test func `of text from outside cannot move a cursor`() {
        #expect(Text.escaped("a\u{1b}[2J\n\\é") == "a\\u{1b}[2J\\u{a}\\\\é")
        #expect(Text.escaped("\u{202e}x") == "\\u{202e}x")
        #expect(Text.escaped("\u{2028}") == "\\u{2028}")
        #expect(Text.escaped(Array(repeating: UInt8(0xff), count: 1)).unicodeScalars.allSatisfy { $0.value >= 0x20 })
        let long = Text.escaped(String(repeating: "é", count: 1_000))
        #expect(long.utf8.count <= Limits.peerTextBytes + 3)
        #expect(long.hasSuffix("…"))
    }
}
