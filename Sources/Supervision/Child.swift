/// What the end of a child means for the others.
package enum RestartPolicy: String, Sendable {
    /// The daemon ends; systemd starts it again.
    case required
    /// It is started again, later and later.
    case restart
    /// It stays down and is shown as degraded.
    case bestEffort = "best_effort"
}

/// Something with a life that the supervisor starts, watches and stops.
package struct Child: Sendable {
    package let name: String
    package let policy: RestartPolicy
    /// How long a stop waits for it at most; then the stop goes on without it.
    package let stopLimit: Duration
    /// What a stop keeps for it of the time for all, whatever those before it have taken.
    package let stopReserve: Duration
    package let run: @Sendable (_ up: @escaping @Sendable () -> Void) async throws -> Void

    /// - Parameter run: its life. Calls `up` once it does its work; ends when its task is cancelled; may be called
    ///   again after it ended.
    package init(
        _ name: String, _ policy: RestartPolicy, stopLimit: Duration, stopReserve: Duration = .milliseconds(100),
        run: @escaping @Sendable (_ up: @escaping @Sendable () -> Void) async throws -> Void
    ) {
        self.name = name
        self.policy = policy
        self.stopLimit = stopLimit
        self.stopReserve = stopReserve
        self.run = run
    }
}

/// How one child is, for status and events.
package struct ComponentStatus: Sendable, Hashable {
    package enum State: String, Sendable {
        /// Not yet up.
        case starting
        case running
        /// Ended and waiting to be started again.
        case restarting
        /// Running, but reduced; or down for good, where nobody depends on it.
        case degraded
        case stopping
        case stopped
    }

    package let name: String
    package let policy: RestartPolicy
    package var state: State
    /// How often it was started again.
    package var restarts: Int
    /// Why it is not simply running.
    package var reason: String?
    /// The last reason that there was, also when all is well again.
    package var lastReason: String?
}

/// How the supervisor's own life ended.
package enum SupervisorExit: Sendable, Hashable {
    /// Somebody asked.
    case stopped
    /// A required child ended by itself.
    case failed(component: String, reason: String)
}
