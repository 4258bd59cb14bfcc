import Model
import Wire

/// A peer's library as it told it: pages put together, deltas applied.
///
/// Nothing is seen of a snapshot before its last page: a library is the old one or the new one.
struct LibraryMirror {
    enum Change: Equatable {
        /// More pages follow.
        case none
        case changed
        /// A delta does not follow on what is here: the whole library has to be asked for.
        case gap
    }

    private(set) var revision: UInt64 = 0
    private(set) var games: [GameID: GameSummary] = [:]
    private(set) var isWhole = false
    private var pending: (revision: UInt64, pages: Int, next: Int, games: [GameID: GameSummary])?

    var sorted: [GameSummary] { games.values.sorted { $0.game < $1.game } }

    mutating func take(_ page: LibraryPage) throws(WireFault) -> Change {
        let fault = WireFault.wrongValue(message: "library_snapshot", field: "page")
        if page.page == 0 { pending = (page.revision, page.pages, 0, [:]) }
        guard var assembly = pending, assembly.revision == page.revision, assembly.pages == page.pages,
            assembly.next == page.page
        else { throw fault }
        for game in page.games {
            guard assembly.games.updateValue(game, forKey: game.game) == nil else {
                throw .wrongValue(message: "library_snapshot", field: "games")
            }
        }
        guard assembly.games.count <= Limits.libraryEntries else {
            throw .wrongValue(message: "library_snapshot", field: "games")
        }
        assembly.next += 1
        pending = assembly
        guard page.isLast else { return .none }
        pending = nil
        return replace(revision: page.revision, games: assembly.games)
    }

    /// A delta that was applied before changes nothing.
    mutating func take(_ delta: LibraryDelta) throws(WireFault) -> Change {
        guard !isWhole || delta.to > revision else { return .none }
        guard isWhole, delta.from == revision else { return .gap }
        var games = self.games
        for game in delta.removed { games[game] = nil }
        for game in delta.added + delta.updated { games[game.game] = game }
        guard games.count <= Limits.libraryEntries else {
            throw .wrongValue(message: "library_delta", field: "added")
        }
        return replace(revision: delta.to, games: games)
    }

    /// The answer to `list_games`, which carries no revision: the next delta then says which it was.
    mutating func take(whole games: [GameSummary], revision: UInt64) -> Change {
        let table = Dictionary(games.map { ($0.game, $0) }, uniquingKeysWith: { first, _ in first })
        return replace(revision: revision, games: table)
    }

    private mutating func replace(revision: UInt64, games: [GameID: GameSummary]) -> Change {
        let isNew = !isWhole || games != self.games
        self.revision = revision
        self.games = games
        isWhole = true
        return isNew ? .changed : .none
    }
}
