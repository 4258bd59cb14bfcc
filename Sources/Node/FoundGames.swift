import Database
import Library
import Model

/// What the games directory has for a catalog, and what of it cannot be put in.
struct FoundGames: Sendable {
    struct Game: Sendable {
        let id: GameID
        let version: GameVersion
        let facts: CatalogFacts
    }

    private(set) var games: [Game] = []
    /// Without a version, not to be read, or beyond what a catalog holds.
    private(set) var skipped: [GameID] = []

    /// - Parameter facts: nil when they cannot be read.
    mutating func add(_ id: GameID, _ facts: GameFacts?) {
        if let facts, !facts.isDownloaded { return }
        guard let facts, let version = facts.version, games.count < Limits.catalogRows else {
            skipped.append(id)
            return
        }
        var said = CatalogFacts()
        said.bytes = facts.bytes
        games.append(Game(id: id, version: version, facts: said))
    }
}
