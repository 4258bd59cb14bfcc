import Runtime
import Testing

@testable import Supervision

/// A state with its clock; the jitter is always in the middle.
private struct Stage {
    var state: SupervisorState
    var now = Instant(nanoseconds: 1_000_000_000)

    init(_ policies: RestartPolicy...) {
        let children = policies.enumerated().map { index, policy in
            Child("c\(index)", policy, stopLimit: .seconds(index + 1)) { _ in }
        }
        state = SupervisorState(children)
    }

    init(_ children: [Child]) { state = SupervisorState(children) }

    mutating func up(_ child: Int, life: Int = 1) -> [SupervisorState.Action] {
        state.up(child, life: life, now: now)
    }

    mutating func ended(_ child: Int, life: Int = 1, _ reason: String = "It broke.") -> [SupervisorState.Action] {
        state.ended(child, life: life, reason: reason, now: now, chance: 0.5)
    }

    mutating func stop() -> [SupervisorState.Action] { state.stop(.stopped, now: now) }

    mutating func limitPassed(_ child: Int) -> [SupervisorState.Action] { state.limitPassed(child, now: now) }

    /// All children are up.
    mutating func startAll() {
        _ = state.advance()
        for child in state.members.indices { _ = up(child) }
    }

    func status(_ child: Int) -> ComponentStatus { state.members[child].status }
}

@Suite struct `A supervisor's state` {
    @Test func `starts the next child only when the one before is up`() {
        var stage = Stage(.required, .restart)
        #expect(stage.state.advance() == [.start(child: 0, life: 1)])
        #expect(stage.status(0).state == .starting)
        #expect(stage.status(1).state == .stopped)
        #expect(stage.up(0) == [.start(child: 1, life: 1)])
        #expect(stage.up(1) == [.allUp])
        #expect(stage.status(0).state == .running)
        #expect(stage.status(1).state == .running)
    }

    @Test func `reports all up once, and at once without children`() {
        var stage = Stage()
        #expect(stage.state.advance() == [.allUp])
        #expect(stage.state.advance() == [])
    }

    @Test func `goes on with the start when a child that may fail has ended`() {
        var stage = Stage(.restart, .bestEffort, .required)
        _ = stage.state.advance()
        #expect(
            stage.ended(0) == [.startLater(child: 0, life: 1, after: .seconds(5)), .start(child: 1, life: 1)])
        #expect(stage.ended(1) == [.start(child: 2, life: 1)])
        #expect(stage.up(2) == [.allUp])
        #expect(stage.status(0).state == .restarting)
        #expect(stage.status(1).state == .degraded)
        #expect(stage.status(1).reason == "It broke.")
    }

    @Test func `does not hurry the start when an earlier child ends`() {
        var stage = Stage(.restart, .required, .required)
        _ = stage.state.advance()
        _ = stage.up(0)
        #expect(stage.ended(0) == [.startLater(child: 0, life: 1, after: .seconds(5))])
        #expect(stage.up(1) == [.start(child: 2, life: 1)])
    }

    @Test func `stops the others in reverse when a required child ends`() {
        var stage = Stage(.required, .required, .restart)
        stage.startAll()
        #expect(
            stage.ended(1, "The socket is gone.") == [
                .failed(component: "c1", reason: "The socket is gone."), .cancel(child: 2, limit: .seconds(3)),
            ])
        #expect(stage.status(2).state == .stopping)
        #expect(stage.ended(2) == [.cancel(child: 0, limit: .seconds(1))])
        #expect(stage.ended(0) == [.finish(.failed(component: "c1", reason: "The socket is gone."))])
        #expect(stage.state.members.allSatisfy { $0.status.state == .stopped })
    }

    @Test func `ends with a failure also when the first start fails`() {
        var stage = Stage(.required, .required)
        _ = stage.state.advance()
        let failed = SupervisorState.Action.failed(component: "c0", reason: "No room.")
        #expect(stage.ended(0, "No room.") == [failed, .finish(.failed(component: "c0", reason: "No room."))])
    }

    @Test func `restarts later and later, up to a minute`() {
        var stage = Stage(.restart)
        stage.startAll()
        var delays: [Duration] = []
        for life in 1...6 {
            guard case .startLater(_, _, let after)? = stage.ended(0, life: life).first else { break }
            delays.append(after)
            #expect(stage.status(0).state == .restarting)
            #expect(stage.state.due(0, life: life) == [.start(child: 0, life: life + 1)])
            _ = stage.up(0, life: life + 1)
        }
        #expect(delays == [.seconds(5), .seconds(10), .seconds(20), .seconds(40), .seconds(60), .seconds(60)])
        #expect(stage.status(0).restarts == 6)
    }

    @Test(arguments: [(59, 10), (60, 5)])
    func `forgets the past after a minute of health`(_ seconds: Int, _ expected: Int) {
        var stage = Stage(.restart)
        stage.startAll()
        _ = stage.ended(0)
        _ = stage.state.due(0, life: 1)
        _ = stage.up(0, life: 2)
        stage.now = stage.now + .seconds(seconds)
        #expect(stage.ended(0, life: 2) == [.startLater(child: 0, life: 2, after: .seconds(expected))])
    }

    @Test(arguments: [(0.0, 4.5), (0.5, 5.0), (0.999_999, 5.5)])
    func `spreads the delay by a tenth`(_ chance: Double, _ expected: Double) throws {
        var stage = Stage(.restart)
        stage.startAll()
        let actions = stage.state.ended(0, life: 1, reason: "", now: stage.now, chance: chance)
        guard case .startLater(_, _, let after)? = actions.first else {
            Issue.record("no restart in \(actions)")
            return
        }
        #expect(abs((after - .seconds(expected)).wholeNanoseconds) < 1_000_000)
    }

    @Test func `leaves a best-effort child down`() {
        var stage = Stage(.bestEffort)
        stage.startAll()
        #expect(stage.ended(0) == [])
        #expect(stage.status(0).state == .degraded)
    }

    @Test func `ignores what an earlier life says`() {
        var stage = Stage(.restart)
        stage.startAll()
        _ = stage.ended(0)
        _ = stage.state.due(0, life: 1)
        #expect(stage.ended(0, life: 1) == [])
        #expect(stage.up(0, life: 1) == [])
        #expect(stage.status(0).state == .starting)
        #expect(stage.up(0, life: 2) == [])
        #expect(stage.status(0).state == .running)
    }

    @Test func `keeps a degraded child alive and clears it`() {
        var stage = Stage(.restart)
        stage.startAll()
        stage.state.degrade(0, reason: "No Avahi.")
        #expect(stage.status(0).state == .degraded)
        #expect(stage.status(0).reason == "No Avahi.")
        stage.state.degrade(0, reason: nil)
        #expect(stage.status(0).state == .running)
        #expect(stage.status(0).reason == nil)
        #expect(stage.status(0).lastReason == "No Avahi.")
    }

    @Test func `keeps the reason of a child that is reduced before it is up`() {
        var stage = Stage(.restart)
        _ = stage.state.advance()
        stage.state.degrade(0, reason: "No Avahi.")
        #expect(stage.up(0) == [.allUp])
        #expect(stage.status(0).state == .degraded)
    }

    @Test func `stops in reverse and only what lives`() {
        var stage = Stage(.required, .bestEffort, .restart, .required)
        stage.startAll()
        _ = stage.ended(1)
        #expect(stage.stop() == [.cancel(child: 3, limit: .seconds(4))])
        #expect(stage.ended(3) == [.cancel(child: 2, limit: .seconds(3))])
        #expect(stage.ended(2) == [.cancel(child: 0, limit: .seconds(1))])
        #expect(stage.ended(0) == [.finish(.stopped)])
    }

    @Test func `starts nothing after a stop`() {
        var stage = Stage(.restart, .required)
        _ = stage.state.advance()
        _ = stage.ended(0)
        #expect(stage.stop() == [.cancel(child: 1, limit: .seconds(2))])
        #expect(stage.state.due(0, life: 1) == [])
        #expect(stage.up(1) == [])
        #expect(stage.ended(1) == [.finish(.stopped)])
        #expect(stage.state.advance() == [])
    }

    @Test func `goes on without a child that does not stop in time`() {
        var stage = Stage(.required, .required)
        stage.startAll()
        _ = stage.stop()
        #expect(stage.limitPassed(1) == [.abandoned(child: 1), .cancel(child: 0, limit: .seconds(1))])
        #expect(stage.limitPassed(1) == [])
        #expect(stage.ended(1) == [])
        #expect(stage.ended(0) == [.finish(.stopped)])
    }

    @Test func `gives all together one time to stop, and keeps for each what is its own`() {
        // The shape of the daemon: many that should stop at once, and one at the bottom that says goodbye.
        let goodbye = Child("goodbye", .required, stopLimit: .seconds(3), stopReserve: .seconds(2)) { _ in }
        let others = (1...6).map { Child("c\($0)", .required, stopLimit: .seconds(1)) { _ in } }
        var stage = Stage([goodbye] + others)
        stage.startAll()
        let begin = stage.now
        var actions = stage.stop()
        var limits: [Duration] = []
        while case .cancel(let child, let limit)? = actions.last {
            limits.append(limit)
            stage.now = stage.now + limit
            actions = stage.limitPassed(child)
        }
        #expect(actions == [.abandoned(child: 0), .finish(.stopped)])
        #expect(limits.first == .seconds(1))
        #expect(limits.last.map { $0 >= .seconds(2) } == true, "\(limits)")
        #expect(limits.allSatisfy { $0 >= .milliseconds(100) })
        #expect(stage.now - begin == SupervisorState.stopBudget)
    }

    @Test func `passes over a child that ended while another was stopping`() {
        var stage = Stage(.required, .required, .required)
        stage.startAll()
        _ = stage.stop()
        #expect(stage.ended(1) == [])
        #expect(stage.ended(2) == [.cancel(child: 0, limit: .seconds(1))])
    }

    @Test func `tells no failure of a required child that ends in an orderly stop`() {
        var stage = Stage(.required, .required)
        stage.startAll()
        stage.state.degrade(0, reason: "It is slow.")
        _ = stage.stop()
        #expect(stage.ended(1) == [.cancel(child: 0, limit: .seconds(1))])
        #expect(stage.ended(0) == [.finish(.stopped)])
    }

    @Test func `keeps the first exit`() {
        var stage = Stage(.required, .required)
        stage.startAll()
        _ = stage.ended(1, "First.")
        #expect(stage.stop() == [])
        #expect(stage.ended(0, "Second.") == [.finish(.failed(component: "c1", reason: "First."))])
    }

    @Test func `waits for nobody in a hurry`() {
        var stage = Stage(.required, .required, .required)
        stage.startAll()
        #expect(stage.state.hurry() == [])
        _ = stage.stop()
        #expect(
            stage.state.hurry() == [
                .cancel(child: 1, limit: .zero), .cancel(child: 0, limit: .zero), .finish(.stopped),
            ])
        #expect(stage.ended(0) == [])
    }
}
