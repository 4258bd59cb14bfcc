import Linux
import Mdns
import Runtime
import TestKit
import Testing

@testable import Peers

@Suite(.timeLimit(.minutes(1))) struct `Discovery without mDNS` {
    private func start(_ host: TableHost, _ staticPeers: [String], _ log: Log = .silent) -> Task<Void, Never> {
        let discovery = Discovery(
            mdns: nil, table: host.table, staticPeers: staticPeers, time: MonotonicTime(), random: .system, log: log,
            degraded: { _ in })
        return Task { try? await discovery.run {} }
    }

    @Test func `links two hosts that name each other, with one link, and again after a goodbye`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let tasks = [
            start(alpha, [try await bravo.address().description]),
            start(bravo, [try await alpha.address().description]),
        ]
        try await alpha.table.wait(forPeers: 1)
        try await bravo.table.wait(forPeers: 1)
        await alpha.table.sayGoodbye()
        await bravo.happenings.wait(for: .vanished(alpha.peer, "it said goodbye"))
        await bravo.happenings.wait { $0.filter { $0 == .appeared(alpha.peer) }.count == 2 }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        await alpha.close()
        await bravo.close()
    }

    @Test func `leaves out what is no numeric address, and says so`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        let task = start(alpha, ["not an address", try await bravo.address().description], alpha.records.log)
        try await alpha.table.wait(forPeers: 1)
        let sentence = "The static peer not an address is left out: it is no numeric address."
        #expect(alpha.records.trace.events.contains { $0.sentence == sentence && $0.level == .warning })
        task.cancel()
        await task.value
        await alpha.close()
        await bravo.close()
    }
}
