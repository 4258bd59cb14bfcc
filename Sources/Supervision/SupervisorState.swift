import Runtime

/// Who runs, who is next, and what an end means.
///
/// The whole decision and none of the waiting: every method takes an event and returns what the supervisor has to do,
/// in order. A life is one run of a child, counted from 1; events of an earlier life are ignored.
struct SupervisorState {
    enum Action: Hashable {
        case start(child: Int, life: Int)
        /// Cancel it, and report when the limit has passed.
        case cancel(child: Int, limit: Duration)
        /// Report `due` after that time.
        case startLater(child: Int, life: Int, after: Duration)
        case allUp
        /// A required child ended by itself: told while those who listen still live.
        case failed(component: String, reason: String)
        /// Its stop took too long; it is left behind.
        case abandoned(child: Int)
        case finish(SupervisorExit)
    }

    /// One child's life so far.
    struct Member {
        var status: ComponentStatus
        let stopLimit: Duration
        let stopReserve: Duration
        var life = 0
        /// Between start and end of a run.
        var isAlive = false
        /// In this life.
        var upSince: Instant?
        /// It has been up once, or has ended without: the next one need not wait for it.
        var isSettled = false
        var delay = SupervisorState.firstDelay
    }

    /// Long enough for a D-Bus or a network that is being restarted itself.
    static let firstDelay = Duration.seconds(5)
    static let lastDelay = Duration.seconds(60)
    /// After so long the next end counts as the first one again.
    static let health = Duration.seconds(60)
    /// The delay is up to a tenth shorter or longer, so that many hosts of a party do not act in step.
    static let jitter = 0.1
    /// For all children together, a quarter of a second below what is promised for the whole daemon.
    static let stopBudget = Duration.milliseconds(4_750)

    private(set) var members: [Member]
    private var next = 0
    private var hasReportedAllUp = false
    /// Set once the stop has begun.
    private var exit: SupervisorExit?
    private var stopping: Int?
    private var stopDeadline: Instant?

    init(_ children: [Child]) {
        members = children.map { child in
            let status = ComponentStatus(
                name: child.name, policy: child.policy, state: .stopped, restarts: 0, reason: nil, lastReason: nil)
            return Member(status: status, stopLimit: child.stopLimit, stopReserve: child.stopReserve)
        }
    }

    var isStopping: Bool { exit != nil }

    func index(_ name: String) -> Int? {
        members.firstIndex { $0.status.name == name }
    }

    // MARK: - Starting

    /// Starts the first child, or the next one whose turn has come.
    mutating func advance() -> [Action] {
        if exit != nil || hasReportedAllUp { return [] }
        if next > 0, !members[next - 1].isSettled { return [] }
        if next == members.count {
            hasReportedAllUp = true
            return [.allUp]
        }
        next += 1
        return [begin(next - 1)]
    }

    private mutating func begin(_ child: Int) -> Action {
        members[child].life += 1
        members[child].isAlive = true
        members[child].upSince = nil
        members[child].status.state = .starting
        return .start(child: child, life: members[child].life)
    }

    mutating func up(_ child: Int, life: Int, now: Instant) -> [Action] {
        guard members[child].life == life, members[child].isAlive, members[child].upSince == nil else { return [] }
        members[child].upSince = now
        if exit == nil {
            // A child may have said that it is reduced before it said that it is up.
            let isReduced = members[child].status.state == .degraded
            if !isReduced {
                members[child].status.state = .running
                members[child].status.reason = nil
            }
        }
        members[child].isSettled = true
        return advance()
    }

    /// A child says that it works, but reduced; nil: as it should.
    mutating func degrade(_ child: Int, reason: String?) {
        guard exit == nil, members[child].isAlive else { return }
        members[child].status.reason = reason
        if let reason {
            members[child].status.lastReason = reason
            members[child].status.state = .degraded
        } else {
            members[child].status.state = members[child].upSince == nil ? .starting : .running
        }
    }

    // MARK: - Ending

    /// - Parameter chance: at least 0 and below 1, for the jitter.
    mutating func ended(_ child: Int, life: Int, reason: String, now: Instant, chance: Double) -> [Action] {
        guard members[child].life == life, members[child].isAlive else { return [] }
        members[child].isAlive = false
        members[child].isSettled = true
        if exit != nil {
            members[child].status.state = .stopped
            return stopping == child ? stopNext(below: child, now) : []
        }
        members[child].status.reason = reason
        members[child].status.lastReason = reason
        switch members[child].status.policy {
        case .required:
            members[child].status.state = .stopped
            let name = members[child].status.name
            return [.failed(component: name, reason: reason)] + stop(.failed(component: name, reason: reason), now: now)
        case .bestEffort:
            members[child].status.state = .degraded
            return advance()
        case .restart:
            if let since = members[child].upSince, now - since >= Self.health {
                members[child].delay = Self.firstDelay
            }
            let delay = members[child].delay
            members[child].delay = min(delay * 2, Self.lastDelay)
            members[child].status.state = .restarting
            let after = delay * (1 + Self.jitter * (2 * chance - 1))
            return [.startLater(child: child, life: members[child].life, after: after)] + advance()
        }
    }

    /// The delay of a restart has passed.
    mutating func due(_ child: Int, life: Int) -> [Action] {
        guard exit == nil, members[child].life == life, !members[child].isAlive else { return [] }
        members[child].status.restarts += 1
        return [begin(child)]
    }

    // MARK: - Stopping

    /// The first exit is the one that counts.
    mutating func stop(_ exit: SupervisorExit, now: Instant) -> [Action] {
        if self.exit != nil { return [] }
        self.exit = exit
        stopDeadline = now + Self.stopBudget
        for child in members.indices where !members[child].isAlive { members[child].status.state = .stopped }
        return stopNext(below: members.count, now)
    }

    /// A stop waits no longer for this child.
    mutating func limitPassed(_ child: Int, now: Instant) -> [Action] {
        guard exit != nil, stopping == child, members[child].isAlive else { return [] }
        return [.abandoned(child: child)] + stopNext(below: child, now)
    }

    /// Cancels all that are left and waits for none.
    mutating func hurry() -> [Action] {
        guard let exit, let stopping else { return [] }
        let left = members.indices.filter { $0 < stopping && members[$0].isAlive }.reversed()
        self.stopping = nil
        return left.map { .cancel(child: $0, limit: .zero) } + [.finish(exit)]
    }

    private mutating func stopNext(below limit: Int, _ now: Instant) -> [Action] {
        guard let exit else { return [] }
        guard let child = members.indices.last(where: { $0 < limit && members[$0].isAlive }) else {
            stopping = nil
            return [.finish(exit)]
        }
        stopping = child
        members[child].status.state = .stopping
        return [.cancel(child: child, limit: stopLimit(of: child, now))]
    }

    /// Its own limit, unless those that hung have used up the time for all: then what is not reserved for the others.
    private func stopLimit(of child: Int, _ now: Instant) -> Duration {
        guard let stopDeadline else { return members[child].stopLimit }
        let reserved = members[..<child].filter(\.isAlive).reduce(Duration.zero) { $0 + $1.stopReserve }
        let left = stopDeadline - now - reserved
        return min(members[child].stopLimit, max(left, members[child].stopReserve))
    }
}
