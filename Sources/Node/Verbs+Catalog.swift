import Control
import Database
import Library
import Model
import Runtime
import Settings
import Storage

// The catalog: what is in force, and the one of this host's own.

extension Node {
    func catalogShow() async -> JSONValue {
        let (inForce, problem) = (house.catalog.inForce, house.catalog.problem)
        let reading = inForce?.reading ?? CatalogReading()
        let isOurs = reading.isOurs && inForce?.place.path == house.ownCatalog.path
        return [
            "path": .optional(inForce?.place.path),
            "owner": inForce == nil ? .null : .string(isOurs ? "lanspread" : "administrator"),
            "problem": .optional(problem),
            "count": .count(reading.catalog.entries.count),
            "games": .array(reading.catalog.sorted.map(\.json)),
            "dropped_count": .count(reading.dropped.count),
            "dropped": .array(
                reading.dropped.prefix(Limits.catalogFaultsShown).map {
                    ["game": .string($0.game), "sentence": .string($0.sentence)]
                }),
            "withdrawn": .array(reading.withdrawn.map { .string($0.text) }),
        ]
    }

    func catalogInit(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let forced = parameters["force"]?.bool ?? false
        let found = parameters["from_library"]?.bool == true ? try await foundGames() : FoundGames()
        let own = house.ownCatalog
        let (before, after) = try await changeCatalog(forced ? .renew : .make) { () throws(DatabaseError) in
            let standing = try own.standing()
            if standing == .ours, !forced { return (standing, try CatalogReader.load(path: own.path)) }
            let (_, reading) = try own.edit(renews: true) { draft in
                for game in found.games { draft.add(game.id, game.version, game.facts) }
            }
            return (OwnCatalog.Standing.absent, reading)
        }
        guard before != .ours else { throw .ownCatalogExists(own.path, after.catalog.entries.count) }
        return [
            "path": .string(own.path), "games": .count(after.catalog.entries.count),
            "skipped_count": .count(found.skipped.count),
            "skipped": .array(found.skipped.prefix(Limits.catalogFaultsShown).map { .string($0.text) }),
        ]
    }

    func catalogAdd(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        guard let game = parameters["game"]?.string.flatMap({ GameID($0) }),
            let version = parameters["version"]?.string.flatMap({ GameVersion($0) })
        else { preconditionFailure("the table lets no other parameters through") }
        var facts = CatalogFacts()
        facts.title = parameters["title"]?.string
        facts.bytes = parameters["size"]?.int.map { UInt64(clamping: $0) }
        facts.genre = parameters["genre"]?.string
        facts.players = parameters["players"]?.string
        facts.publisher = parameters["publisher"]?.string
        facts.released = parameters["released"]?.string
        let own = house.ownCatalog
        let (entry, isNew) = try await changeCatalog(.change) { [facts] () throws(DatabaseError) in
            let ((isFull, isNew), reading) = try own.edit { draft in
                let isNew = draft.entries[game] == nil
                if isNew, draft.isFull { return (true, isNew) }
                draft.add(game, version, facts)
                return (false, isNew)
            }
            return (isFull ? nil : reading.catalog[game], isNew)
        }
        guard let entry else { throw .catalogFull(own.path) }
        return ["added": .bool(isNew), "game": entry.json]
    }

    /// The game's files stay as they are: they are only no longer announced, served or fetched.
    func catalogRemove(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let name = parameters["game"]?.string ?? ""
        guard let game = GameID(name) else { preconditionFailure("the table lets no other parameter through") }
        let own = house.ownCatalog
        let wasThere = try await changeCatalog(.change) { () throws(DatabaseError) in
            try own.edit { $0.remove(game) }.0
        }
        guard wasThere else { throw .noSuchGame(name, hasCatalog: true) }
        return ["game": .string(name)]
    }

    // MARK: - Ours or not

    private enum CatalogChange { case make, renew, change }

    /// Runs `change` when the catalog that counts is, or is going to be, our own file.
    private func changeCatalog<Value: Sendable>(
        _ kind: CatalogChange, _ change: @escaping @Sendable () throws(DatabaseError) -> Value
    ) async throws(Failure) -> Value {
        let (place, own) = (CatalogPlace(house.settings, house.ownCatalog), house.ownCatalog)
        guard place.path == own.path else { throw .foreignCatalog(place.path, house.settings.catalog.origin) }
        let value: Value?
        do throws(DatabaseError) {
            value = try await catalogKeeper.change(change)
        } catch {
            if error.isAbsent, kind == .change { throw .noOwnCatalog }
            throw .ownCatalog(own.path, error, isRenewed: kind == .renew)
        }
        if let value { return value }
        throw Task.isCancelled ? Failure(.shuttingDown, "The daemon is stopping.") : .catalogHangs(own.path)
    }

    // MARK: - From the library

    /// Every game root with its version and its size; nobody has said more about it, so the id is the title.
    private func foundGames() async throws(Failure) -> FoundGames {
        guard let games = house.games else { throw house.gamesFailure }
        do throws(StorageError) {
            return try await house.loops.disk.run { () throws(StorageError) in
                var found = FoundGames()
                for id in try games.games() {
                    found.add(id, try? GameFacts.read(try games.root(id)))
                }
                return found
            }
        } catch {
            throw .noGamesDirectory(games.path, error.sentence)
        }
    }
}

extension CatalogEntry {
    /// A row of `catalog.show`. Without the readme: a page of them would be megabytes.
    var json: JSONValue {
        [
            "game": .string(game.text), "title": .string(title), "version": .string(version.text),
            "bytes": .bytes(bytes), "genre": .optional(genre),
            "genres": [
                "de": .optional(genres.german), "en": .optional(genres.english), "fr": .optional(genres.french),
            ],
            "publisher": .optional(publisher), "released": .optional(released),
            "players": players.map { .count($0) } ?? .null, "players_limit": .optional(playersLimit),
            "needs_master": .bool(needsMaster),
        ]
    }
}

extension Failure {
    /// Of a change of our own catalog. Only one whose file is itself at fault is worth losing.
    static func ownCatalog(_ path: String, _ error: DatabaseError, isRenewed: Bool) -> Failure {
        switch error {
        case .notOurs(path): .unmarkedCatalog(path)
        case .diskFull: Failure(.diskFull, error.sentence, subject: path)
        case .notWritable: Failure(.notAllowed, error.sentence, subject: path)
        case .damaged, .catalog:
            Failure(
                .badConfiguration, error.sentence, subject: path,
                hint: isRenewed ? nil : "Begin anew with: lanspreadctl catalog init --from-library --force")
        default: Failure(.internalFault, error.sentence, subject: path, retryable: true)
        }
    }

    fileprivate static func foreignCatalog(_ path: String, _ origin: SettingOrigin) -> Failure {
        let way =
            switch origin {
            case .flag, .environment: "start lanspreadd without \(origin)"
            case .file, .builtIn: "take catalog out of lanspreadd.conf, type lanspreadctl reload"
            }
        return Failure(
            .notAllowed, "The catalog \(path) is the administrator's and is not written.", subject: path,
            hint: "Change it with the program that made it; or \(way), and begin one of this host's own with: "
                + "lanspreadctl catalog init --from-library")
    }

    fileprivate static func unmarkedCatalog(_ path: String) -> Failure {
        Failure(
            .notAllowed, "The catalog \(path) was not written by lanspread and is left as it is.", subject: path,
            hint: "Move it away and begin one of this host's own with: lanspreadctl catalog init --from-library")
    }

    fileprivate static let noOwnCatalog = Failure(
        .noCatalog, "This host has no catalog of its own yet.",
        hint: "Begin one with: lanspreadctl catalog init --from-library")

    fileprivate static func ownCatalogExists(_ path: String, _ games: Int) -> Failure {
        let games = games == 1 ? "one game" : "\(games) games"
        return Failure(
            .notAllowed, "This host has a catalog of its own already, with \(games).", subject: path,
            hint: "Change it with lanspreadctl catalog add and catalog remove; or lose it and begin anew with: "
                + "lanspreadctl catalog init --force")
    }

    fileprivate static func catalogHangs(_ path: String) -> Failure {
        Failure(
            .timeout,
            "\(path) was not written within \(Limits.reloadDeadline.components.seconds) s; it may still be.",
            subject: path, hint: "See whether its disk answers, and then: lanspreadctl catalog show",
            retryable: true)
    }

    fileprivate static func catalogFull(_ path: String) -> Failure {
        Failure(
            .notAllowed, "The catalog has \(Limits.catalogRows) games and takes no more.", subject: path,
            hint: "Remove one first with: lanspreadctl catalog remove GAME")
    }
}
