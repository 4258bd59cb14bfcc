import Synchronization

/// Accepted connections on their way to their one consumer, which may be away for a while: it outlives the runs of the
/// server and the lives of the consumer.
final class ConnectionArrivals: Sendable {
    private struct State {
        var waiting: [QuicConnection] = []
        var consumer: AsyncStream<QuicConnection>.Continuation?
    }

    private let limit: Int
    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)

    init(limit: Int) { self.limit = limit }

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    /// Returns false when as many wait as may.
    func arrived(_ connection: QuicConnection) -> Bool {
        state.withLock { state in
            if let consumer = state.consumer {
                switch consumer.yield(connection) {
                case .enqueued: return true
                case .dropped: return false
                case .terminated: state.consumer = nil
                @unknown default: return false
                }
            }
            state.waiting.removeAll(where: \.isClosed)
            guard state.waiting.count < limit else { return false }
            state.waiting.append(connection)
            return true
        }
    }

    /// A stream for a new consumer; the one before it ends.
    func stream() -> AsyncStream<QuicConnection> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: QuicConnection.self, bufferingPolicy: .bufferingOldest(limit))
        let (previous, waiting) = state.withLock { state in
            let previous = state.consumer
            let waiting = state.waiting
            state.consumer = continuation
            state.waiting = []
            for connection in waiting { continuation.yield(connection) }
            return (previous, waiting)
        }
        previous?.finish()
        _ = waiting
        return stream
    }
}
