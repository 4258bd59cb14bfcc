package import Control
import Crypto
import Database
import Install
import Library
import Linux
package import Model
import PeerLink
import Peers
import Quic
import Runtime
import Settings
import Storage
package import Supervision
import Synchronization
import Transfer

/// The house as a whole: builds every subsystem, joins neighbours by ports, and answers control calls.
///
/// It holds no state of its own but what the composition root tells it: the supervisor's words and the wish to stop.
package final class Node: Sendable {
    package let house: House
    package let operations: OperationTable
    let catalogKeeper: CatalogKeeper
    let identity: Identity
    let quic: QuicServer
    let monitor: LocalMonitor
    let discovery: Discovery
    let liveness: Liveness
    /// What subsystems say of themselves, for the supervisor; one consumer, the composition root.
    package let degradations: AsyncStream<Degradation>
    let started: Instant
    /// Set once by the composition root, which owns the supervisor.
    let supervision = Mutex(SupervisionPorts())
    /// Readings of the settings under way, those included that hang and that nobody waits for any more.
    let settingsReadings = Locked(0)

    /// What the composition root gives back after it has built the supervisor from `children`.
    package struct SupervisionPorts: Sendable {
        package var stop: @Sendable () -> Void = {}
        /// Waits for its turn, and answers what `Node.reload` does.
        package var reload: @Sendable () async -> Result<JSONValue, Failure> = {
            .failure(Failure(.busy, "The daemon is not up yet.", retryable: true))
        }
        package var statuses: @Sendable () async -> [ComponentStatus] = { [] }

        package init() {}
    }

    init(
        house: House, operations: OperationTable, catalogKeeper: CatalogKeeper, identity: Identity, quic: QuicServer,
        monitor: LocalMonitor, discovery: Discovery, liveness: Liveness, degradations: AsyncStream<Degradation>
    ) {
        self.house = house
        self.operations = operations
        self.catalogKeeper = catalogKeeper
        self.identity = identity
        self.quic = quic
        self.monitor = monitor
        self.discovery = discovery
        self.liveness = liveness
        self.degradations = degradations
        started = house.time.now
    }

    package func attach(_ ports: SupervisionPorts) {
        supervision.withLock { $0 = ports }
    }

    func shutdown() { supervision.withLock { $0.stop }() }

    func askReload() async throws(Failure) -> JSONValue {
        let reload = supervision.withLock { $0.reload }
        return try await reload().get()
    }

    /// The table's life in a task of its own: cancelling it outright would end its links before a goodbye is written.
    private static func withGoodbye(_ peers: PeerTable, up: @escaping @Sendable () -> Void) async throws {
        let life = Task { try await peers.run(up: up) }
        try await withTaskCancellationHandler {
            try await life.value
        } onCancel: {
            Task {
                await peers.sayGoodbye()
                life.cancel()
            }
        }
    }

    static let gamesKeeper = "GamesKeeper"

    /// The subsystems in start order; the stop is the reverse, so goodbyes still find their connections.
    package var children: [Child] {
        let (quic, house, operations) = (quic, house, operations)
        let (catalogKeeper, monitor, discovery, liveness) = (catalogKeeper, monitor, discovery, liveness)
        return [
            Child("QuicServer", .required, stopLimit: .seconds(1), stopReserve: .milliseconds(250)) { up in
                try await quic.run(up: up)
            },
            Child(
                "PeerTable", .required, stopLimit: Limits.goodbyeDeadline + .seconds(1),
                stopReserve: Limits.goodbyeDeadline
            ) { up in
                try await Node.withGoodbye(house.peers, up: up)
            },
            Child("TransferRegistry", .required, stopLimit: .seconds(1)) { up in
                try await house.registry.run(up: up)
            },
            // Its operations give back what they hold, and that is disk work.
            Child("OperationTable", .required, stopLimit: .seconds(2), stopReserve: .seconds(1)) { up in
                try await operations.run(up: up)
            },
            Child("Announcer", .restart, stopLimit: .seconds(1)) { up in try await Announcer(house: house).run(up: up)
            },
            Child("CatalogKeeper", .bestEffort, stopLimit: .seconds(1)) { up in try await catalogKeeper.run(up: up) },
            Child(Node.gamesKeeper, .restart, stopLimit: .seconds(1)) { up in try await house.gamesKeeper.run(up: up) },
            Child("LocalMonitor", .bestEffort, stopLimit: .seconds(1)) { up in try await monitor.run(up: up) },
            Child("Liveness", .restart, stopLimit: .seconds(1)) { up in try await liveness.run(up: up) },
            Child("Discovery", .restart, stopLimit: .seconds(1)) { up in try await discovery.run(up: up) },
        ]
    }

    /// Returns once every thread and every Required subsystem has answered; never, when one of them hangs.
    package func answer() async {
        let loops = house.loops
        for loop in loops.net + [loops.avahi] {
            let answered = OneShot<Void>()
            loop.perform { answered.give() }
            await answered.take(orGive: ())
        }
        let disk = OneShot<Void>()
        loops.disk.begin { disk.give() }
        await disk.take(orGive: ())
        _ = await quic.listening()
        _ = await house.peers.isLinked(identity.peer)
        _ = await house.registry.transfers()
        _ = await operations.activeCount
    }
}

/// A running subsystem works, but reduced; nil: as it should again.
package struct Degradation: Sendable {
    package let component: String
    package let reason: String?

    /// A subsystem says it a few times in its life; the newest words count.
    static func makeStream() -> (AsyncStream<Degradation>, AsyncStream<Degradation>.Continuation) {
        AsyncStream.makeStream(of: Degradation.self, bufferingPolicy: .bufferingNewest(64))
    }
}
