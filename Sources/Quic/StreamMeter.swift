import Synchronization

/// Counts the bytes of one stream: written on the loop, read anywhere.
final class StreamMeter: Sendable {
    private let count = Atomic<UInt64>(0)

    var bytes: UInt64 { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) { count.wrappingAdd(UInt64(bytes), ordering: .relaxed) }
}
