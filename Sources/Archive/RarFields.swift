/// Reads the little-endian numbers of RAR headers; every method answers nil instead of reading past the end.
struct RarFields {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func run(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A run whose length came from the archive as a 64-bit number.
    mutating func run(_ count: UInt64) -> ArraySlice<UInt8>? {
        Int(exactly: count).flatMap { run($0) }
    }

    mutating func uint8() -> UInt8? { run(1)?.first }
    mutating func uint16() -> UInt16? { number(2).map(UInt16.init(truncatingIfNeeded:)) }
    mutating func uint32() -> UInt32? { number(4).map(UInt32.init(truncatingIfNeeded:)) }

    private mutating func number(_ count: Int) -> UInt64? {
        run(count)?.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    /// RAR5's number: seven bits a byte, the lowest first, the top bit says that more follow. Nil beyond 64 bits.
    mutating func vint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = uint8() {
            let bits = UInt64(byte & 0x7f)
            guard shift < 64, (bits << shift) >> shift == bits else { return nil }
            value |= bits << shift
            guard byte & 0x80 != 0 else { return value }
            shift += 7
        }
        return nil
    }
}
