import Linux
import Mdns
import Model
import Quic
import Runtime
import TestKit
import Testing

@testable import Peers

@Suite(.timeLimit(.minutes(1))) struct `Discovery without mDNS` {
    /// A Discovery and the task of its run.
    private struct Running {
        let discovery: Discovery
        let task: Task<Void, Never>
        let disk: DiskPool

        func stop() async {
            task.cancel()
            await task.value
            disk.stop()
        }
    }

    private func start(
        _ host: TableHost, _ staticPeers: [String], time: any TimeSource = MonotonicTime()
    ) async throws -> Running {
        let disk = try DiskPool(workers: 1)
        let discovery = Discovery(
            mdns: nil, table: host.table, settings: DiscoverySettings(staticPeers: staticPeers), disk: disk,
            time: time, random: .system, log: host.records.log, degraded: { _ in })
        let up = OneShot<Void>()
        let task = Task<Void, Never> { try? await discovery.run { up.give() } }
        await up.take()
        return Running(discovery: discovery, task: task, disk: disk)
    }

    @Test func `links two hosts that name each other, with one link, and again after a goodbye`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let running = [
            try await start(alpha, [try await bravo.address().description]),
            try await start(bravo, [try await alpha.address().description]),
        ]
        try await alpha.table.wait(forPeers: 1)
        try await bravo.table.wait(forPeers: 1)
        await alpha.table.sayGoodbye()
        await bravo.happenings.wait(for: .vanished(alpha.peer, "it said goodbye"))
        await bravo.happenings.wait { $0.filter { $0 == .appeared(alpha.peer) }.count == 2 }
        for one in running { await one.stop() }
        await alpha.close()
        await bravo.close()
    }

    @Test func `looks up a static peer that is a name`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let running = try await start(alpha, ["localhost:\(try await bravo.address().port)"])
        try await alpha.table.wait(forPeers: 1)
        #expect(await alpha.table.isLinked(bravo.peer))
        await running.stop()
        await alpha.close()
        await bravo.close()
    }

    @Test func `leaves out what is neither an address nor a name, and says so`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let running = try await start(alpha, ["not an address", try await bravo.address().description])
        try await alpha.table.wait(forPeers: 1)
        let sentence = "The static peer not an address is left out: it is neither an address nor a name."
        #expect(alpha.records.trace.events.contains { $0.sentence == sentence && $0.level == .warning })
        await running.stop()
        await alpha.close()
        await bravo.close()
    }

    @Test func `dials again who was linked by hand, and who is configured while it runs`() async throws {
        let (alpha, bravo, charlie) = (try await TableHost(), try await TableHost(), try await TableHost())
        let running = try await start(alpha, [])
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait(for: .appeared(alpha.peer))
        await bravo.table.sayGoodbye()
        await bravo.happenings.wait { $0.filter { $0 == .appeared(alpha.peer) }.count == 2 }
        try await alpha.table.wait(forPeers: 1)
        // Blocked, it is left alone until it is let in again.
        #expect(await alpha.table.setBlocked(bravo.peer, true))
        await alpha.happenings.wait(for: .vanished(bravo.peer, "it is blocked here"))
        #expect(await alpha.table.setBlocked(bravo.peer, false))
        try await alpha.table.wait(forPeers: 1)
        await running.discovery.configure(DiscoverySettings(staticPeers: [try await charlie.address().description]))
        try await alpha.table.wait(forPeers: 2)
        await running.stop()
        for host in [alpha, bravo, charlie] { await host.close() }
    }

    @Test func `learns of a peer from another one, which both of them name`() async throws {
        let (alpha, bravo, charlie) = (try await TableHost(), try await TableHost(), try await TableHost())
        let middle = try await bravo.address().description
        let first = try await start(alpha, [middle])
        try await bravo.table.wait(forPeers: 1)
        let second = try await start(charlie, [middle])
        try await alpha.table.wait(forPeers: 2)
        #expect(await alpha.table.isLinked(charlie.peer))
        await first.stop()
        await second.stop()
        for host in [alpha, bravo, charlie] { await host.close() }
    }

    @Test func `sleeps until the next thing is due, and for ever when nothing is`() async throws {
        try await within(.seconds(30)) {
            let clock = ManualClock()
            let alpha = try await TableHost()
            // A host that is told to dial itself learns so at once, and tries no more for long.
            let running = try await start(alpha, [try await alpha.address().description], time: clock)
            await clock.sleepers(1)
            let wait = try #require(clock.nextWake)
            #expect(wait >= .seconds(480) && wait <= .seconds(720))
            clock.advance(by: wait)
            await clock.sleepers(1)
            await running.discovery.configure(DiscoverySettings())
            while clock.sleeping > 0 { await Task.yield() }
            for _ in 0..<1_000 { await Task.yield() }
            #expect(clock.sleeping == 0)
            await running.stop()
            await alpha.close()
        }
    }

    @Test func `tells a peer nothing that means something else to it`() throws {
        func isUseful(_ text: String, overLoopback: Bool = false) throws -> Bool {
            Exchange.isUseful(try #require(SocketAddress(text)), overLoopback: overLoopback)
        }
        for text in ["10.0.0.1:1", "192.168.1.7:47600", "169.254.1.1:1", "[fd00::1]:1"] {
            #expect(try isUseful(text))
        }
        for text in ["127.0.0.1:1", "[::1]:1", "8.8.8.8:1", "[2001:db8::1]:1", "[fe80::1]:1", "[fe80::1%1]:1"] {
            #expect(try !isUseful(text))
        }
        #expect(try isUseful("127.0.0.1:1", overLoopback: true))
    }

    @Test func `dials beyond the LAN only what is configured by number`() async throws {
        let alpha = try await TableHost()
        let far = try #require(SocketAddress("192.0.2.1:9"))
        await #expect(throws: PeersError.addressRefused(far)) { try await alpha.table.connect(to: far) }
        // Bound to loopback, this host has no socket that leads there; but it was not for its kind that it was refused.
        await #expect(throws: PeersError.unreachable(far, .noSocket)) {
            try await alpha.table.connect(to: far, isConfigured: true)
        }
        await alpha.close()
    }
}
