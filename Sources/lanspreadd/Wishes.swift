import Runtime
import Synchronization

/// What the administrator wants by signal, from the first moment of the daemon on.
///
/// Who can obey changes in the daemon's life: first the start, which is given up, then the supervisor. A wish is never
/// lost between the two.
final class Wishes: Sendable {
    private struct State {
        var stops = 0
        var obey: @Sendable (Int) -> Void = { _ in }
    }

    private let state = Mutex(State())

    /// Somebody wants the daemon to stop.
    var isStopWanted: Bool { state.withLock { $0.stops > 0 } }

    /// Until the signals end. A wish to stop makes every later wish for a reload void.
    func follow(_ signals: AsyncStream<Int32>, hangup: () -> Void) async {
        for await signal in signals {
            if signal == ProcessSignals.hangup {
                if !isStopWanted { hangup() }
            } else {
                // Told under the lock, so that the second wish never overtakes the first.
                state.withLock { state in
                    state.stops += 1
                    state.obey(state.stops)
                }
            }
        }
    }

    /// From now on `body` hears of every wish to stop, and at once of those that came before.
    ///
    /// - Parameter body: is given the number of the wish, from 1 on: the first is obeyed in order, the second at once.
    ///   It waits for nothing.
    func obeyed(by body: @escaping @Sendable (_ number: Int) -> Void) {
        state.withLock { state in
            state.obey = body
            for number in 0..<state.stops { body(number + 1) }
        }
    }
}
