package import Model

/// A catalog while it is being changed; every change is a value, and what comes out is written as a whole.
package struct CatalogDraft: Hashable, Sendable {
    package private(set) var entries: [GameID: CatalogEntry]
    package private(set) var withdrawn: Set<GameID>

    package init(_ reading: CatalogReading = CatalogReading()) {
        entries = reading.catalog.entries
        withdrawn = Set(reading.withdrawn)
    }

    package var isFull: Bool { entries.count >= Limits.catalogRows }

    /// Puts the game in, or another version of it. What is not said stays as it was, and a game that was withdrawn is
    /// there again.
    package mutating func add(_ game: GameID, _ version: GameVersion, _ facts: CatalogFacts) {
        let old = entries[game]
        withdrawn.remove(game)
        entries[game] = CatalogEntry(
            game: game, title: CatalogRow.line(facts.title) ?? old?.title ?? game.text, version: version,
            bytes: facts.bytes ?? old?.bytes ?? 0,
            genres: CatalogRow.line(facts.genre).map { CatalogText(english: $0) } ?? old?.genres ?? .none,
            publisher: CatalogRow.line(facts.publisher) ?? old?.publisher,
            released: CatalogRow.line(facts.released) ?? old?.released,
            playersLimit: CatalogRow.line(facts.players) ?? old?.playersLimit, readme: old?.readme ?? .none,
            needsMaster: old?.needsMaster ?? false)
    }

    /// Returns whether it was there.
    package mutating func remove(_ game: GameID) -> Bool {
        let wasWithdrawn = withdrawn.remove(game) != nil
        return entries.removeValue(forKey: game) != nil || wasWithdrawn
    }

    /// As a `game.db` in ETI's schema that bears our mark.
    ///
    /// - Parameter path: for errors.
    package func bytes(path: String) throws(DatabaseError) -> [UInt8] {
        let connection = try Connection(naming: path)
        try connection.execute("PRAGMA application_id = \(OwnCatalog.applicationID)")
        try connection.transaction { () throws(DatabaseError) in
            try connection.execute(CatalogSchema.tables)
            try insert(into: connection)
        }
        return try connection.serialized()
    }

    private func insert(into connection: Connection) throws(DatabaseError) {
        let sorted = entries.values.sorted { $0.game < $1.game }
        var genres: [CatalogText: Int64] = [:]
        for entry in sorted where entry.genres != .none && genres[entry.genres] == nil {
            let id = Int64(genres.count + 1)
            genres[entry.genres] = id
            try connection.run(
                "INSERT INTO genre (genre_id, genre_de, genre_en, genre_fr) VALUES (?, ?, ?, ?)", id,
                entry.genres.german, entry.genres.english, entry.genres.french)
        }
        for entry in sorted {
            try connection.run(
                """
                INSERT INTO games (game_id, game_title, game_release, game_publisher, game_size, game_readme_de,
                    game_readme_en, game_readme_fr, game_maxplayers, game_master_req, genre_id, game_version)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, entry.game.text, entry.title, entry.released, entry.publisher,
                entry.bytes > 0 ? Double(entry.bytes) / 1e9 : nil, entry.readme.german, entry.readme.english,
                entry.readme.french, entry.playersLimit, Int64(entry.needsMaster ? 1 : 0), genres[entry.genres],
                entry.version.text)
        }
        for game in withdrawn.sorted() {
            try connection.run("INSERT INTO discarded (game_id) VALUES (?)", game.text)
        }
    }
}

/// What a person may say of a game beside its id and its version; nil is not said.
package struct CatalogFacts: Hashable, Sendable {
    package var title: String?
    package var bytes: UInt64?
    package var genre: String?
    package var players: String?
    package var publisher: String?
    package var released: String?

    package init() {}
}
