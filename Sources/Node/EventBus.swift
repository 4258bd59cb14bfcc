package import Control
import Model
import Synchronization

/// Numbers events and hands them to every subscriber; `publish` is a plain function that never waits.
///
/// A lock and not an actor: two publishers must not overtake each other between the number and the queues.
package final class EventBus: Sendable {
    private struct State {
        var ledger = EventLedger()
        var feeds: [EventFeed] = []
    }

    private let state = Mutex(State())
    private let epoch: String

    /// `epoch` is another one after each start, so that a position of an earlier run is never taken for one of this.
    package init(epoch: String) { self.epoch = epoch }

    package func publish(_ event: NodeEvent) {
        state.withLock { state in
            let numbered = state.ledger.append(event)
            state.feeds.removeAll { !$0.offer(numbered) }
        }
    }

    /// The number for a reading of the games that begins now.
    func beginReading() -> UInt64 { state.withLock { $0.ledger.beginReading() } }

    /// What this host has may have changed.
    ///
    /// - Parameter isAskedFor: it is told also when it has not.
    func publish(_ table: GameTable, isAskedFor: Bool = false) {
        state.withLock { state in
            for event in state.ledger.append(table, isAskedFor: isAskedFor) {
                state.feeds.removeAll { !$0.offer(event) }
            }
        }
    }

    /// What these peers have may have changed; true: the peer told another library.
    func publish(_ table: GameTable, causes: [PeerID: Bool]) {
        state.withLock { state in
            for event in state.ledger.append(table, causes: causes) { state.feeds.removeAll { !$0.offer(event) } }
        }
    }

    package func subscribe(since: EventPosition?) -> EventSubscription {
        state.withLock { state in
            if let since, since.epoch == epoch, let backlog = state.ledger.events(after: since.number) {
                let feed = EventFeed(backlog: backlog)
                state.feeds.append(feed)
                return EventSubscription(position: since, snapshot: .null, feed: feed)
            }
            let feed = EventFeed()
            state.feeds.append(feed)
            return EventSubscription(
                position: EventPosition(epoch: epoch, number: state.ledger.number), snapshot: state.ledger.snapshot,
                feed: feed)
        }
    }

    /// Ends every subscription after what waits was taken.
    package func finish() {
        state.withLock { state in
            for feed in state.feeds { feed.finish() }
            state.feeds.removeAll()
        }
    }
}
