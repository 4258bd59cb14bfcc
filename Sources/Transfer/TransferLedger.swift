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
    private var closed: Set<ServedContent> = []
    private var nextID: UInt64 = 1

    init(limit: Int) {
        precondition(limit > 0, "a ledger that admits nothing is a configuration error")
        self.limit = limit
    }

    var count: Int { running.count }
    var snapshots: [TransferSnapshot] { Array(running.values) }
    var all: [TransferID] { Array(running.keys) }

    mutating func admit(_ content: ServedContent, peer: PeerID) throws(TransferError) -> TransferID {
        guard !closed.contains(content) else { throw .closed(content.game) }
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

    /// Returns the running transfers of `content`, for the registry to cancel.
    mutating func close(_ content: ServedContent) -> [TransferID] {
        closed.insert(content)
        return running.filter { $0.value.content == content }.map(\.key)
    }

    mutating func open(_ content: ServedContent) { closed.remove(content) }

    func isServing(_ content: ServedContent) -> Bool { running.values.contains { $0.content == content } }
}

/// Why a transfer did not begin; both are refusals, and the peer goes elsewhere.
package enum TransferError: Error, Hashable, Sendable {
    case closed(GameID)
    case busy(limit: Int)
}
