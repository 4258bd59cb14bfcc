/// Reads big-endian numbers and runs of bytes; every method answers nil instead of reading past the end.
package struct ByteReader {
    private let storage: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { storage = bytes }

    package var isAtEnd: Bool { position == storage.count }
    package var remaining: Int { storage.count - position }

    package mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return storage[position..<position + count]
    }

    package mutating func uint8() -> UInt8? { bytes(1)?.first }
    package mutating func uint16() -> UInt16? { number(2).map(UInt16.init(truncatingIfNeeded:)) }
    package mutating func uint32() -> UInt32? { number(4).map(UInt32.init(truncatingIfNeeded:)) }
    package mutating func uint64() -> UInt64? { number(8) }

    private mutating func number(_ count: Int) -> UInt64? {
        bytes(count)?.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
}

/// Writes what `ByteReader` reads.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func append(_ run: some Collection<UInt8>) { bytes.append(contentsOf: run) }

    package mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
