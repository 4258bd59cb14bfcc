import Content
import Control
import Crypto
import Database
import Install
import Library
import Linux
import Mdns
import Model
import PeerLink
import Peers
import Quic
package import Runtime
package import Settings
import Storage
import Transfer
import Wire

extension Node {
    /// Builds the house from the ground up: state, games, recovery, catalog, library, then the network and its ports.
    /// Nothing runs yet; what fails here ends the start with its sentence.
    // long: the one list of what is built from what, in order; cut apart it would hide the order.
    package static func build(
        settings: DaemonSettings, helperPath: String, loops: Loops, time: any TimeSource, random: RandomSource,
        log: Log,
        lines: OperationLog
    ) async throws(StartFailure) -> Node {
        let state = try StateDirectory.open(path: settings.stateDirectory.value)
        let identity = try state.identity()
        let database = try await openDatabase(state, loops)
        let gamesKeeper = GamesKeeper(
            configured: settings.gamesDirectory.value,
            holder: GamesHolder(
                process: Machine.processID, host: Machine.hostName, stateDirectory: settings.stateDirectory.value),
            database: database, loops: loops, time: time, random: random, log: log.component("Library"))
        var gamesPorts = GamesPorts()
        gamesPorts.recover = { await recover($0, loops, log.component("Recovery")) }
        await gamesKeeper.attach(gamesPorts)
        try await gamesKeeper.start()
        if Task.isCancelled { throw StartFailure(.unavailable, "The start was given up.") }
        let catalog = await firstCatalog(settings, state, loops, log.component("CatalogKeeper"))
        let known = KnownManifests(time: time)
        var libraryPorts = LibraryPorts()
        libraryPorts.knownManifests = { await known.of($0, $1) }
        let library = GameLibrary(
            database: database, disk: loops.disk, pool: MemoryPool(blockBytes: Grid.chunkBytes, limit: 2), time: time,
            ports: libraryPorts, log: log.component("Library"))
        await library.open(gamesKeeper.current, key: await gamesKeeper.key, catalog: catalog.current)
        let (events, remoteChanges) = (EventBus(epoch: Hex.encode(random.bytes(8))), RemoteChanges())
        let (degradations, degrade) = Degradation.makeStream()
        let registry = TransferRegistry(limit: Limits.transfers) { events.publish(.outboundTransfersChanged($0)) }
        let chunks = ChunkServer(
            registry: registry, pool: MemoryPool(blockBytes: Grid.chunkBytes, limit: Limits.serveBuffers),
            openReader: { game, root in try? await library.reader(game, root: root) })
        let quic = QuicServer(
            loops: loops.net, identity: identity,
            settings: try quicSettings(settings), log: log.component("QuicServer"),
            degraded: { degrade.yield(Degradation(component: "QuicServer", reason: $0)) })
        let peers = PeerTable(
            identity: identity.peer, name: settings.name.value, limit: settings.connections.value, quic: quic,
            ports: peersPorts(
                library, chunks, events, remoteChanges, time,
                memory: .stored(in: database, log: log.component("PeerTable")),
                degraded: { degrade.yield(Degradation(component: "PeerTable", reason: $0)) }),
            time: time, random: random, log: log.component("PeerTable"))
        let house = House(
            holder: SettingsHolder(settings), loops: loops, time: time, log: log, state: state,
            gamesKeeper: gamesKeeper,
            catalog: catalog, database: database, library: library, registry: registry, peers: peers, events: events,
            remoteChanges: remoteChanges,
            fetchPool: MemoryPool(blockBytes: Grid.chunkBytes, limit: Limits.chunkBuffers),
            memory: OperationMemory(database: database, lines: lines, log: log.component("OperationTable")),
            helperPath: helperPath)
        known.attach(peers)
        let operations = OperationTable(
            ports: house.operationPorts, limit: settings.operations.value, time: time,
            log: log.component("OperationTable"))
        gamesPorts.take = { await library.setDirectory($0, key: $1) }
        gamesPorts.changed = { await operations.takeUp() }
        gamesPorts.reserve = { await operations.reserve() }
        gamesPorts.release = { await operations.release() }
        gamesPorts.roots = { house.settings.gamesRoots.value }
        gamesPorts.degraded = { degrade.yield(Degradation(component: Node.gamesKeeper, reason: $0)) }
        await gamesKeeper.attach(gamesPorts)
        return Node(
            house: house, operations: operations,
            catalogKeeper: catalogKeeper(house, operations) {
                degrade.yield(Degradation(component: "CatalogKeeper", reason: $0))
            },
            identity: identity, quic: quic,
            monitor: LocalMonitor(
                library: library, loop: loops.net[0], disk: loops.disk, time: time,
                log: log.component("LocalMonitor"), disturbed: { gamesKeeper.ring() },
                degraded: { degrade.yield(Degradation(component: "LocalMonitor", reason: $0)) }),
            discovery: Discovery(
                mdns: settings.mdns.value
                    ? Mdns(loop: loops.avahi, time: time, log: log.component("Discovery")) : nil,
                table: peers,
                settings: DiscoverySettings(settings),
                disk: loops.disk, time: time, random: random, log: log.component("Discovery"),
                degraded: { degrade.yield(Degradation(component: "Discovery", reason: $0)) }),
            liveness: Liveness(table: peers, time: time, random: random, log: log.component("Liveness")),
            degradations: degradations)
    }

    // MARK: - Ground

    private static func openDatabase(
        _ state: StateDirectory, _ loops: Loops
    ) async throws(StartFailure) -> StateDatabase {
        do {
            return try await StateDatabase.open(path: state.databasePath, worker: loops.database)
        } catch {
            throw StartFailure(.inputOutput, error.sentence)
        }
    }

    /// Before anything is promised: what an install left half done is finished or undone.
    private static func recover(_ games: GamesDirectory, _ loops: Loops, _ log: Log) async {
        for game in (try? games.games()) ?? [] {
            // The start is given up; what is left of this is left to the next one.
            if Task.isCancelled { return }
            do throws(StorageError) {
                if let sentence = try await Recovery.recover(try games.root(game), disk: loops.disk).sentence {
                    log.notice(sentence, kind: "game_recovered", .game(game))
                }
            } catch {
                log.error("The game was left as it is: \(error.sentence).", kind: "game_not_recovered", .game(game))
            }
        }
    }

    /// Read before the daemon says that it is ready, or found missing.
    private static func firstCatalog(
        _ settings: DaemonSettings, _ state: StateDirectory, _ loops: Loops, _ log: Log
    ) async -> CatalogHolder {
        let holder = CatalogHolder(nil)
        let place = CatalogPlace(settings, OwnCatalog(directory: state.path))
        let step = holder.take(await loops.disk.run { CatalogLook.read(place) }, at: place)
        holder.tell(step, at: place, log)
        if step == .nothing { log.warning("There is no catalog.", kind: "no_catalog") }
        return holder
    }

    private static func catalogKeeper(
        _ house: House, _ operations: OperationTable, degraded: @escaping @Sendable (String?) -> Void
    ) -> CatalogKeeper {
        CatalogKeeper(
            holder: house.catalog,
            ports: CatalogKeeper.Ports(
                place: { CatalogPlace(house.settings, house.ownCatalog) },
                swapped: { await house.catalogSwapped() },
                changed: { await operations.takeUp() }, degraded: degraded),
            loop: house.loops.net[0], disk: house.loops.disk, time: house.time,
            log: house.log.component("CatalogKeeper"))
    }

    private static func addresses(_ settings: DaemonSettings) throws(StartFailure) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for host in settings.listen.value {
            guard let address = SocketAddress(host.description) else {
                throw StartFailure(
                    .configuration, "\(host) is not a numeric address and a port to listen on.",
                    hint: "Write it as 0.0.0.0:47600 or [::]:47600.")
            }
            addresses.append(address)
        }
        return addresses
    }

    private static func quicSettings(_ settings: DaemonSettings) throws(StartFailure) -> QuicSettings {
        var quic = QuicSettings(listen: try addresses(settings), alpn: Hello.alpn)
        quic.connections = settings.connections.value + Limits.connectionsSpare
        quic.halfOpen = Limits.halfOpenHandshakes
        quic.halfOpenPerAddress = Limits.halfOpenHandshakesPerAddress
        // The control stream is one of them.
        quic.streamsPerConnection = Limits.requestStreamsPerPeer + 1
        quic.handshakeDeadline = Limits.handshakeDeadline
        return quic
    }

    // MARK: - Ports

    private static func peersPorts(
        _ library: GameLibrary, _ chunks: ChunkServer, _ events: EventBus, _ remoteChanges: RemoteChanges,
        _ time: any TimeSource, memory: PeerMemory,
        degraded: @escaping @Sendable (String?) -> Void
    ) -> PeersPorts {
        PeersPorts(
            library: { await library.summaries() },
            publish: { event in
                if let event = event.nodeEvent(now: time.now) { events.publish(event) }
                switch event {
                case .libraryChanged(let peer): remoteChanges.note(peer, hasNewLibrary: true)
                case .vanished(let peer, _): remoteChanges.note(peer, hasNewLibrary: false)
                case .changed(let snapshot): remoteChanges.note(snapshot.peer, hasNewLibrary: false)
                case .appeared, .offered: break
                }
            },
            requests: PeerRequests(
                games: { _ in await library.summaries() },
                game: { _, game in await library.summaries().games.first { $0.game == game } },
                manifest: { _, game, root throws(PeerRefusal) in
                    switch await library.standing(of: game) {
                    case .built(let built)? where root == nil || root == built.root: return .manifest(built.bytes)
                    case .hashing(let done, let total)?: return .hashing(done: done, total: total)
                    default: throw .unknown
                    }
                },
                chunks: { peer, request, sink throws(PeerRefusal) in
                    try await chunks.serve(request, to: peer, sink: sink)
                }),
            memory: memory, degraded: degraded)
    }
}

extension PeersEvent {
    func nodeEvent(now: Instant) -> NodeEvent? {
        switch self {
        case .appeared(let snapshot): .peerAppeared(snapshot.peer, snapshot.json(now: now))
        case .vanished(let peer, let reason): .peerVanished(peer, reason: reason)
        default: nil
        }
    }
}
