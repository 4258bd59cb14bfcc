import Model

/// What is here, what of it is shown, and when that has changed; all of the decisions and none of the waiting.
struct LibraryState {
    private struct Known {
        var facts: GameFacts
        var root: Root?
    }

    private(set) var catalog = Catalog.empty
    /// Of the catalog, in the order of the ids.
    private var listed: [CatalogEntry] = []
    /// False while the games directory is not there: games are then `unavailable`, and not gone.
    private(set) var isAvailable = false
    private var games: [GameID: Known] = [:]
    /// Games that the index knows and that were not looked at yet.
    private var remembered: Set<GameID> = []
    /// How many operations change a game. One as a rule; for an instant two, when the next one begins before the end of
    /// the last has got here.
    private var active: [GameID: Int] = [:]

    private(set) var change = LibraryChange(local: 0, revision: 0)
    private var shown: [GameID: LibraryEntry] = [:]
    private var told: [GameID: GameSummary] = [:]
    /// Games about which something may have changed since the last `publish`: what a change costs must not grow with
    /// the library.
    private var touched: Set<GameID> = []
    private var isAllTouched = false

    // MARK: - What happened

    mutating func take(_ catalog: Catalog) {
        self.catalog = catalog
        listed = catalog.sorted
        isAllTouched = true
    }

    mutating func remember(_ games: some Sequence<GameID>) {
        remembered.formUnion(games)
        isAllTouched = true
    }

    mutating func setAvailable(_ isAvailable: Bool) {
        guard isAvailable != self.isAvailable else { return }
        self.isAvailable = isAvailable
        isAllTouched = true
    }

    /// Another games directory: what was known of the last one says nothing of it.
    mutating func forgetAll() {
        games = [:]
        remembered = []
        isAllTouched = true
    }

    /// The game as it was found, with the root that the index has for exactly these files.
    mutating func found(_ game: GameID, _ facts: GameFacts, root: Root?) {
        touched.insert(game)
        remembered.remove(game)
        games[game] = Known(facts: facts, root: root)
    }

    mutating func lost(_ game: GameID) {
        touched.insert(game)
        remembered.remove(game)
        games[game] = nil
    }

    mutating func activate(_ game: GameID) {
        touched.insert(game)
        active[game, default: 0] += 1
    }

    mutating func deactivate(_ game: GameID) {
        guard let count = active[game] else { preconditionFailure("no operation changes \(game)") }
        touched.insert(game)
        active[game] = count > 1 ? count - 1 : nil
    }

    // MARK: - What is

    func isActive(_ game: GameID) -> Bool { active[game] != nil }
    func facts(of game: GameID) -> GameFacts? { games[game]?.facts }
    var knownGames: Set<GameID> { Set(games.keys).union(remembered) }

    /// Only a game in the catalog's version has a root that is of use to anybody.
    func root(of game: GameID) -> Root? { isCurrent(game) ? games[game]?.root : nil }

    /// Whether a manifest should be built: the right version is here, and nothing is changing it.
    func wantsManifest(_ game: GameID) -> Bool {
        isCurrent(game) && games[game]?.root == nil && !isActive(game)
    }

    private func isCurrent(_ game: GameID) -> Bool {
        guard isAvailable, let version = catalog[game]?.version, let facts = games[game]?.facts else { return false }
        return facts.isDownloaded && facts.version == version
    }

    private func availability(of game: GameID) -> Availability? {
        guard isAvailable else { return games[game] != nil || remembered.contains(game) ? .unavailable : nil }
        guard let known = games[game] else { return nil }
        if known.facts.isDownloaded {
            guard isCurrent(game) else { return .outdated }
            return known.root == nil ? .hashing : .ready
        }
        if known.facts.isInstalled { return .localOnly }
        return known.facts.part == nil ? nil : .partial
    }

    func entry(of game: GameID) -> LibraryEntry? {
        guard let listed = catalog[game] else { return nil }
        let facts = games[game]?.facts
        let isDownloaded = facts?.isDownloaded == true
        return LibraryEntry(
            game: game, title: listed.title, catalogVersion: listed.version,
            localVersion: isDownloaded ? facts?.version : nil, availability: availability(of: game),
            installed: facts?.isInstalled == true, installedVersion: facts?.installedVersion, part: facts?.part,
            root: root(of: game),
            bytes: isDownloaded ? facts?.bytes ?? 0 : listed.bytes, files: isDownloaded ? facts?.files ?? 0 : 0)
    }

    /// Every game of the catalog, in the order of the ids.
    var entries: [LibraryEntry] { listed.compactMap { entry(of: $0.game) } }

    /// What peers may know: games of the catalog that are here and that no operation is changing.
    var summaries: [GameSummary] { listed.compactMap { summary(of: $0.game) } }

    private func summary(of game: GameID) -> GameSummary? {
        guard !isActive(game), let entry = entry(of: game), let availability = entry.availability,
            availability != .unavailable
        else { return nil }
        // A peer is told a version or nothing: without one there is nothing it could do with the game.
        guard let version = availability == .localOnly ? entry.installedVersion : entry.localVersion else { return nil }
        let isDownloaded = availability != .localOnly
        return GameSummary(
            game: game, version: version, availability: availability, root: entry.root,
            bytes: isDownloaded ? entry.bytes : 0, files: entry.files)
    }

    /// Counts what has changed since the last call; nil when nothing has.
    mutating func publish() -> LibraryChange? {
        let games = isAllTouched ? Set(shown.keys).union(told.keys).union(listed.map(\.game)) : touched
        touched = []
        isAllTouched = false
        var (isShown, isTold) = (false, false)
        for game in games {
            let (entry, summary) = (entry(of: game), summary(of: game))
            if shown[game] != entry {
                shown[game] = entry
                isShown = true
            }
            if told[game] != summary {
                told[game] = summary
                isTold = true
            }
        }
        guard isShown || isTold else { return nil }
        change = LibraryChange(local: change.local + (isShown ? 1 : 0), revision: change.revision + (isTold ? 1 : 0))
        return change
    }
}
