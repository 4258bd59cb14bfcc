import Control
import Database
import Library
import Model
import Peers
import Runtime

/// What the table asks of its neighbours; Node fills it.
struct OperationPorts: Sendable {
    /// A number that was never used before.
    let nextID: @Sendable () async throws(Failure) -> OperationID
    /// From now on the game is hidden from peers, and its last summary is kept for the local view.
    let activate: @Sendable (GameID) async -> Void
    /// Refreshes the game's library entry while its operation is still active, and tells the local snapshot.
    let settle: @Sendable (GameID) async -> Void
    /// The game is visible again; tells the peers.
    let deactivate: @Sendable (GameID) async -> Void
    let record: @Sendable (OperationSnapshot) async -> Void
    /// What earlier lives of the daemon have left, ended or not, oldest first.
    let recorded: @Sendable () async -> [OperationSnapshot]
    /// Whether nothing may begin, for want of a catalog or a games directory.
    let isHeld: @Sendable () -> Bool
    /// The work itself. Cancelled, it lets go of everything and answers `.cancelled`.
    let perform: @Sendable (OperationSnapshot, @escaping OperationTable.Report) async -> OperationEnd
    let publish: @Sendable (NodeEvent) -> Void
    /// RFC 3339, UTC, for people only.
    let timestamp: @Sendable () -> String
}

extension OperationPorts {
    /// Over the real neighbours.
    ///
    /// - Parameters:
    ///   - show: tells subscribers the local snapshot.
    ///   - announce: tells the peers what the library shows now.
    static func over(
        library: GameLibrary, memory: OperationMemory, log: Log, show: @escaping @Sendable () async -> Void,
        announce: @escaping @Sendable () async -> Void, isHeld: @escaping @Sendable () -> Bool,
        perform: @escaping @Sendable (OperationSnapshot, @escaping OperationTable.Report) async -> OperationEnd,
        publish: @escaping @Sendable (NodeEvent) -> Void
    ) -> OperationPorts {
        let database = memory.database
        return OperationPorts(
            nextID: { () async throws(Failure) in
                do throws(DatabaseError) {
                    return try await database.nextOperationID()
                } catch {
                    throw Failure(.internalFault, "No operation can begin: \(error.sentence)")
                }
            },
            activate: { game in
                await library.setActive(game, true)
                await announce()
            },
            settle: { game in
                do throws(LibraryError) {
                    try await library.refresh(game)
                } catch {
                    log.warning(error.sentence, kind: "game_unreadable", .game(game))
                }
                await show()
            },
            deactivate: { game in
                await library.setActive(game, false)
                await announce()
            },
            record: { await memory.record($0) }, recorded: { await memory.recorded() }, isHeld: isHeld,
            perform: perform, publish: publish, timestamp: { Timestamp.now })
    }
}

extension House {
    var operationPorts: OperationPorts {
        let (house, events) = (self, events)
        return .over(
            library: library, memory: memory, log: log, show: { events.publish(await house.gameTable()) },
            announce: {
                await house.peers.libraryChanged()
                // 32 MiB after a download; the next one takes them again in no time.
                house.fetchPool.trim()
            },
            isHeld: { !house.catalog.isThere || house.gamesKeeper.failure != nil },
            perform: { await house.perform($0, $1) },
            publish: { events.publish($0) })
    }
}
