import Linux
package import Runtime

/// The seed of randomised tests: taken from LANSPREAD_SEED, else new in every run. Put it into the message of what
/// fails.
package enum TestSeed {
    package static let value: UInt64 = {
        if let text = Machine.environment("LANSPREAD_SEED"), let seed = UInt64(text) { return seed }
        return RandomSource.system.uint64()
    }()

    package static var random: RandomSource { RandomSource(seed: value) }
}
