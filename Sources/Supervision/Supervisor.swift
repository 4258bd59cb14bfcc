package import Runtime

/// Starts the daemon's children in order, answers for their ends, and stops them in reverse.
///
/// It knows names and policies, never subsystems. Its order is the order of one stream of events; `SupervisorState`
/// decides.
package actor Supervisor {
    private enum Event: Sendable {
        case begin
        case up(child: Int, life: Int)
        case ended(child: Int, life: Int, reason: String)
        case due(child: Int, life: Int)
        case limitPassed(child: Int)
        case stop
        case hurry
    }

    private var state: SupervisorState
    private var published: [ComponentStatus]
    private var lives: [Int: Task<Void, Never>] = [:]
    /// A child waits for one thing at a time: for its next life or for the limit of its stop.
    private var timers: [Int: Task<Void, Never>] = [:]
    private var hasRun = false

    private let children: [Child]
    private let time: any TimeSource
    private let random: RandomSource
    private let log: Log
    private let describe: @Sendable (any Error) -> String
    private let changed: @Sendable (ComponentStatus) -> Void
    private let failed: @Sendable (_ component: String, _ reason: String) -> Void
    private let events: AsyncStream<Event>
    private nonisolated let door: AsyncStream<Event>.Continuation

    /// - Parameters:
    ///   - describe: makes a sentence of what a child threw.
    ///   - changed: hears every change of a status, in order.
    ///   - failed: hears that a required child ended by itself, before any other is stopped; never in an orderly stop.
    package init(
        children: [Child], time: any TimeSource, random: RandomSource, log: Log,
        describe: @escaping @Sendable (any Error) -> String = { "\($0)" },
        changed: @escaping @Sendable (ComponentStatus) -> Void,
        failed: @escaping @Sendable (_ component: String, _ reason: String) -> Void
    ) {
        self.children = children
        self.time = time
        self.random = random
        self.log = log
        self.describe = describe
        self.changed = changed
        self.failed = failed
        state = SupervisorState(children)
        published = state.members.map(\.status)
        // Two events a life, one a timer and one a signal: nothing from outside can fill it.
        (events, door) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
    }

    /// Lives until everything is stopped; once.
    ///
    /// - Parameter allUp: every child is up, or has ended without stopping the start.
    package func run(allUp: @escaping @Sendable () -> Void) async -> SupervisorExit {
        precondition(!hasRun, "a supervisor runs once")
        hasRun = true
        // Behind a stop that came before: then nothing is started.
        door.yield(.begin)
        var exit = SupervisorExit.stopped
        for await event in events {
            guard let end = perform(decide(event), allUp) else { continue }
            exit = end
            break
        }
        for timer in timers.values { timer.cancel() }
        return exit
    }

    // MARK: - The door

    /// Stops everything in order; from any thread, also before `run`.
    package nonisolated func stop() {
        door.yield(.stop)
    }

    /// After `stop`: waits for nobody any more.
    package nonisolated func hurry() {
        door.yield(.hurry)
    }

    /// A running child says that it works, but reduced; nil: as it should.
    package func degrade(_ name: String, reason: String?) {
        guard let child = state.index(name) else { return }
        let before = state.members[child].status.reason
        state.degrade(child, reason: reason)
        publish()
        // Not taken from one that is down, or in a stop.
        guard state.members[child].status.reason == reason, reason != before else { return }
        if let reason {
            log.warning("\(name) is degraded: \(reason)", kind: "degraded", .field("component", name))
        } else {
            log.notice("\(name) works fully again.", kind: "recovered", .field("component", name))
        }
    }

    package func statuses() -> [ComponentStatus] {
        state.members.map(\.status)
    }

    // MARK: - Events

    private func decide(_ event: Event) -> [SupervisorState.Action] {
        switch event {
        case .begin:
            return state.advance()
        case .up(let child, let life):
            return state.up(child, life: life, now: time.now)
        case .ended(let child, let life, let reason):
            let wasStopping = state.isStopping
            let actions = state.ended(child, life: life, reason: reason, now: time.now, chance: random.fraction())
            if !wasStopping { report(child, reason) }
            return actions
        case .due(let child, let life):
            return state.due(child, life: life)
        case .limitPassed(let child):
            return state.limitPassed(child, now: time.now)
        case .stop:
            return state.stop(.stopped, now: time.now)
        case .hurry:
            return state.hurry()
        }
    }

    private func report(_ child: Int, _ reason: String) {
        let name = children[child].name
        switch children[child].policy {
        case .required:
            let field = LogField.field("component", name)
            log.error("\(name) ended and cannot be done without: \(reason)", kind: "runtime_failed", field)
        case .restart:
            log.warning("\(name) ended and is started again: \(reason)", kind: "degraded", .field("component", name))
        case .bestEffort:
            log.warning("\(name) ended and stays down: \(reason)", kind: "degraded", .field("component", name))
        }
    }

    /// Returns the exit, once there is one.
    private func perform(_ actions: [SupervisorState.Action], _ allUp: () -> Void) -> SupervisorExit? {
        publish()
        var exit: SupervisorExit?
        for action in actions {
            switch action {
            case .start(let child, let life):
                begin(child, life)
            case .cancel(let child, let limit):
                log.debug("Stopping \(children[child].name).")
                lives[child]?.cancel()
                later(child, limit, .limitPassed(child: child))
            case .startLater(let child, let life, let after):
                later(child, after, .due(child: child, life: life))
            case .allUp:
                allUp()
            case .failed(let component, let reason):
                failed(component, reason)
            case .abandoned(let child):
                log.error(
                    "\(children[child].name) did not stop in its time.", kind: "component_abandoned",
                    .field("component", children[child].name))
            case .finish(let how):
                exit = how
            }
        }
        return exit
    }

    /// A child is a task of its own and not part of a group: a group could not be left while one of its children hangs.
    private func begin(_ child: Int, _ life: Int) {
        let (run, door, describe) = (children[child].run, door, describe)
        // Detached: the child runs on Swift's pool, not on this actor.
        lives[child] = Task.detached {
            do {
                try await run { door.yield(.up(child: child, life: life)) }
                door.yield(.ended(child: child, life: life, reason: "It returned without being asked."))
            } catch is CancellationError {
                // It counts as "told to stop" only if the stop was ours, which the state knows.
                door.yield(.ended(child: child, life: life, reason: "It was cancelled without being asked."))
            } catch {
                door.yield(.ended(child: child, life: life, reason: describe(error)))
            }
        }
    }

    private func later(_ child: Int, _ delay: Duration, _ event: Event) {
        let (time, door) = (time, door)
        let instant = time.now + delay
        timers[child]?.cancel()
        timers[child] = Task.detached {
            do { try await time.sleep(until: instant) } catch { return }
            door.yield(event)
        }
    }

    private func publish() {
        for (index, member) in state.members.enumerated() where member.status != published[index] {
            published[index] = member.status
            changed(member.status)
        }
    }
}
