/// How fast bytes may leave: asked before each batch, told after it.
///
/// Unlimited unless given a rate. The debt is kept as the instant at which it will be paid, so nothing runs while
/// nothing is sent.
struct RateGate: Sendable {
    /// What may leave at once after a silence: one batch of segments.
    static let burstBytes: UInt64 = 64 << 10

    private let bytesPerSecond: UInt64?
    private var paidAt: UInt64 = 0

    init(bytesPerSecond: UInt64? = nil) {
        self.bytesPerSecond = bytesPerSecond.map { max($0, 1) }
    }

    /// Nil when a batch may leave now, else the instant (nanoseconds) at which to ask again.
    func admit(_ now: UInt64) -> UInt64? {
        guard bytesPerSecond != nil, paidAt > now else { return nil }
        return paidAt
    }

    mutating func spend(_ bytes: Int, at now: UInt64) {
        guard let bytesPerSecond else { return }
        let burst = Self.nanoseconds(Self.burstBytes, bytesPerSecond)
        let start = max(paidAt, now > burst ? now - burst : 0)
        paidAt = start + Self.nanoseconds(UInt64(max(bytes, 0)), bytesPerSecond)
    }

    private static func nanoseconds(_ bytes: UInt64, _ bytesPerSecond: UInt64) -> UInt64 {
        let (high, low) = bytes.multipliedFullWidth(by: 1_000_000_000)
        guard high < bytesPerSecond else { return .max >> 2 }
        return min(bytesPerSecond.dividingFullWidth((high, low)).quotient, .max >> 2)
    }
}
