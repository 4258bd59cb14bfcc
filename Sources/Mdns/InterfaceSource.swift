import Linux
import Runtime

/// Tells, a moment after, that the interfaces of this host changed.
final class InterfaceSource: EventSource {
    /// An interface that comes up changes a dozen times within it: link, addresses, their probing.
    private static let quietNanoseconds: UInt64 = 500_000_000

    private let loop: EventLoop
    private let changes: InterfaceChanges
    private let changed: () -> Void
    private var registration: Int?
    private(set) var deadline = UInt64.max

    /// - Parameter changed: called on the loop's thread.
    init(loop: EventLoop, changed: @escaping () -> Void) throws(LinuxError) {
        self.loop = loop
        self.changed = changed
        changes = try InterfaceChanges()
        registration = loop.register(self, fd: changes.descriptor.rawValue, events: EventLoop.readable)
    }

    func close() {
        guard let registration else { return }
        loop.unregister(registration, fd: changes.descriptor.rawValue)
        self.registration = nil
    }

    func ready(_ events: UInt32) {
        changes.drain()
        // From the first change on, so that one that never rests cannot put it off.
        if deadline == .max { deadline = Machine.monotonicNanoseconds() + InterfaceSource.quietNanoseconds }
    }

    func fire(_ now: UInt64) {
        deadline = .max
        changed()
    }

    func flush(_ now: UInt64) -> Bool { false }
}
