import Crypto
import Linux
import Model
import PeerLink
import Quic
import Runtime
import Synchronization
import TestKit
import Testing
import Wire

@testable import Peers

/// One host: a table over a real QUIC server on loopback, a library that the test changes, and all that was published.
final class TableHost: Sendable {
    enum Happening: Sendable, Equatable {
        case appeared(PeerID)
        case changed(PeerID)
        case libraryChanged(PeerID)
        case offered(PeerID, [Range<Int>])
        case vanished(PeerID, String)
    }

    let peer: PeerID
    let table: PeerTable
    let happenings = Trace<Happening>()
    let records = TraceSink()
    let degradations = Trace<String?>()
    private let loop: EventLoop
    let quic: QuicServer
    private let tasks: [Task<Void, Never>]

    init(
        identity: Identity? = nil, name: String = "host", time: any TimeSource = MonotonicTime(),
        games: [GameSummary] = [], limit: Int = Limits.connections, memory: PeerMemory = .none,
        requests: PeerRequests = .none
    ) async throws {
        let identity = try identity ?? Identity.generate()
        peer = identity.peer
        loop = try EventLoop(name: "net")
        var settings = QuicSettings(listen: [SocketAddress.loopback(port: 0)], alpn: "lanspread/1")
        settings.connections = limit + Limits.connectionsSpare
        let quic = QuicServer(loops: [loop], identity: identity, settings: settings, log: .silent)
        let store = Store(games)
        self.store = store
        var answering = requests
        answering.games = { _ in store.value }
        let ports = PeersPorts(
            library: { store.value },
            publish: { [happenings] event in happenings.record(TableHost.happening(event)) },
            requests: answering, memory: memory, degraded: { [degradations] in degradations.record($0) })
        let table = PeerTable(
            identity: identity.peer, name: name, limit: limit, quic: quic, ports: ports, time: time, random: .system,
            log: records.log)
        let up = OneShot<Void>()
        let first = Task { try? await quic.run { up.give() } }
        await up.take()
        let ready = OneShot<Void>()
        let second = Task { try? await table.run { ready.give() } }
        await ready.take()
        tasks = [Task { _ = await second.value }, Task { _ = await first.value }]
        stops = [{ second.cancel() }, { first.cancel() }]
        self.quic = quic
        self.table = table
    }

    private let stops: [@Sendable () -> Void]
    private let store: Store

    private final class Store: Sendable {
        private let state: Mutex<(revision: UInt64, games: [GameSummary])>
        init(_ games: [GameSummary]) { state = Mutex((1, games)) }
        var value: (revision: UInt64, games: [GameSummary]) { state.withLock { $0 } }
        func set(_ games: [GameSummary]) { state.withLock { $0 = ($0.revision + 1, games) } }
    }

    func setLibrary(_ games: [GameSummary]) async {
        store.set(games)
        await table.libraryChanged()
    }

    func address() async throws -> SocketAddress { try #require(await quic.listening().first) }

    func games(of peer: PeerID) async -> [GameSummary] {
        await table.snapshot().first { $0.peer == peer }?.games ?? []
    }

    func close() async {
        for (stop, task) in zip(stops, tasks) {
            stop()
            await task.value
        }
        loop.stop()
    }

    private static func happening(_ event: PeersEvent) -> Happening {
        switch event {
        case .appeared(let snapshot): .appeared(snapshot.peer)
        case .changed(let snapshot): .changed(snapshot.peer)
        case .libraryChanged(let peer): .libraryChanged(peer)
        case .offered(let peer, _, _, let chunks): .offered(peer, chunks)
        case .vanished(let peer, let reason): .vanished(peer, reason)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Two peer tables` {
    @Test func `exchange hellos and libraries, and tell each other what changes`() async throws {
        let games = try (0..<450).map { try Sample.summary("game-\($0)") }
        let (alpha, bravo) = (try await TableHost(games: games), try await TableHost(name: "bra\u{1}vo"))
        #expect(try await alpha.table.connect(to: bravo.address()) == bravo.peer)
        await bravo.happenings.wait(for: .libraryChanged(alpha.peer))
        #expect(await bravo.games(of: alpha.peer) == games.sorted { $0.game < $1.game })
        let snapshot = try #require(await alpha.table.snapshot().first)
        #expect(snapshot.name == "bra\\u{1}vo" && snapshot.state == .connected)
        #expect(await snapshot.address == (try bravo.address()))
        // The accepting side knows where the dialler listens, not only where it dialled from.
        #expect(await bravo.table.snapshot().first?.address == (try alpha.address()))

        let sources = await bravo.table.sources(games[3].game, version: games[3].version)
        #expect(sources.map(\.peer) == [alpha.peer] && sources.map(\.root) == [games[3].root])
        let other = try #require(GameVersion("2"))
        #expect(await bravo.table.sources(games[3].game, version: other).isEmpty)

        await alpha.setLibrary([games[0]])
        await bravo.happenings.wait { $0.filter { $0 == .libraryChanged(alpha.peer) }.count == 2 }
        #expect(await bravo.games(of: alpha.peer) == [games[0]])
        await alpha.table.offer(games[0].game, Root(alpha.peer.digest), chunks: [1..<4])
        await bravo.happenings.wait(for: .offered(alpha.peer, [1..<4]))
        await alpha.close()
        await bravo.close()
    }

    @Test func `keep one link when both dial at the same moment`() async throws {
        for _ in 0..<8 {
            let (alpha, bravo) = (try await TableHost(), try await TableHost())
            let (first, second) = (try await alpha.address(), try await bravo.address())
            async let there = alpha.table.connect(to: second)
            async let back = bravo.table.connect(to: first)
            #expect(try await there == bravo.peer)
            #expect(try await back == alpha.peer)
            // The link that stays works both ways: each side's library crosses it.
            await alpha.setLibrary([try Sample.summary("a")])
            await bravo.setLibrary([try Sample.summary("b")])
            await alpha.happenings.wait { $0.contains(.libraryChanged(bravo.peer)) }
            await bravo.happenings.wait { $0.contains(.libraryChanged(alpha.peer)) }
            #expect(await alpha.table.snapshot().count == 1)
            #expect(await bravo.table.snapshot().count == 1)
            #expect(try await alpha.table.connect(to: second) == bravo.peer)
            await alpha.close()
            await bravo.close()
        }
    }

    @Test func `say goodbye, and the other side knows at once`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait(for: .appeared(alpha.peer))
        await alpha.table.sayGoodbye()
        await bravo.happenings.wait(for: .vanished(alpha.peer, "it said goodbye"))
        await alpha.happenings.wait(for: .vanished(bravo.peer, "this host stops"))
        #expect(await bravo.table.snapshot().isEmpty)
        await alpha.close()
        await bravo.close()
    }

    @Test func `leave alone a peer that was struck three times`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait(for: .appeared(alpha.peer))
        for _ in 0..<Limits.strikes { await bravo.table.strike(alpha.peer) }
        await bravo.happenings.wait(for: .vanished(alpha.peer, "it sent wrong bytes"))
        await alpha.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        let address = try await bravo.address()
        await #expect(throws: PeersError.banned) { try await alpha.table.connect(to: address) }
        await alpha.close()
        await bravo.close()
    }

    @Test func `wait for peers by count`() async throws {
        let (alpha, bravo, charlie) = (try await TableHost(), try await TableHost(), try await TableHost())
        async let waited: Void = alpha.table.wait(forPeers: 2)
        try await bravo.table.connect(to: alpha.address())
        try await charlie.table.connect(to: alpha.address())
        try await waited
        #expect(await alpha.table.snapshot().count == 2)
        for host in [alpha, bravo, charlie] { await host.close() }
    }
}

@Suite(.timeLimit(.minutes(1))) struct `A peer table` {
    @Test func `says of no peer that it is connected when it is not`() async throws {
        try await within(.seconds(30)) {
            let (alpha, bravo) = (try await TableHost(), try await TableHost())
            // Another dial of ours greets it for ever.
            await alpha.table.greetWithoutEnd(bravo.peer)
            await #expect(throws: PeersError.self) { try await alpha.table.connect(to: try await bravo.address()) }
            #expect(await alpha.table.link(bravo.peer) == nil)
            await alpha.close()
            await bravo.close()
        }
    }

    @Test func `forgets those who listened and left though nothing changes`() async throws {
        try await within(.seconds(20)) {
            let alpha = try await TableHost()
            let stays = await alpha.table.changes()
            for _ in 0..<1_000 { _ = await alpha.table.changes() }
            #expect(await alpha.table.watchers.count <= 2 * PeerTable.watchersFew)
            await alpha.close()
            // The end of its life is a change, and whoever stayed hears of it.
            for await _ in stays { break }
        }
    }

    @Test func `knows itself, and a clone of itself by its instance`() async throws {
        let identity = try Identity.generate()
        let (alpha, clone) = (try await TableHost(identity: identity), try await TableHost(identity: identity))
        let (own, other) = (try await alpha.address(), try await clone.address())
        await #expect(throws: PeersError.ownAddress) { try await alpha.table.connect(to: own) }
        await #expect(throws: PeersError.identityCloned) { try await alpha.table.connect(to: other) }
        for host in [alpha, clone] {
            await host.records.trace.wait { $0.contains { $0.kind == "identity_cloned" && $0.level == .error } }
            let degraded = await host.degradations.wait(count: 1)
            #expect(degraded[0]?.contains("lanspreadctl identity renew") == true)
        }
        #expect(await alpha.table.snapshot().isEmpty)
        await alpha.close()
        await clone.close()
    }

    @Test func `is whole again when its clone was not seen for a minute`() async throws {
        let clock = ManualClock(start: MonotonicTime().now)
        let alpha = try await TableHost(time: clock)
        let address = SocketAddress.loopback(port: 9)
        await alpha.table.noteClone(at: address)
        await clock.sleepers(1)
        clock.advance(by: .seconds(50))
        await alpha.table.noteClone(at: address)
        clock.advance(by: .seconds(50))
        await clock.sleepers(1)
        #expect(alpha.degradations.events.count == 1)
        clock.advance(by: .seconds(10))
        #expect(await alpha.degradations.wait(count: 2).last == .some(nil))
        await alpha.close()
    }

    @Test func `takes a peer that was started again elsewhere for the same, at once`() async throws {
        let identity = try Identity.generate()
        let alpha = try await TableHost(games: [try Sample.summary("a")])
        let before = try await TableHost(identity: identity, name: "before", games: [try Sample.summary("old")])
        try await before.table.connect(to: alpha.address())
        await alpha.happenings.wait(for: .libraryChanged(before.peer))
        // Its old life has said nothing, and its old link still answers.
        let after = try await TableHost(identity: identity, name: "after")
        try await after.table.connect(to: alpha.address())
        let peers = await alpha.table.snapshot()
        #expect(peers.map(\.name) == ["after"])
        #expect(peers.map(\.address) == [try await after.address()])
        #expect(await alpha.games(of: identity.peer).isEmpty)
        await before.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        await after.happenings.wait(for: .libraryChanged(alpha.peer))
        #expect(!alpha.happenings.events.contains { if case .vanished = $0 { true } else { false } })
        for host in [alpha, before, after] { await host.close() }
    }

    @Test func `dials only addresses of a LAN`() async throws {
        let alpha = try await TableHost()
        for text in ["8.8.8.8:47600", "[2001:db8::1]:47600"] {
            let address = try #require(SocketAddress(text))
            await #expect(throws: PeersError.addressRefused(address)) { try await alpha.table.connect(to: address) }
        }
        await alpha.close()
    }

    @Test func `cuts a liar off, names it in the log, and goes on with the others`() async throws {
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        try await bravo.table.connect(to: alpha.address())
        await alpha.happenings.wait(for: .appeared(bravo.peer))
        let liar = try await TableHost()
        try await liar.table.connect(to: alpha.address())
        await alpha.happenings.wait(for: .appeared(liar.peer))
        // A second hello is out of place.
        try await liar.table.link(alpha.peer)?.send(.hello(Sample.hello()))
        await alpha.happenings.wait(for: .vanished(liar.peer, "a second hello came where none is due"))
        let warning = await alpha.records.trace.wait { $0.contains { $0.kind == "peer_malformed" } }
        #expect(warning.contains { $0.level == .warning && $0.fields == [.peer(liar.peer)] })
        await bravo.setLibrary([try Sample.summary("b")])
        await alpha.happenings.wait(for: .libraryChanged(bravo.peer))
        for host in [alpha, bravo, liar] { await host.close() }
    }

    @Test func `lets Liveness end a silent peer, after suspecting it`() async throws {
        // Only Liveness sees this clock run away: whatever bravo answers comes too late for it.
        let clock = ManualClock(start: MonotonicTime().now)
        let (alpha, bravo) = (try await TableHost(), try await TableHost())
        try await alpha.table.connect(to: bravo.address())
        let liveness = Liveness(table: alpha.table, time: clock, random: .system, log: .silent)
        let life = Task { try? await liveness.run {} }
        let turning = Task {
            while !Task.isCancelled {
                await clock.sleepers(1)
                clock.advance(by: .seconds(1))
            }
        }
        await alpha.happenings.wait(for: .vanished(bravo.peer, "it fell silent"))
        #expect(alpha.happenings.events.contains(.changed(bravo.peer)))
        turning.cancel()
        life.cancel()
        _ = await life.value
        await alpha.close()
        await bravo.close()
    }
}

extension PeerTable {
    fileprivate func greetWithoutEnd(_ peer: PeerID) { _ = state.beginGreeting(peer) }
}
