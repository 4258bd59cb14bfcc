import CSQLite
package import Model

/// Reads an ETI `game.db` as what it is: a file from strangers, which may be replaced at any moment.
///
/// The file is copied into memory first and SQLite sees only the copy, read-only. `game_key` is a secret of the
/// catalog's owner: no statement may name it, and the copy is wiped.
package enum CatalogReader {
    /// - Throws: `.catalog` with the rule that the file breaks; a bad row is only dropped.
    package static func read(
        path: String, limit: Duration = Limits.catalogReading
    ) throws(DatabaseError) -> Catalog {
        try load(path: path, limit: limit).catalog
    }

    /// The catalog and what was left out of it.
    ///
    /// - Parameter copied: called when the file was copied and before it is looked at again.
    package static func load(
        path: String, limit: Duration = Limits.catalogReading, copied: () -> Void = {}
    ) throws(DatabaseError) -> CatalogReading {
        try load(try CatalogImage(path: path, copied: copied), path: path, limit)
    }

    /// The same of a file that is in memory already; `name` stands for its path in errors.
    package static func load(
        bytes: some Collection<UInt8>, name: String, limit: Duration = Limits.catalogReading
    ) throws(DatabaseError) -> CatalogReading {
        try load(try CatalogImage(bytes: bytes, path: name), path: name, limit)
    }

    private static func load(
        _ image: CatalogImage, path: String, _ limit: Duration
    ) throws(DatabaseError) -> CatalogReading {
        let connection = try Connection(image: image, path: path)
        try secure(connection, limit)
        let isOurs = try connection.number("PRAGMA application_id") == OwnCatalog.applicationID
        try refuseComputedColumns(connection)
        try check(connection)
        let columns = try gameColumns(connection)
        let withdrawn = try withdrawnGames(connection)
        let genres = try genres(connection)
        var reading = try games(connection, columns: columns, withdrawn: withdrawn, genres: genres)
        reading.isOurs = isOurs
        return reading
    }

    // MARK: - Before anything is read

    private static func secure(_ connection: Connection, _ limit: Duration) throws(DatabaseError) {
        connection.limit(SQLITE_LIMIT_ATTACHED, to: 0)
        connection.limit(SQLITE_LIMIT_LENGTH, to: Int32(Limits.catalogRowBytes))
        connection.limit(SQLITE_LIMIT_COLUMN, to: Int32(Limits.catalogColumns))
        try connection.dropModules()
        try connection.configure(SQLITE_DBCONFIG_DEFENSIVE, on: true)
        try connection.configure(SQLITE_DBCONFIG_TRUSTED_SCHEMA, on: false)
        try connection.configure(SQLITE_DBCONFIG_ENABLE_TRIGGER, on: false)
        try connection.configure(SQLITE_DBCONFIG_ENABLE_VIEW, on: false)
        // The checks of a file would be computed for each row; and what is mapped is not copied into a cache, which
        // nobody wipes.
        try connection.execute(
            """
            PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA ignore_check_constraints = ON;
            PRAGMA mmap_size = \(Limits.catalogBytes + CatalogImage.slackBytes)
            """)
        try connection.permit(reading: CatalogRow.permitted)
        connection.endStatements(after: limit, memoryBytes: Limits.catalogMemoryBytes)
    }

    /// Of any table: SQLite's check of the file would compute them.
    private static func refuseComputedColumns(_ connection: Connection) throws(DatabaseError) {
        let statement = try connection.prepare(
            """
            SELECT t.name FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c
                WHERE t.schema = 'main' AND t.type = 'table' AND c.hidden <> 0
            """)
        guard try statement.step() else { return }
        throw .catalog(path: connection.path, .computedColumn(table: statement.text(0) ?? ""))
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
            // SQLite knows upper and lower case in ASCII only; beyond it "K" would be a "k" here and not there.
            guard let name = statement.text(0), name.utf8.allSatisfy({ $0 < 0x80 }) else { continue }
            if known.contains(name.lowercased()) { found.insert(name.lowercased()) }
        }
        return found
    }

    // MARK: - Tables

    private static func gameColumns(_ connection: Connection) throws(DatabaseError) -> Set<String> {
        guard try hasTable("games", connection) else { throw .catalog(path: connection.path, .noTable("games")) }
        let columns = try columns(of: "games", among: CatalogRow.Column.allCases.map(\.rawValue), connection)
        for column in [CatalogRow.Column.game, .version] where !columns.contains(column.rawValue) {
            throw .catalog(path: connection.path, .noColumn(column.rawValue))
        }
        return columns
    }

    private static func withdrawnGames(_ connection: Connection) throws(DatabaseError) -> Set<String> {
        guard try hasTable("discarded", connection) else { return [] }
        guard try columns(of: "discarded", among: ["game_id"], connection).isEmpty == false else { return [] }
        var withdrawn: Set<String> = []
        try rows(of: "discarded", "game_id", connection) { row throws(DatabaseError) in
            if let game = CatalogRow.withdrawn(row) { withdrawn.insert(game) }
        }
        return withdrawn
    }

    private static func genres(_ connection: Connection) throws(DatabaseError) -> [Int64: CatalogText] {
        guard try hasTable("genre", connection) else { return [:] }
        let columns = try columns(of: "genre", among: CatalogRow.genreColumns, connection)
        guard columns.contains("genre_id") else { return [:] }
        let fields = CatalogRow.genreColumns.map { columns.contains($0) ? $0 : "NULL" }
        var genres: [Int64: CatalogText] = [:]
        try rows(of: "genre", fields.joined(separator: ", "), connection) { row throws(DatabaseError) in
            if let (id, genre) = CatalogRow.genre(row) { genres[id] = genre }
        }
        return genres
    }

    private static func games(
        _ connection: Connection, columns: Set<String>, withdrawn: Set<String>, genres: [Int64: CatalogText]
    ) throws(DatabaseError) -> CatalogReading {
        var reading = CatalogReading()
        var entries: [GameID: CatalogEntry] = [:]
        var rest = CatalogRow.Rest()
        let fields = CatalogRow.Column.allCases.map { columns.contains($0.rawValue) ? $0.rawValue : "NULL" }
        try rows(of: "games", fields.joined(separator: ", "), connection) { row throws(DatabaseError) in
            do throws(DroppedRow) {
                let entry = try CatalogRow.entry(of: row, genres: genres, rest: &rest)
                guard entries.updateValue(entry, forKey: entry.game) == nil else {
                    throw DroppedRow(game: entry.game.text, reason: .twice(entry.game))
                }
            } catch {
                if case .twice(let game) = error.reason {
                    throw DatabaseError.catalog(path: connection.path, .duplicateGame(game))
                }
                reading.dropped.append(error)
            }
        }
        // A withdrawn game counts as a duplicate above, and only then goes: the file is sound or it is not.
        reading.withdrawn = withdrawn.compactMap { GameID($0) }.sorted()
        for game in reading.withdrawn { entries[game] = nil }
        reading.catalog = Catalog(entries: entries)
        return reading
    }

    /// The table itself and no index of it, which may say something else.
    private static func rows(
        of table: String, _ fields: String, _ connection: Connection,
        _ body: (Statement) throws(DatabaseError) -> Void
    ) throws(DatabaseError) {
        let statement = try connection.prepare("SELECT \(fields) FROM \(table) NOT INDEXED")
        var count = 0
        while try statement.step() {
            count += 1
            guard count <= Limits.catalogRows else { throw .catalog(path: connection.path, .tooManyRows(table)) }
            try body(statement)
        }
    }
}
