import Runtime
import Synchronization

/// What of a connection is shared between its loop and its handles: the peer's streams, and the end.
final class ConnectionGate: Sendable {
    let inbound: AsyncStream<QuicStream>

    private let arrivals: AsyncStream<QuicStream>.Continuation
    private let end: Mutex<(reason: QuicError?, waiting: [ObjectIdentifier: Pending<QuicError>])>

    init(streams: Int) {
        // The stream limit of the transport lets no more than this many wait; an overflow is reset all the same.
        (inbound, arrivals) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(streams))
        end = Mutex((nil, [:]))
    }

    var isClosed: Bool { reason != nil }

    var reason: QuicError? { end.withLock { $0.reason } }

    /// Returns false when nobody will take the stream.
    func arrived(_ stream: QuicStream) -> Bool {
        switch arrivals.yield(stream) {
        case .enqueued: true
        case .dropped, .terminated: false
        @unknown default: false
        }
    }

    func close(_ reason: QuicError) {
        let waiting = end.withLock { end -> [Pending<QuicError>] in
            if end.reason == nil { end.reason = reason }
            defer { end.waiting = [:] }
            return Array(end.waiting.values)
        }
        for pending in waiting { pending.finish(.success(reason)) }
        arrivals.finish()
    }

    /// Returns `.cancelled` in a cancelled task.
    func waitUntilClosed() async -> QuicError {
        let pending = Pending<QuicError>()
        let key = ObjectIdentifier(pending)
        let reason = end.withLock { end -> QuicError? in
            if end.reason == nil { end.waiting[key] = pending }
            return end.reason
        }
        if let reason { return reason }
        do {
            return try await pending.value { [self] in
                _ = end.withLock { $0.waiting.removeValue(forKey: key) }
                pending.fail(.cancelled)
            }
        } catch {
            return error
        }
    }
}
