import Model
import Wire

/// A peer's library as it told it: pages put together, deltas applied.
///
/// Nothing is seen of a snapshot before its last page: a library is the old one or the new one. After a gap it is
/// behind until the whole library has come, and remembers what it has to reach.
struct LibraryMirror: Sendable {
    enum Change: Equatable {
        /// More pages follow, or it was known.
        case none
        case changed
        /// A delta does not follow on what is here: the whole library has to be asked for.
        case gap
    }

    /// Whose revisions these are: a peer that was started again counts anew.
    var teller: Instance?
    private(set) var revision: UInt64 = 0
    private(set) var games: [GameID: GameSummary] = [:]
    private(set) var isWhole = false
    /// The highest revision that was told since a gap; nil when nothing is missing.
    private(set) var missed: UInt64?
    private var pending: (revision: UInt64, pages: Int, next: Int, games: [GameID: GameSummary])?
    /// Made when it is asked for, and kept until the games change.
    private var digestMade: Digest?

    var sorted: [GameSummary] { games.values.sorted { $0.game < $1.game } }

    /// As the peer's hello would name it.
    mutating func digest() -> Digest {
        if let digestMade { return digestMade }
        let digest = LibraryImage.digest(of: games)
        digestMade = digest
        return digest
    }

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

    /// A delta that was applied before changes nothing. One that does not follow is not applied, but what it leads to
    /// has to be reached.
    mutating func take(_ delta: LibraryDelta) throws(WireFault) -> Change {
        guard !isWhole || delta.to > revision else { return .none }
        guard isWhole, delta.from == revision else {
            defer { missed = max(missed ?? 0, delta.to) }
            return missed == nil ? .gap : .none
        }
        var games = self.games
        for game in delta.removed { games[game] = nil }
        for game in delta.added + delta.updated { games[game.game] = game }
        guard games.count <= Limits.libraryEntries else {
            throw .wrongValue(message: "library_delta", field: "added")
        }
        return replace(revision: delta.to, games: games)
    }

    /// The answer to `list_games`.
    ///
    /// - Parameters:
    ///   - revision: of these games, when the answer says it.
    ///   - asked: what was missed when it was asked for; the answer is at least that.
    mutating func take(whole games: [GameSummary], revision: UInt64?, asked: UInt64) -> Change {
        let revision = revision ?? asked
        // A snapshot has overtaken it.
        guard !isWhole || revision >= self.revision else { return .none }
        let table = Dictionary(games.map { ($0.game, $0) }, uniquingKeysWith: { first, _ in first })
        return replace(revision: revision, games: table)
    }

    /// The peer's hello says that its library is still this one.
    mutating func confirm(revision: UInt64) {
        self.revision = revision
        missed = nil
        pending = nil
    }

    private mutating func replace(revision: UInt64, games: [GameID: GameSummary]) -> Change {
        let isNew = !isWhole || games != self.games
        self.revision = revision
        self.games = games
        isWhole = true
        if let missed, revision >= missed { self.missed = nil }
        if isNew { digestMade = nil }
        return isNew ? .changed : .none
    }
}

/// Libraries of peers that are gone: one that comes back with the same library need not tell it again.
struct MirrorAttic {
    private var mirrors: [PeerID: LibraryMirror] = [:]
    /// The one that was put here last stands last.
    private var order: [PeerID] = []
    private var entries = 0

    mutating func put(_ mirror: LibraryMirror, of peer: PeerID) {
        _ = take(peer)
        guard mirror.isWhole, mirror.missed == nil else { return }
        mirrors[peer] = mirror
        order.append(peer)
        entries += MirrorAttic.weight(mirror)
        while entries > Limits.entriesKept, let oldest = order.first { _ = take(oldest) }
    }

    /// It is not here any more then.
    mutating func take(_ peer: PeerID) -> LibraryMirror? {
        guard let mirror = mirrors.removeValue(forKey: peer) else { return nil }
        order.removeAll { $0 == peer }
        entries -= MirrorAttic.weight(mirror)
        return mirror
    }

    func summaries(of game: GameID) -> [PeerID: GameSummary] { mirrors.compactMapValues { $0.games[game] } }

    /// An empty library takes room as well.
    private static func weight(_ mirror: LibraryMirror) -> Int { mirror.games.count + 10 }
}
