package import Model

/// Which game's manifest is built next: in the order of asking, but those that a peer waits for come first.
package struct HashQueue {
    private var waiting: [GameID] = []
    private var hastened: [GameID] = []

    package init() {}

    package mutating func add(_ game: GameID) {
        guard !waiting.contains(game), !hastened.contains(game) else { return }
        waiting.append(game)
    }

    /// Moves a game that waits to the front.
    package mutating func hasten(_ game: GameID) {
        guard let index = waiting.firstIndex(of: game) else { return }
        waiting.remove(at: index)
        hastened.append(game)
    }

    package mutating func remove(_ game: GameID) {
        waiting.removeAll { $0 == game }
        hastened.removeAll { $0 == game }
    }

    /// Idle: nobody waits for it, so the disk is everybody else's first.
    package mutating func next() -> (game: GameID, isIdle: Bool)? {
        if !hastened.isEmpty { return (hastened.removeFirst(), false) }
        return waiting.isEmpty ? nil : (waiting.removeFirst(), true)
    }

    package func contains(_ game: GameID) -> Bool { waiting.contains(game) || hastened.contains(game) }
    package var games: [GameID] { hastened + waiting }
    package var isEmpty: Bool { waiting.isEmpty && hastened.isEmpty }
}
