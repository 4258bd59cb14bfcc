import Runtime
import Supervision
import TestKit
import Testing

private struct Broken: Error {}

/// Children that say what happens to them and do what the test tells them.
private struct House: Sendable {
    let trace = Trace<String>()
    let clock = ManualClock()
    let log = TraceSink()

    /// Lives until it is cancelled.
    func steady(_ name: String, _ policy: RestartPolicy = .required) -> Child {
        let trace = trace
        return Child(name, policy, stopLimit: .seconds(2)) { up in
            trace.record("\(name) begins")
            up()
            do { try await AsyncGate().wait() } catch {
                trace.record("\(name) ends")
                throw error
            }
        }
    }

    /// Comes up and ends when the gate opens.
    func mortal(_ name: String, _ policy: RestartPolicy, _ gate: AsyncGate, _ error: (any Error)?) -> Child {
        let trace = trace
        return Child(name, policy, stopLimit: .seconds(2)) { up in
            trace.record("\(name) begins")
            up()
            try await gate.wait()
            if let error { throw error }
        }
    }

    func supervisor(_ children: [Child]) -> Supervisor {
        let trace = trace
        return Supervisor(
            children: children, time: clock, random: RandomSource(seed: 1), log: log.log,
            describe: { $0 is Broken ? "It is broken." : "It is odd." },
            changed: { trace.record("\($0.name): \($0.state.rawValue)") },
            failed: { component, _ in trace.record("\(component) failed") })
    }
}

@Suite struct `A supervisor` {
    @Test func `starts in order and stops in reverse`() async throws {
        try await within {
            let house = House()
            let supervisor = house.supervisor([house.steady("a"), house.steady("b"), house.steady("c")])
            let exit = await supervisor.run { supervisor.stop() }
            #expect(exit == .stopped)
            let told = house.trace.events.filter { $0.hasSuffix("begins") || $0.hasSuffix("ends") }
            #expect(told == ["a begins", "b begins", "c begins", "c ends", "b ends", "a ends"])
        }
    }

    @Test func `remembers a stop from before its life and starts nothing`() async throws {
        try await within {
            let house = House()
            let supervisor = house.supervisor([house.steady("a")])
            supervisor.stop()
            let exit = await supervisor.run { house.trace.record("all up") }
            #expect(exit == .stopped)
            #expect(house.trace.events == [])
        }
    }

    @Test func `ends when a required child ends, whichever way`() async throws {
        for (error, reason) in [
            (Broken(), "It is broken."), (nil, "It returned without being asked."),
            (CancellationError(), "It was cancelled without being asked."),
        ] as [((any Error)?, String)] {
            try await within {
                let house = House()
                let gate = AsyncGate()
                let supervisor = house.supervisor([house.steady("a"), house.mortal("b", .required, gate, error)])
                let exit = await supervisor.run { gate.open() }
                #expect(exit == .failed(component: "b", reason: reason))
                #expect(house.trace.events.contains("a ends"))
                #expect(house.log.trace.events.contains { $0.kind == "runtime_failed" && $0.level == .error })
            }
        }
    }

    @Test func `starts a child again when its delay has passed`() async throws {
        try await within {
            let house = House()
            let gate = AsyncGate(isOpen: true)
            let supervisor = house.supervisor([house.mortal("a", .restart, gate, Broken()), house.steady("b")])
            async let exit = supervisor.run {}
            for round in 1...3 {
                await house.trace.wait { events in events.count { $0 == "a: restarting" } == round }
                await house.clock.sleepers(1)
                #expect(house.trace.events.count { $0 == "a begins" } == round)
                let wake = try #require(house.clock.nextWake)
                let delay = Duration.seconds(5) * Double(1 << (round - 1))
                #expect(wake >= delay * 0.9 && wake <= delay * 1.1)
                house.clock.advance(by: wake)
                await house.trace.wait { events in events.count { $0 == "a begins" } == round + 1 }
            }
            supervisor.stop()
            #expect(await exit == .stopped)
            #expect(await supervisor.statuses().map(\.restarts) == [3, 0])
        }
    }

    @Test func `leaves no timer behind when it stops while a child waits to be started again`() async throws {
        try await within {
            let house = House()
            let gate = AsyncGate(isOpen: true)
            let supervisor = house.supervisor([house.mortal("a", .restart, gate, Broken()), house.steady("b")])
            async let exit = supervisor.run {}
            await house.clock.sleepers(1)
            supervisor.stop()
            #expect(await exit == .stopped)
            while house.clock.sleeping > 0 { await Task.yield() }
        }
    }

    @Test func `lives on when a best-effort child ends`() async throws {
        try await within {
            let house = House()
            let gate = AsyncGate(isOpen: true)
            let supervisor = house.supervisor([house.mortal("a", .bestEffort, gate, Broken()), house.steady("b")])
            async let exit = supervisor.run {}
            await house.trace.wait { $0.contains("a: degraded") && $0.contains("b: running") }
            #expect(await supervisor.statuses().map(\.reason) == ["It is broken.", nil])
            supervisor.stop()
            #expect(await exit == .stopped)
        }
    }

    @Test func `leaves a child behind that does not stop`() async throws {
        try await within {
            let house = House()
            let release = OneShot<Void>()
            let deaf = Child("deaf", .required, stopLimit: .seconds(2)) { up in
                up()
                await release.take()
            }
            let supervisor = house.supervisor([house.steady("a"), deaf])
            async let exit = supervisor.run { supervisor.stop() }
            await house.trace.wait(for: "deaf: stopping")
            await house.clock.sleepers(1)
            #expect(house.clock.nextWake == .seconds(2))
            house.clock.advance(by: .seconds(2))
            #expect(await exit == .stopped)
            #expect(house.trace.events.contains("a ends"))
            release.give()
        }
    }

    @Test func `ends at once in a hurry`() async throws {
        try await within {
            let house = House()
            let release = OneShot<Void>()
            let deaf = Child("deaf", .required, stopLimit: .seconds(60)) { up in
                up()
                await release.take()
            }
            let supervisor = house.supervisor([deaf])
            async let exit = supervisor.run { supervisor.stop() }
            await house.trace.wait(for: "deaf: stopping")
            supervisor.hurry()
            #expect(await exit == .stopped)
            release.give()
        }
    }

    @Test func `shows what a child says of itself`() async throws {
        try await within {
            let house = House()
            let supervisor = house.supervisor([house.steady("a")])
            async let exit = supervisor.run {}
            await house.trace.wait(for: "a: running")
            await supervisor.degrade("a", reason: "Avahi is away.")
            #expect(await supervisor.statuses().first?.state == .degraded)
            await supervisor.degrade("a", reason: nil)
            await supervisor.degrade("nobody", reason: "?")
            #expect(await supervisor.statuses().first?.state == .running)
            supervisor.stop()
            #expect(await exit == .stopped)
        }
    }
}
