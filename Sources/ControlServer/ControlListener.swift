import Linux
import Runtime

/// The listening socket on the loop's thread: hands every connection on and never waits.
actor ControlListener: EventSource {
    /// As many as the kernel's backlog holds; a burst beyond it is closed unseen.
    private static let waitingConnections = 128
    /// Descriptors come back when clients leave; until then the kernel keeps the connections in its backlog.
    private static let pauseNanoseconds: UInt64 = 200_000_000

    private let descriptor: Descriptor
    private let loop: EventLoop
    private var registration: Int?
    private var resume = UInt64.max

    /// One consumer; ends when the socket breaks or `close` was called.
    nonisolated let accepted: AsyncStream<Descriptor>
    private let continuation: AsyncStream<Descriptor>.Continuation

    init(_ descriptor: Descriptor, loop: EventLoop) {
        self.descriptor = descriptor
        self.loop = loop
        (accepted, continuation) = AsyncStream.makeStream(
            of: Descriptor.self, bufferingPolicy: .bufferingOldest(Self.waitingConnections))
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    func open() {
        registration = loop.register(self, fd: descriptor.rawValue, events: EventLoop.readable)
    }

    func close() {
        if let registration { loop.unregister(registration, fd: descriptor.rawValue) }
        registration = nil
        resume = .max
        continuation.finish()
    }

    // MARK: - On the loop's thread

    nonisolated func ready(_ events: UInt32) { assumeIsolated { $0.acceptAll() } }
    nonisolated var deadline: UInt64 { assumeIsolated { $0.resume } }
    nonisolated func fire(_ now: UInt64) { assumeIsolated { $0.resumeAccepting() } }
    nonisolated func flush(_ now: UInt64) -> Bool { false }

    private func acceptAll() {
        do {
            while let connection = try UnixSocket.accept(descriptor) {
                // A dropped connection closes itself: its only reference goes here.
                if case .dropped = continuation.yield(connection) { return }
            }
        } catch let error where error.isTooManyOpen {
            guard let registration else { return }
            loop.modify(registration, fd: descriptor.rawValue, events: 0)
            resume = Machine.monotonicNanoseconds() + Self.pauseNanoseconds
        } catch {
            close()
        }
    }

    private func resumeAccepting() {
        resume = .max
        guard let registration else { return }
        loop.modify(registration, fd: descriptor.rawValue, events: EventLoop.readable)
    }
}
