package import Linux

/// The signals that a daemon listens to, as a stream.
package struct ProcessSignals: Sendable {
    package static let hangup: Int32 = 1
    package static let interrupt: Int32 = 2
    package static let terminate: Int32 = 15

    private let descriptor: SignalDescriptor

    /// Blocks the signals and ignores SIGPIPE. Call it in the main thread before any other thread is made.
    package init(_ numbers: [Int32]) throws(LinuxError) {
        SignalDescriptor.ignoreBrokenPipes()
        descriptor = try SignalDescriptor(numbers)
    }

    /// The signals as they come, for one reader; it ends when the reader's task is cancelled.
    package func stream(on loop: EventLoop) -> AsyncStream<Int32> {
        let descriptor = descriptor
        let readiness = Readiness(descriptor.descriptor, on: loop)
        return AsyncStream {
            while true {
                do {
                    if let number = try descriptor.next() { return number }
                    try await readiness.readable()
                } catch {
                    return nil
                }
            }
        }
    }
}
