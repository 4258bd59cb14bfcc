/// The bytes of a fixture file: given, or made from a number, so that a gigabyte needs no memory and is the same
/// everywhere.
package enum FixtureContent: Hashable, Sendable {
    case bytes([UInt8])
    /// Blocks of one fixed pattern, each stamped with the seed and its number: no two blocks of all files are equal.
    case generated(seed: UInt64, size: UInt64)

    package static func text(_ text: String) -> FixtureContent { .bytes(Array(text.utf8)) }

    package var size: UInt64 {
        switch self {
        case .bytes(let bytes): UInt64(bytes.count)
        case .generated(_, let size): size
        }
    }

    package var crc32: UInt32 {
        switch self {
        case .bytes(let bytes): return CRC32.of(bytes)
        case .generated(let seed, let size):
            var sum: UInt32 = 0
            for index in 0..<size / Pattern.blockBytes {
                let block = CRC32.join(
                    CRC32.of(Pattern.stamp(seed, index)), Pattern.crcAfterStamp,
                    count: Pattern.blockBytes - UInt64(Pattern.stampBytes))
                sum = CRC32.join(sum, block, count: Pattern.blockBytes)
            }
            let rest = size % Pattern.blockBytes
            let last = Pattern.block(seed, size / Pattern.blockBytes).prefix(Int(rest))
            return CRC32.join(sum, CRC32.of(last), count: rest)
        }
    }

    /// Calls `body` with the bytes in order, 256 KiB at a time.
    package func forEachBlock<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        switch self {
        case .bytes(let bytes): try FixtureContent.lend(bytes, bytes.count, body)
        case .generated(let seed, let size):
            var block = Pattern.block(seed, 0)
            var rest = size
            var index: UInt64 = 0
            while rest > 0 {
                block.replaceSubrange(0..<Pattern.stampBytes, with: Pattern.stamp(seed, index))
                let count = min(rest, Pattern.blockBytes)
                try FixtureContent.lend(block, Int(count), body)
                rest -= count
                index += 1
            }
        }
    }

    private static func lend<Failure: Error>(
        _ bytes: [UInt8], _ count: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, Failure> in
            do throws(Failure) {
                return .success(try body(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// All of it at once; for small ones.
    package var allBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size))
        forEachBlock { bytes.append(contentsOf: $0) }
        return bytes
    }
}

/// What generated content is made of.
private enum Pattern {
    static let blockBytes: UInt64 = 256 << 10
    static let stampBytes = 16

    /// The same in every file; the seed is as good as any other.
    private static let base: [UInt8] = {
        var numbers = SplitMix(state: 0x6c61_6e73_7072_6561)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(blockBytes))
        while bytes.count < Int(blockBytes) {
            withUnsafeBytes(of: numbers.next()) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }()

    static let crcAfterStamp = CRC32.of(base[stampBytes...])

    static func stamp(_ seed: UInt64, _ index: UInt64) -> [UInt8] {
        withUnsafeBytes(of: (seed.bigEndian, index.bigEndian)) { Array($0) }
    }

    static func block(_ seed: UInt64, _ index: UInt64) -> [UInt8] {
        stamp(seed, index) + base[stampBytes...]
    }
}

/// The generator of Steele, Lea and Flood: one state word, so a fixture is the same on every machine.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}
