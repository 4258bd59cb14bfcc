import Linux
package import Runtime

/// What happened, in order: written from anywhere, waited for by the test.
package final class Trace<Event: Sendable>: Sendable {
    private struct Watcher {
        let isMet: @Sendable ([Event]) -> Bool
        let shot: OneShot<[Event]>
    }

    private struct State {
        var events: [Event] = []
        var watchers: [Watcher] = []
    }

    private let state = Locked(State())

    package init() {}

    package var events: [Event] { state.withLock { $0.events } }

    package func record(_ event: Event) {
        let met = state.withLock { state in
            state.events.append(event)
            let events = state.events
            let met = state.watchers.filter { $0.isMet(events) }.map(\.shot)
            state.watchers.removeAll { watcher in met.contains { $0 === watcher.shot } }
            return (met, events)
        }
        for shot in met.0 { shot.give(met.1) }
    }

    /// Returns the events of the moment in which the condition was first met; those so far, when the task is cancelled.
    @discardableResult
    package func wait(until isMet: @escaping @Sendable ([Event]) -> Bool) async -> [Event] {
        let shot = OneShot<[Event]>()
        let now = state.withLock { state in
            if !isMet(state.events) { state.watchers.append(Watcher(isMet: isMet, shot: shot)) }
            return state.events
        }
        if isMet(now) { return now }
        return await shot.take(orGive: now)
    }

    @discardableResult
    package func wait(count: Int) async -> [Event] {
        await wait { $0.count >= count }
    }
}

extension Trace where Event: Equatable {
    /// Waits until the event was recorded once.
    package func wait(for event: Event) async {
        await wait { $0.contains(event) }
    }
}

/// Keeps the records of a log, for looking at.
package struct TraceSink: LogSink {
    package let trace = Trace<LogRecord>()

    package init() {}

    package func write(_ record: LogRecord) {
        trace.record(record)
    }

    package var log: Log { Log(component: "test", sink: self, level: .debug) }
}
