package import Content
package import Database
package import Model
package import Runtime
package import Storage

/// What the library asks of its neighbours; Node fills it.
package struct LibraryPorts: Sendable {
    /// Manifests of this version that peers have, so that files that are theirs need not become another game because
    /// of what lies beside them. Bounded, and answered in bounded time.
    package var knownManifests: @Sendable (GameID, GameVersion) async -> [BuiltManifest] = { _, _ in [] }

    package init() {}
}

/// The games on this host's disk, against the catalog: what is here, what of it may be served, and under which root.
///
/// It looks when it is told to and never by itself, so it works while LocalMonitor is down. What it says of a game is
/// what a look found; a look that began earlier never overwrites one that began later.
package actor GameLibrary {
    var state = LibraryState()
    var queue = HashQueue()
    /// What the state database knows of this games directory; the same as on the disk, but for a write that failed.
    var index: [GameID: (fingerprint: Digest, root: Root)] = [:]
    /// Whose index it is.
    var indexKey: String?
    /// Files of which no manifest can be made: not tried again until they change.
    var unbuildable: [GameID: Digest] = [:]
    /// Games that could not be read to their end, and how often; the disk may do better later.
    var failed: [GameID: Int] = [:]
    /// Games that a look could not read; they are as they were before.
    var unread: Set<GameID> = []
    /// Changes that were noticed while an operation was active: looked at when it has ended.
    var missed: Set<GameID> = []
    var looks: [GameID: UInt64] = [:]
    var lastLook: UInt64 = 0
    /// Looks from before say nothing of the directory that is there now.
    var firstLook: UInt64 = 0
    var directory: GamesDirectory?
    /// Decoded manifests, the one used last at the end.
    var kept: [BuiltManifest] = []
    var readers: [GameID: ServedGame] = [:]
    var building: ManifestBuild?
    private var lastPublished: Instant?

    /// Open while the queue may hold something.
    nonisolated let work = AsyncGate()
    /// Open while a manifest is to be tried again.
    nonisolated let retries = AsyncGate()
    /// Opened when another games directory is there, or none; for one waiter.
    nonisolated let moved = AsyncGate()
    /// What has changed, newest only: a reader compares the numbers with those it has. For one reader.
    package nonisolated let changes: AsyncStream<LibraryChange>
    private nonisolated let changed: AsyncStream<LibraryChange>.Continuation

    let database: StateDatabase
    let disk: DiskPool
    let pool: MemoryPool
    let time: any TimeSource
    let ports: LibraryPorts
    let log: Log

    /// - Parameter pool: of blocks of one chunk, for hashing.
    package init(
        database: StateDatabase, disk: DiskPool, pool: MemoryPool, time: any TimeSource,
        ports: LibraryPorts = LibraryPorts(), log: Log
    ) {
        self.database = database
        self.disk = disk
        self.pool = pool
        self.time = time
        self.ports = ports
        self.log = log
        // Only the numbers count, so a newer change says all that an older one did.
        (changes, changed) = AsyncStream.makeStream(of: LibraryChange.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - Showing

    /// Every game of the catalog, also those that an operation is changing: these as they were, or as it left them.
    package func entries() -> [LibraryEntry] { state.entries }
    /// Nil for a game that is not in the catalog.
    package func entry(of game: GameID) -> LibraryEntry? { state.entry(of: game) }
    /// What peers are told. A game that an operation is changing is not in it.
    package func summaries() -> (revision: UInt64, games: [GameSummary]) {
        (state.change.revision, state.summaries)
    }
    /// How far it has come.
    package var change: LibraryChange { state.change }
    package func catalog() -> Catalog { state.catalog }
    package func gamesDirectory() -> GamesDirectory? { directory }
    package var isAvailable: Bool { state.isAvailable }

    // MARK: - Directory and catalog

    /// Takes the games directory and the catalog, and looks at everything once.
    ///
    /// - Parameters:
    ///   - games: nil while it is not there; its games are `unavailable` then.
    ///   - key: names the directory that is not there, so that it is known what was in it.
    package func open(_ games: GamesDirectory?, key: String? = nil, catalog: Catalog) async {
        state.take(catalog)
        await setDirectory(games, key: key)
    }

    /// Another catalog counts from now on; what is active keeps the version that it began with.
    package func setCatalog(_ catalog: Catalog) async {
        state.take(catalog)
        for game in queue.games where !state.wantsManifest(game) { queue.remove(game) }
        await scanLogged()
    }

    /// Another games directory counts from now on, or none: its games are `unavailable` then, and not gone. One call at
    /// a time.
    package func setDirectory(_ games: GamesDirectory?, key: String? = nil) async {
        directory = nil
        firstLook = nextLook()
        readers = [:]
        queue = HashQueue()
        failed = [:]
        unread = []
        building?.stop.give()
        if let key = games?.key ?? key, key != indexKey { await takeIndex(key) }
        directory = games
        moved.open()
        guard games != nil else {
            state.setAvailable(false)
            return publish()
        }
        await scanLogged()
    }

    /// What the state database knows of the directory, and nothing that it knew of another.
    private func takeIndex(_ key: String) async {
        indexKey = key
        index = [:]
        unbuildable = [:]
        kept = []
        state.forgetAll()
        do throws(DatabaseError) {
            index = try await database.indexedGames(in: key)
        } catch {
            log.error("The index was not read and is built again: \(error.sentence)", kind: "index_failed")
        }
        state.remember(index.keys)
    }

    // MARK: - Hiding

    /// Hides the game from peers for as long as an operation changes it, and stops its hashing.
    package func setActive(_ game: GameID, _ isActive: Bool) async {
        if isActive {
            state.activate(game)
            queue.remove(game)
            if building?.game == game { building?.stop.give() }
            publish()
        } else {
            state.deactivate(game)
            enqueue(game)
            publish()
            if missed.remove(game) != nil { await noticed(game) }
        }
    }

    // MARK: - For what is filed elsewhere

    func root(of game: GameID) -> Root? { state.root(of: game) }
    func facts(of game: GameID) -> GameFacts? { state.facts(of: game) }
    func wantsManifest(_ game: GameID) -> Bool { state.wantsManifest(game) }

    func nextLook() -> UInt64 {
        lastLook += 1
        return lastLook
    }

    func enqueue(_ game: GameID) {
        guard state.wantsManifest(game), unbuildable[game] != state.facts(of: game)?.fingerprint else {
            queue.remove(game)
            return
        }
        guard building?.game != game else { return }
        // Its turn comes when the disk was given time; it may have been passed over while an operation was active.
        guard failed[game] == nil else { return retries.open() }
        queue.add(game)
        work.open()
    }

    func publish() {
        lastPublished = time.now
        guard let change = state.publish() else { return }
        changed.yield(change)
    }

    /// For what comes in numbers: at most one snapshot in `Limits.watchQuiet`. Whoever calls it publishes at the end.
    func publishSometimes() {
        guard let lastPublished, time.now - lastPublished < Limits.watchQuiet else { return publish() }
    }
}
