import Control
package import Database
package import Library
import Model
package import Peers
package import Runtime
package import Settings
import Storage
package import Transfer

/// What a use case may reach: the subsystems, each by its door, and what they share. A value; it owns nothing alone.
package struct House: Sendable {
    package let holder: SettingsHolder
    package let loops: Loops
    package let time: any TimeSource
    package let log: Log
    /// Holds the state's lock as long as the house stands.
    package let state: StateDirectory
    /// Has the games directory, which comes and goes.
    package let gamesKeeper: GamesKeeper
    package let catalog: CatalogHolder
    package let database: StateDatabase
    package let library: GameLibrary
    package let registry: TransferRegistry
    package let peers: PeerTable
    package let events: EventBus
    let inbound = InboundTransfers()
    /// What peers told since the announcer looked.
    let remoteChanges: RemoteChanges
    /// Buffers of chunks that arrive; a request is only made with one in hand.
    package let fetchPool: MemoryPool
    let memory: OperationMemory
    /// The absolute path of `lanspread-unpack`.
    package let helperPath: String

    /// The settings in force now; a reload may replace them at any time.
    package var settings: DaemonSettings { holder.current }

    /// The catalog that this host may write.
    var ownCatalog: OwnCatalog { OwnCatalog(directory: state.path) }

    /// Waits for `work`, at most until `end`, or until the task is cancelled; which of them it was, the caller asks.
    func wait(until end: Instant, for work: @escaping @Sendable () async -> Void) async {
        let time = time
        await withTaskGroup { group in
            // A sleep that is cut short says nothing more than that.
            group.addTask { try? await time.sleep(until: end) }
            group.addTask { await work() }
            await group.next()
            group.cancelAll()
        }
    }
}

extension House {
    /// Another catalog counts: the library looks at its games against it, and subscribers and peers hear of it.
    func catalogSwapped() async {
        await library.setCatalog(catalog.current)
        // Also what only a list shows, as a genre.
        events.publish(await gameTable())
    }
}
