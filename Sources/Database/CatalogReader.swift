import CSQLite
package import Model

/// Reads an ETI `game.db` as what it is: a file from strangers, which may be replaced at any moment.
///
/// The file is copied into memory first and SQLite sees only the copy, read-only. `game_key` is a secret of the
/// catalog's owner: no statement selects it, and the copy is wiped.
package enum CatalogReader {
    /// - Throws: `.catalog` with the rule that the file breaks; a bad row is only dropped.
    package static func read(
        path: String, statementLimit: Duration = Limits.catalogStatement
    ) throws(DatabaseError) -> Catalog {
        try load(path: path, statementLimit: statementLimit).catalog
    }

    /// The catalog and what was left out of it, for a check by a person.
    package static func load(
        path: String, statementLimit: Duration = Limits.catalogStatement
    ) throws(DatabaseError) -> CatalogReading {
        let image = try CatalogImage(path: path)
        let connection = try Connection(image: image, path: path)
        try secure(connection, statementLimit)
        try check(connection)
        let columns = try gameColumns(connection)
        let withdrawn = try withdrawnGames(connection)
        let genres = try genres(connection)
        return try games(connection, columns: columns, withdrawn: withdrawn, genres: genres)
    }

    // MARK: - Before anything is read

    private static func secure(_ connection: Connection, _ statementLimit: Duration) throws(DatabaseError) {
        connection.endStatements(after: statementLimit)
        connection.limit(SQLITE_LIMIT_ATTACHED, to: 0)
        try connection.configure(SQLITE_DBCONFIG_DEFENSIVE, on: true)
        try connection.configure(SQLITE_DBCONFIG_TRUSTED_SCHEMA, on: false)
        try connection.configure(SQLITE_DBCONFIG_ENABLE_TRIGGER, on: false)
        try connection.configure(SQLITE_DBCONFIG_ENABLE_VIEW, on: false)
        try connection.execute("PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
    }

    private static func check(_ connection: Connection) throws(DatabaseError) {
        let statement = try connection.prepare("PRAGMA quick_check(1)")
        guard try statement.step(), statement.text(0) == "ok" else { throw .damaged(path: connection.path) }
    }

    /// Whether the table is there. What is no ordinary table refuses the file.
    private static func hasTable(_ name: String, _ connection: Connection) throws(DatabaseError) -> Bool {
        let statement = try connection.prepare(
            "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE")
        try statement.bind([name])
        guard try statement.step() else { return false }
        guard statement.text(0) == "table" else { throw .catalog(path: connection.path, .notATable(name)) }
        return true
    }

    /// The columns that the file has of those that we know; nothing else is ever put into a statement.
    private static func columns(
        of table: String, among known: [String], _ connection: Connection
    ) throws(DatabaseError) -> Set<String> {
        let statement = try connection.prepare("SELECT name FROM pragma_table_info(?)")
        try statement.bind([table])
        var found: Set<String> = []
        while try statement.step() {
            if let name = statement.text(0)?.lowercased(), known.contains(name) { found.insert(name) }
        }
        return found
    }

    // MARK: - Tables

    private static func gameColumns(_ connection: Connection) throws(DatabaseError) -> Set<String> {
        guard try hasTable("games", connection) else { throw .catalog(path: connection.path, .noTable("games")) }
        let columns = try columns(of: "games", among: CatalogRow.columns, connection)
        for name in ["game_id", "game_version"] where !columns.contains(name) {
            throw .catalog(path: connection.path, .noColumn(name))
        }
        return columns
    }

    private static func withdrawnGames(_ connection: Connection) throws(DatabaseError) -> Set<String> {
        guard try hasTable("discarded", connection) else { return [] }
        guard try columns(of: "discarded", among: ["game_id"], connection).isEmpty == false else { return [] }
        var withdrawn: Set<String> = []
        try rows(of: "discarded", "SELECT game_id FROM discarded", connection) { row throws(DatabaseError) in
            if let game = row.text(0, limit: Limits.catalogTextBytes) { withdrawn.insert(game) }
        }
        return withdrawn
    }

    private static func genres(_ connection: Connection) throws(DatabaseError) -> [Int64: String] {
        guard try hasTable("genre", connection) else { return [:] }
        let known = ["genre_en", "genre_de", "genre_fr", "genre_id"]
        let columns = try columns(of: "genre", among: known, connection)
        let names = known.filter { columns.contains($0) && $0 != "genre_id" }
        guard columns.contains("genre_id"), !names.isEmpty else { return [:] }
        var genres: [Int64: String] = [:]
        let select = "SELECT genre_id, \(names.joined(separator: ", ")) FROM genre"
        try rows(of: "genre", select, connection) { row throws(DatabaseError) in
            let texts = names.indices.map { row.text($0 + 1, limit: Limits.catalogTextBytes) }
            genres[row.integer(0)] = texts.lazy.compactMap(CatalogRow.clean).first
        }
        return genres
    }

    private static func games(
        _ connection: Connection, columns: Set<String>, withdrawn: Set<String>, genres: [Int64: String]
    ) throws(DatabaseError) -> CatalogReading {
        var reading = CatalogReading()
        var entries: [GameID: CatalogEntry] = [:]
        let fields = CatalogRow.columns.map { columns.contains($0) ? $0 : "NULL" }
        let select = "SELECT \(fields.joined(separator: ", ")) FROM games"
        try rows(of: "games", select, connection) { row throws(DatabaseError) in
            do {
                let entry = try CatalogRow.entry(of: row, genres: genres)
                guard entries[entry.game] == nil else {
                    throw DatabaseError.catalog(path: connection.path, .duplicateGame(entry.game))
                }
                entries[entry.game] = entry
            } catch let fault as DroppedRow {
                reading.dropped.append(fault)
            } catch let error as DatabaseError {
                throw error
            } catch {
                preconditionFailure("a row throws what it may not: \(error)")
            }
        }
        // A withdrawn game counts as a duplicate above, and only then goes: the file is sound or it is not.
        for game in entries.keys where withdrawn.contains(game.text) {
            entries[game] = nil
            reading.withdrawn.append(game)
        }
        reading.withdrawn.sort()
        reading.catalog = Catalog(entries: entries)
        return reading
    }

    private static func rows(
        of table: String, _ select: String, _ connection: Connection,
        _ body: (Statement) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        let statement = try connection.prepare(select)
        var count = 0
        while try statement.step() {
            count += 1
            guard count <= Limits.catalogRows else { throw .catalog(path: connection.path, .tooManyRows(table)) }
            try body(statement)
        }
    }
}

/// A catalog and what its file held besides.
package struct CatalogReading: Sendable {
    package var catalog = Catalog.empty
    /// Rows that break a rule of ours, in the order of the file.
    package var dropped: [DroppedRow] = []
    /// Games that the catalog's owner took back: not offered, and never deleted because of it.
    package var withdrawn: [GameID] = []
}

/// A row of the table games that was left out.
package struct DroppedRow: Error, Hashable, Sendable {
    /// Cut and escaped: it comes from outside.
    package let game: String
    package let reason: Reason

    package enum Reason: Hashable, Sendable { case gameID, version }

    package var sentence: String {
        switch reason {
        case .gameID: "The row of \"\(game)\" is left out: its id breaks the rules."
        case .version: "The row of \(game) is left out: it has no valid version."
        }
    }
}
