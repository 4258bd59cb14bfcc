import Model
import Synchronization

/// An `EventQueue` between the one who publishes and one subscriber; the publisher never waits.
package final class EventFeed: Sendable {
    private struct State {
        var queue: EventQueue
        var isFinished = false
    }

    private let state: Mutex<State>
    /// A wake-up carries nothing: one is enough, however many events wait.
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    package init(
        limit: Int = Limits.eventQueue, rowsLimit: Int = Limits.eventQueueRows, backlog: [ControlEvent] = []
    ) {
        state = Mutex(State(queue: EventQueue(limit: limit, rowsLimit: rowsLimit, backlog: backlog)))
        (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Any thread, never waits. False: the subscriber is gone and the publisher may forget this feed.
    package func offer(_ event: ControlEvent) -> Bool {
        let isOpen = state.withLock { state in
            if !state.isFinished { state.queue.offer(event) }
            return !state.isFinished
        }
        if isOpen { wake.yield() }
        return isOpen
    }

    /// Either side: nothing is offered any more. What waits is still taken.
    package func finish() {
        state.withLock { $0.isFinished = true }
        wake.finish()
    }

    /// For one consumer. Nil: the feed is finished and empty, or the task was cancelled.
    package func next() async -> ControlEvent? {
        while true {
            if let event = state.withLock({ $0.queue.take() }) { return event }
            var iterator = wakes.makeAsyncIterator()
            guard await iterator.next() != nil else {
                // An event may have come between the look and the end.
                return state.withLock { $0.queue.take() }
            }
        }
    }
}
