/// The CRC-32 of RAR, zlib and Ethernet, with the sum of two runs from the sums of each.
///
/// Not Model's: what writes the archives of the tests must not share a fault with what reads them. The joining is what
/// makes a gigabyte of fixture cheap in a debug build: only what differs is ever summed.
package enum CRC32 {
    private static let polynomial: UInt32 = 0xedb8_8320

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
    }

    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes { sum = sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
        return ~sum
    }

    /// The sum of a run followed by another one of `count` bytes.
    package static func join(_ first: UInt32, _ second: UInt32, count: UInt64) -> UInt32 {
        multiply(shift(by: count), first) ^ second
    }

    /// x to the power of 8 × `count`, modulo the polynomial.
    private static func shift(by count: UInt64) -> UInt32 {
        var power: UInt32 = 1 << 23
        var result: UInt32 = 1 << 31
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { result = multiply(power, result) }
            power = multiply(power, power)
            rest >>= 1
        }
        return result
    }

    /// Polynomials over GF(2) with the highest power in the lowest bit, as the sum has it.
    private static func multiply(_ left: UInt32, _ right: UInt32) -> UInt32 {
        var product: UInt32 = 0
        var factor = right
        for bit in stride(from: 31, through: 0, by: -1) {
            if left >> UInt32(bit) & 1 == 1 { product ^= factor }
            factor = factor & 1 == 1 ? factor >> 1 ^ polynomial : factor >> 1
        }
        return product
    }
}
