package import Model

/// What is served: one root of one game.
package struct ServedContent: Hashable, Sendable {
    package let game: GameID
    package let root: Root

    package init(game: GameID, root: Root) {
        self.game = game
        self.root = root
    }
}

/// The number of one running transfer.
struct TransferID: Hashable, Sendable {
    let rawValue: UInt64
}

/// One transfer as people see it.
package struct TransferSnapshot: Sendable, Hashable {
    package let content: ServedContent
    package let peer: PeerID
}

/// What is being served to whom, and what may start next.
///
/// The ledger is the whole decision and none of the waiting: every method takes an event, changes the state and
/// returns what the registry has to do. `TransferRegistry` owns the only copy.
struct TransferLedger {
    /// The transfers that may run at once, over all games and peers.
    let limit: Int

    private var running: [TransferID: TransferSnapshot] = [:]
    private var closed: Set<GameID> = []
    private var isStopped = false
    private var nextID: UInt64 = 1

    init(limit: Int) {
        precondition(limit > 0, "a ledger that admits nothing is a configuration error")
        self.limit = limit
    }

    var count: Int { running.count }
    var snapshots: [TransferSnapshot] { Array(running.values) }

    mutating func admit(_ content: ServedContent, peer: PeerID) throws(TransferError) -> TransferID {
        guard !isStopped, !closed.contains(content.game) else { throw .closed(content.game) }
        guard running.count < limit else { throw .busy(limit: limit) }
        let id = TransferID(rawValue: nextID)
        nextID += 1
        running[id] = TransferSnapshot(content: content, peer: peer)
        return id
    }

    mutating func finish(_ id: TransferID) {
        guard running.removeValue(forKey: id) != nil else {
            preconditionFailure("transfer \(id.rawValue) finished twice")
        }
    }

    /// Returns the running transfers of every root of the game, for the registry to cancel.
    mutating func close(_ game: GameID) -> [TransferID] {
        let isNew = closed.insert(game).inserted
        precondition(isNew, "two writers have closed \(game)")
        return running.filter { $0.value.content.game == game }.map(\.key)
    }

    mutating func open(_ game: GameID) { closed.remove(game) }

    func isServing(_ game: GameID) -> Bool { running.values.contains { $0.content.game == game } }

    mutating func start() { isStopped = false }

    /// Nothing is admitted from here on; returns what runs, for the registry to cancel.
    mutating func stop() -> [TransferID] {
        isStopped = true
        return Array(running.keys)
    }
}

/// Why a transfer did not begin; both are refusals, and the peer goes elsewhere.
package enum TransferError: Error, Hashable, Sendable {
    case closed(GameID)
    case busy(limit: Int)
}
