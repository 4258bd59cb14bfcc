package import Content
package import Database
package import Model
package import Runtime
package import Storage

/// The games on this host's disk, against the catalog: what is here, what of it may be served, and under which root.
///
/// It looks when it is told to and never by itself, so it works while LocalMonitor is down. What it says of a game is
/// what a look found; a look that began earlier never overwrites one that began later.
package actor GameLibrary {
    private var state = LibraryState()
    var queue = HashQueue()
    /// What the state database knows; the same as on the disk, but for a write that failed.
    private var index: [GameID: (fingerprint: Digest, root: Root)] = [:]
    /// Files of which no manifest can be made: not tried again until they change.
    private var unbuildable: [GameID: Digest] = [:]
    /// Changes that were noticed while an operation was active: looked at when it has ended.
    private var missed: Set<GameID> = []
    private var looks: [GameID: UInt64] = [:]
    private var lastLook: UInt64 = 0
    private var directory: GamesDirectory?
    /// Decoded manifests, the one used last at the end.
    private var kept: [BuiltManifest] = []
    var readers: [GameID: ServedGame] = [:]
    var building: ManifestBuild?

    /// Open while the queue may hold something.
    nonisolated let work = AsyncGate()
    /// What has changed, newest only: a reader compares the numbers with those it has. For one reader.
    package nonisolated let changes: AsyncStream<LibraryChange>
    private nonisolated let changed: AsyncStream<LibraryChange>.Continuation

    let database: StateDatabase
    let disk: DiskPool
    let pool: MemoryPool
    let time: any TimeSource
    let log: Log

    /// Some manifests of the size of the largest package known are 30 MB together.
    private static let keptLimit = 8

    /// - Parameter pool: of blocks of one chunk, for hashing.
    package init(database: StateDatabase, disk: DiskPool, pool: MemoryPool, time: any TimeSource, log: Log) {
        self.database = database
        self.disk = disk
        self.pool = pool
        self.time = time
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

    // MARK: - Looking

    /// Takes the games directory and the catalog, and looks at everything once.
    ///
    /// - Parameter games: nil while it is not there; its games are `unavailable` then.
    package func open(_ games: GamesDirectory?, catalog: Catalog) async {
        directory = games
        state.take(catalog)
        do throws(DatabaseError) {
            index = try await database.indexedGames()
        } catch {
            log.error("The index was not read and is built again: \(error.sentence)", kind: "index_failed")
        }
        state.remember(index.keys)
        await scanLogged()
    }

    /// Another catalog counts from now on; what is active keeps the version that it began with.
    package func setCatalog(_ catalog: Catalog) async {
        state.take(catalog)
        await scanLogged()
    }

    private func scanLogged() async {
        do throws(LibraryError) {
            try await scan()
        } catch {
            log.warning(error.sentence, kind: "library_unavailable")
        }
    }

    /// Looks at every game of the catalog that no operation is changing.
    package func scan() async throws(LibraryError) {
        let look = nextLook()
        let listed = try await listGames()
        state.setAvailable(true)
        for game in listed where state.catalog[game] != nil {
            if state.isActive(game) {
                missed.insert(game)
                continue
            }
            do throws(LibraryError) {
                try await self.look(at: game, look)
            } catch {
                log.warning(error.sentence, kind: "game_unreadable", .game(game))
            }
        }
        for game in state.knownGames.subtracting(listed) where !state.isActive(game) && begin(look, game) {
            await forget(game)
        }
        publish()
    }

    private func listGames() async throws(LibraryError) -> [GameID] {
        do throws(StorageError) {
            guard let directory else { throw .unavailable(path: "") }
            return try await disk.run { () throws(StorageError) in try directory.games() }
        } catch {
            state.setAvailable(false)
            publish()
            if case .unavailable = error { throw .unavailable }
            throw .storage(error)
        }
    }

    /// Looks at one game, whatever is active: an operation settles its game with this before it gives up its claim.
    ///
    /// - Parameter verified: the manifest whose chunks were just verified on the way to the disk. Its files need no
    ///   hashing, and others beside them do not matter.
    package func refresh(_ game: GameID, verified: BuiltManifest? = nil) async throws(LibraryError) {
        missed.remove(game)
        try await look(at: game, nextLook(), verified: verified)
        publish()
    }

    /// Somebody saw something change: looks at the game now, or when its operation has ended.
    package func noticed(_ game: GameID) async {
        if state.isActive(game) {
            missed.insert(game)
            return
        }
        guard state.catalog[game] != nil, directory != nil else { return }
        do throws(LibraryError) {
            try await look(at: game, nextLook())
        } catch {
            log.warning(error.sentence, kind: "game_unreadable", .game(game))
        }
        publish()
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

    // MARK: - Manifests that are there

    /// The manifest of the game as it is here; nil while it is not built, and then the game's turn comes first.
    package func manifest(_ game: GameID) async -> BuiltManifest? {
        guard let root = state.root(of: game) else {
            queue.hasten(game)
            return nil
        }
        if let position = kept.firstIndex(where: { $0.root == root }) {
            let manifest = kept.remove(at: position)
            kept.append(manifest)
            return manifest
        }
        do throws(LibraryError) {
            let manifest = try await load(game, root)
            if state.root(of: game) == root { keep(manifest) }
            return manifest
        } catch {
            log.error("The manifest is built again. \(error.sentence)", kind: "index_failed", .game(game))
            if state.root(of: game) == root, let facts = state.facts(of: game) {
                index[game] = nil
                state.found(game, facts, root: nil)
                enqueue(game)
                publish()
            }
            return nil
        }
    }

    private func load(_ game: GameID, _ root: Root) async throws(LibraryError) -> BuiltManifest {
        let entry: IndexEntry?
        do throws(DatabaseError) {
            entry = try await database.indexEntry(of: game)
        } catch {
            throw .database(error)
        }
        guard let entry, entry.root == root else { throw .unknown(game) }
        do throws(ContentError) {
            return try await disk.run { () throws(ContentError) in
                try ManifestBuilder.decode(entry.manifest, game: game, version: entry.version, root: root)
            }
        } catch {
            throw .content(error)
        }
    }

    private func keep(_ manifest: BuiltManifest) {
        kept.removeAll { $0.manifest.game == manifest.manifest.game }
        kept.append(manifest)
        if kept.count > GameLibrary.keptLimit { kept.removeFirst() }
    }

    // MARK: - One look

    private func nextLook() -> UInt64 {
        lastLook += 1
        return lastLook
    }

    /// Whether this look is the newest that has something to say of the game.
    private func begin(_ look: UInt64, _ game: GameID) -> Bool {
        guard look >= looks[game, default: 0] else { return false }
        looks[game] = look
        return true
    }

    private func look(
        at game: GameID, _ look: UInt64, verified: BuiltManifest? = nil
    ) async throws(LibraryError) {
        guard let directory else { throw .unavailable }
        let found: (facts: GameFacts, matches: Bool)?
        do throws(StorageError) {
            found = try await disk.run { () throws(StorageError) in
                try GameFacts.read(try directory.root(game), comparing: verified?.manifest)
            }
        } catch .noSuchGame {
            found = nil
        } catch {
            throw .storage(error)
        }
        guard begin(look, game) else { return }
        guard let found, found.facts.isDownloaded || found.facts.isInstalled else { return await forget(game) }
        let facts = found.facts
        if let verified, found.matches, facts.version == verified.manifest.version {
            await built(verified, facts)
        } else {
            took(game, facts)
        }
    }

    /// Everything about the game is known again, in one step without a wait.
    private func took(_ game: GameID, _ facts: GameFacts) {
        let root = index[game].flatMap { $0.fingerprint == facts.fingerprint ? $0.root : nil }
        state.found(game, facts, root: root)
        if readers[game]?.root != root { readers[game] = nil }
        enqueue(game)
    }

    /// The manifest of exactly these files is known: it goes into the index.
    func built(_ manifest: BuiltManifest, _ facts: GameFacts) async {
        let game = manifest.manifest.game
        index[game] = (facts.fingerprint, manifest.root)
        keep(manifest)
        took(game, facts)
        do throws(DatabaseError) {
            try await database.save(
                IndexEntry(
                    game: game, version: manifest.manifest.version, fingerprint: facts.fingerprint,
                    root: manifest.root, manifest: manifest.bytes))
        } catch {
            log.error("The index entry was not kept: \(error.sentence)", kind: "index_failed", .game(game))
        }
    }

    private func forget(_ game: GameID) async {
        state.lost(game)
        queue.remove(game)
        readers[game] = nil
        unbuildable[game] = nil
        kept.removeAll { $0.manifest.game == game }
        guard index.removeValue(forKey: game) != nil else { return }
        do throws(DatabaseError) {
            try await database.removeIndexEntry(of: game)
        } catch {
            log.error("The index entry was not removed: \(error.sentence)", kind: "index_failed", .game(game))
        }
    }

    private func enqueue(_ game: GameID) {
        guard state.wantsManifest(game), unbuildable[game] != state.facts(of: game)?.fingerprint else {
            queue.remove(game)
            return
        }
        guard building?.game != game else { return }
        queue.add(game)
        work.open()
    }

    // MARK: - For what is filed elsewhere

    func root(of game: GameID) -> Root? { state.root(of: game) }
    func facts(of game: GameID) -> GameFacts? { state.facts(of: game) }
    func wantsManifest(_ game: GameID) -> Bool { state.wantsManifest(game) }
    func cannotBuild(_ game: GameID, _ fingerprint: Digest) { unbuildable[game] = fingerprint }

    func publish() {
        guard let change = state.publish() else { return }
        changed.yield(change)
    }
}
