import Model
import Runtime
import TestKit
import Testing

@testable import Peers

@Suite struct `A watch over silent peers` {
    private let peer = Sample.peer(1)

    private func seconds(_ count: Int) -> Instant { Sample.start + .seconds(count) }

    /// What is told when the host wakes exactly when the state says, up to so many seconds.
    private func life(
        of state: inout LivenessState, from start: Int = 0, until end: Int, heard: [PeerID: Instant]
    ) -> [Int: [LivenessState.Action]] {
        var told: [Int: [LivenessState.Action]] = [:]
        var now = seconds(start)
        while now <= seconds(end) {
            let actions = state.look(now: now, heard: heard)
            if !actions.isEmpty { told[Int((now - seconds(0)).components.seconds)] = actions }
            guard let next = state.next(heard) else { break }
            #expect(next > now, "the watch spins at \(now)")
            now = next
        }
        return told
    }

    @Test func `pings the idle, suspects the silent, and lets go of those that stay silent`() {
        var state = LivenessState()
        let actions = life(of: &state, until: 24, heard: [peer: seconds(0)])
        #expect(actions[5] == [.ping(peer)])
        #expect(actions[10] == [.suspect(peer), .ping(peer)])
        #expect(actions[15] == [.ping(peer)])
        #expect(actions[20] == [.gone(peer), .ping(peer)])
        #expect(Set(actions.keys) == [5, 10, 15, 20])
    }

    @Test func `sleeps for good without peers, and five seconds with idle ones`() {
        var state = LivenessState()
        #expect(state.look(now: seconds(0), heard: [:]).isEmpty)
        #expect(state.next([:]) == nil)
        // A hundred peers that answer each ping at once, each with its own moment: one wake-up every five seconds.
        var heard: [PeerID: Instant] = [:]
        for number in 1...100 { heard[Sample.peer(UInt8(number))] = seconds(0) + .milliseconds(9 * number) }
        var wakes = 0
        var now = seconds(1)
        while now < seconds(101) {
            for case .ping(let peer) in state.look(now: now, heard: heard) { heard[peer] = now }
            guard let next = state.next(heard) else { break }
            now = next
            wakes += 1
        }
        #expect(wakes <= 21)
    }

    @Test func `asks at once who is doubted, and lets go of those that do not answer soon`() {
        var state = LivenessState()
        let heard = [peer: seconds(0), Sample.peer(2): seconds(0)]
        _ = state.look(now: seconds(1), heard: heard)
        #expect(state.look(now: seconds(2), heard: heard, doubted: [peer]) == [.suspect(peer), .ping(peer)])
        #expect(state.next(heard) == seconds(5))
        // The doubt is no verdict: who answers is well, and the others are not asked.
        var answered = state
        #expect(answered.look(now: seconds(3), heard: [peer: seconds(3)]) == [.clear(peer)])
        #expect(answered.next([peer: seconds(3)]) == seconds(8))
        #expect(state.look(now: seconds(4), heard: heard).isEmpty)
        #expect(state.look(now: seconds(5), heard: heard).contains(.gone(peer)))
        // One that is silent anyway has no more time than that.
        var silent = LivenessState()
        _ = silent.look(now: seconds(11), heard: [peer: seconds(0)])
        _ = silent.look(now: seconds(12), heard: [peer: seconds(0)], doubted: [peer])
        #expect(silent.look(now: seconds(15), heard: [peer: seconds(0)]).contains(.gone(peer)))
    }

    @Test func `clears a suspect that speaks`() {
        var state = LivenessState()
        #expect(state.look(now: seconds(10), heard: [peer: seconds(0)]).contains(.suspect(peer)))
        #expect(state.look(now: seconds(11), heard: [peer: seconds(11)]) == [.clear(peer)])
        #expect(state.look(now: seconds(12), heard: [peer: seconds(11)]).isEmpty)
    }

    @Test func `lets nobody go when this host itself stood still`() {
        // Wherever the watch was when the host was stopped: nothing yet, a ping under way, a suspicion almost over.
        for stopped in [0, 5, 9, 10, 15, 19] {
            var state = LivenessState()
            _ = life(of: &state, until: stopped, heard: [peer: seconds(0)])
            let waking = state.look(now: seconds(600), heard: [peer: seconds(0)])
            #expect(!waking.contains(.gone(peer)) && waking.contains(.ping(peer)), "stopped after \(stopped) s")
            // Whoever answers is well; whoever does not has ten more seconds, and then it is gone all the same.
            var answered = state
            #expect(answered.look(now: seconds(601), heard: [peer: seconds(601)]) == [.clear(peer)])
            let after = life(of: &state, from: 600, until: 615, heard: [peer: seconds(0)])
            #expect(after.first { $0.value.contains(.gone(peer)) }?.key == 610)
        }
    }

    @Test func `forgets a peer with its link`() {
        var state = LivenessState()
        _ = state.look(now: seconds(10), heard: [peer: seconds(0)])
        #expect(state.look(now: seconds(11), heard: [:]).isEmpty)
        #expect(state.look(now: seconds(20), heard: [peer: seconds(20)]).isEmpty)
    }
}

@Suite(.timeLimit(.minutes(1))) struct `The liveness of peers` {
    @Test func `sleeps for good until a peer comes, and until the next ping then`() async throws {
        let clock = ManualClock(start: MonotonicTime().now)
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let liveness = Liveness(table: alpha.table, time: clock, random: .system, log: .silent)
        let up = OneShot<Void>()
        let life = Task { try? await liveness.run { up.give() } }
        await up.take()
        #expect(clock.sleeping == 0)
        try await alpha.table.connect(to: bravo.address())
        await clock.sleepers(1)
        // Rounded up to a whole second, and the link was made a moment ago.
        #expect(try #require(clock.nextWake) > .seconds(4))
        life.cancel()
        _ = await life.value
        #expect(clock.sleeping == 0)
        await alpha.close()
        await bravo.close()
    }
}
