import Linux
package import Runtime

/// A clock that stands until the test turns it.
package final class ManualClock: TimeSource {
    private struct Sleeper {
        let until: Instant
        let shot: OneShot<Bool>
    }

    private struct State {
        var now: Instant
        var sleepers: [Sleeper] = []
        var watchers: [(count: Int, shot: OneShot<Void>)] = []
    }

    private let state: Locked<State>

    package init(start: Instant = Instant(nanoseconds: 1_000_000_000_000)) {
        state = Locked(State(now: start))
    }

    package var now: Instant { state.withLock { $0.now } }

    package func sleep(until instant: Instant) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        let shot = OneShot<Bool>()
        let mustWait = state.withLock { state in
            if instant <= state.now { return false }
            state.sleepers.append(Sleeper(until: instant, shot: shot))
            return true
        }
        if !mustWait { return }
        tellWatchers()
        let isDue = await shot.take(orGive: false)
        if isDue { return }
        state.withLock { state in state.sleepers.removeAll { $0.shot === shot } }
        throw CancellationError()
    }

    /// Wakes all whose time has come, the earliest first.
    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let now = state.now
            let due = state.sleepers.filter { $0.until <= now }.sorted { $0.until < $1.until }
            state.sleepers.removeAll { $0.until <= now }
            return due
        }
        for sleeper in due { sleeper.shot.give(true) }
    }

    /// How long until the first sleeper wakes; nil when nobody sleeps.
    package var nextWake: Duration? {
        state.withLock { state in state.sleepers.map { $0.until }.min().map { $0 - state.now } }
    }

    package var sleeping: Int { state.withLock { $0.sleepers.count } }

    /// Waits until so many sleep: only then does turning the clock mean something to them.
    package func sleepers(_ count: Int) async {
        let shot = OneShot<Void>()
        state.withLock { $0.watchers.append((count, shot)) }
        tellWatchers()
        await shot.take(orGive: ())
    }

    private func tellWatchers() {
        let told = state.withLock { state in
            let count = state.sleepers.count
            defer { state.watchers.removeAll { $0.count <= count } }
            return state.watchers.filter { $0.count <= count }.map(\.shot)
        }
        for shot in told { shot.give() }
    }
}
