import Linux

/// Where chance comes from: the kernel, or a seed that repeats a test.
package struct RandomSource: Sendable, RandomNumberGenerator {
    /// The state of a seeded source; copies of the value share it.
    private final class Seeded: Sendable {
        let state: Locked<UInt64>

        init(_ seed: UInt64) {
            state = Locked(seed)
        }
    }

    private let seeded: Seeded?

    private init(_ seeded: Seeded?) {
        self.seeded = seeded
    }

    package static let system = RandomSource(nil)

    /// For tests: the same seed gives the same numbers. Never for keys.
    package init(seed: UInt64) {
        self.init(Seeded(seed))
    }

    package func uint64() -> UInt64 {
        guard let seeded else {
            var value: UInt64 = 0
            withUnsafeMutableBytes(of: &value) { Machine.fillRandom($0) }
            return value
        }
        // SplitMix64 (Steele, Lea, Flood 2014): every seed is a good one.
        return seeded.state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    package func next() -> UInt64 { uint64() }

    package func bytes(_ count: Int) -> [UInt8] {
        if seeded == nil {
            return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                Machine.fillRandom(UnsafeMutableRawBufferPointer(buffer))
                initialized = count
            }
        }
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: uint64() >> 32) }
    }

    /// At least 0 and below 1.
    package func fraction() -> Double {
        Double(uint64() >> 11) / Double(1 << 53)
    }

    /// The duration, shorter or longer by up to `share` of it, so that many hosts do not act in step.
    package func jittered(_ duration: Duration, by share: Double) -> Duration {
        duration * (1 + share * (2 * fraction() - 1))
    }
}
