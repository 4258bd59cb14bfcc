package import Content
import Database
package import Model
import Runtime
import Storage

extension GameLibrary {
    // MARK: - Looking

    func scanLogged() async {
        do throws(LibraryError) {
            try await scan()
        } catch {
            log.warning(error.sentence, kind: "library_unavailable")
            // Whoever asked for the look may have changed what is shown: that is told all the same.
            publish()
        }
    }

    /// Looks at every game of the catalog that no operation is changing.
    package func scan() async throws(LibraryError) {
        let look = nextLook()
        let listed = try await listGames()
        state.setAvailable(true)
        for game in listed where state.catalog[game] != nil { await lookUnlessActive(game, look) }
        for game in state.knownGames.subtracting(listed) where !state.isActive(game) && begin(look, game) {
            await forget(game)
        }
        publish()
    }

    private func listGames() async throws(LibraryError) -> [GameID] {
        guard let directory else { throw .unavailable }
        do throws(StorageError) {
            return try await disk.run { () throws(StorageError) in try directory.games() }
        } catch .unavailable {
            guard self.directory === directory else { throw .unavailable }
            state.setAvailable(false)
            publish()
            throw .unavailable
        } catch {
            // A directory that could not be listed this once is no empty one.
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
    package func noticed(_ game: GameID) async { await noticed([game]) }

    /// All of them, with one snapshot for many.
    package func noticed(_ games: [GameID]) async {
        for game in games where directory != nil && (state.catalog[game] != nil || state.isActive(game)) {
            await lookUnlessActive(game, nextLook())
            publishSometimes()
        }
        publish()
    }

    private func lookUnlessActive(_ game: GameID, _ look: UInt64) async {
        if state.isActive(game) {
            missed.insert(game)
            return
        }
        do throws(LibraryError) {
            try await self.look(at: game, look)
            unread.remove(game)
        } catch .unavailable {
            // Said once, by whoever keeps the directory; what is known stays until it says which one follows.
            return
        } catch {
            unread.insert(game)
            log.warning(error.sentence, kind: "game_unreadable", .game(game))
        }
    }

    /// Games that the last looks could not read.
    func unreadGames() -> Set<GameID> { unread }

    /// Looks now, at one game or at all of them.
    ///
    /// - Returns: the games that are others than before, and those whose look waits for the end of their operation.
    package func rescan(_ game: GameID?) async throws(LibraryError) -> (changed: [GameID], deferred: [GameID]) {
        let before = Dictionary(uniqueKeysWithValues: state.entries.map { ($0.game, $0) })
        if let game {
            guard directory != nil else { throw .unavailable }
            if state.isActive(game) {
                missed.insert(game)
            } else {
                try await look(at: game, nextLook())
                unread.remove(game)
                publish()
            }
        } else {
            try await scan()
        }
        let changed = state.entries.filter { before[$0.game] != $0 }.map(\.game)
        return (changed.filter { game == nil || game == $0 }, missed.filter { game == nil || game == $0 }.sorted())
    }

    // MARK: - One look

    /// Whether this look is the newest that has something to say of the game.
    private func begin(_ look: UInt64, _ game: GameID) -> Bool {
        guard look >= firstLook, look >= looks[game, default: 0] else { return false }
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
        } catch .unavailable {
            throw .unavailable
        } catch {
            throw .storage(error)
        }
        guard begin(look, game) else { return }
        guard let found, found.facts.isAnything else { return await forget(game) }
        let facts = found.facts
        if let verified, found.matches, facts.version == verified.manifest.version {
            await built(verified, facts)
        } else {
            took(game, facts)
        }
    }

    /// Everything about the game is known again, in one step without a wait.
    func took(_ game: GameID, _ facts: GameFacts) {
        let root = index[game].flatMap { $0.fingerprint == facts.fingerprint ? $0.root : nil }
        if state.facts(of: game)?.fingerprint != facts.fingerprint { failed[game] = nil }
        state.found(game, facts, root: root)
        if readers[game]?.root != root { readers[game] = nil }
        enqueue(game)
    }

    private func forget(_ game: GameID) async {
        state.lost(game)
        queue.remove(game)
        readers[game] = nil
        unbuildable[game] = nil
        failed[game] = nil
        unread.remove(game)
        kept.removeAll { $0.manifest.game == game }
        guard index.removeValue(forKey: game) != nil, let indexKey else { return }
        do throws(DatabaseError) {
            try await database.removeIndexEntry(of: game, in: indexKey)
        } catch {
            log.error("The index entry was not removed: \(error.sentence)", kind: "index_failed", .game(game))
        }
    }
}
