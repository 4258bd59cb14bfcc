import CSQLite
import Glibc

/// A value of a column; ETI's files hold all of them in places where one would not expect it.
package enum FixtureValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
    /// Bytes that are called text, whatever they are.
    case rawText([UInt8])

    fileprivate var sql: String {
        switch self {
        case .null: "NULL"
        case .integer(let value): String(value)
        case .real(let value): String(value)
        case .text(let value): "'" + value.replacing("'", with: "''") + "'"
        case .blob(let bytes): "x'" + FixtureValue.hex(bytes) + "'"
        case .rawText(let bytes): "CAST(x'" + FixtureValue.hex(bytes) + "' AS TEXT)"
        }
    }
}

extension FixtureValue {
    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

/// A row of the table games.
package struct FixtureCatalogRow: Sendable {
    package var game: FixtureValue
    package var title: FixtureValue
    package var version: FixtureValue
    package var gigabytes: FixtureValue = .real(0.1)
    package var players: FixtureValue = .integer(8)
    package var genre: FixtureValue = .integer(1)
    package var publisher: FixtureValue = .text("Fixture Works")
    package var release: FixtureValue = .text("2001")
    package var readme: FixtureValue = .text("First line<br>second line")
    package var master: FixtureValue = .integer(0)
    package var key: FixtureValue?

    package init(_ game: String, title: String, version: String) {
        self.game = .text(game)
        self.title = .text(title)
        self.version = .text(version)
    }
}

/// Writes a `game.db` in ETI's schema, or whatever statements a hostile one is made of.
package enum FixtureCatalog {
    /// Every key in every fixture begins so: a log that holds this holds a secret.
    package static let secretPrefix = "FIXTURE-SECRET-KEY-"

    package static let schema = """
        CREATE TABLE games (game_id TEXT, db_id INTEGER PRIMARY KEY, game_title TEXT, game_key TEXT, game_release TEXT,
            game_publisher TEXT, game_size NUMERIC, game_readme_de TEXT, game_readme_en TEXT, game_readme_fr TEXT,
            game_maxplayers INTEGER, game_master_req INTEGER, genre_id INTEGER, game_version TEXT);
        CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, genre_de TEXT, genre_en TEXT, genre_fr TEXT);
        CREATE TABLE discarded (del_id INTEGER PRIMARY KEY, game_id TEXT, game_key INTEGER);
        CREATE TABLE tools (tool_id TEXT, db_id INTEGER PRIMARY KEY, tool_name TEXT, tool_key TEXT,
            tool_maintainer TEXT, tool_size TEXT, tool_readme_de TEXT, tool_readme_en TEXT, tool_readme_fr TEXT,
            tool_disabled INTEGER);
        INSERT INTO genre VALUES (1, 'Echtzeitstrategie', 'Real-time strategy', NULL), (2, 'Egoshooter', NULL, NULL);
        INSERT INTO tools VALUES ('fixtool', 1, 'Fixture Tool', '\(secretPrefix)TOOL', 'nobody', '0,1', NULL, NULL,
            NULL, 0);
        """

    package static func insert(_ row: FixtureCatalogRow) -> String {
        let values = [
            row.game, row.title, keyValue(row), row.release, row.publisher, row.gigabytes, row.readme, row.readme,
            .null, row.players, row.master, row.genre, row.version,
        ]
        return """
            INSERT INTO games (game_id, game_title, game_key, game_release, game_publisher, game_size, game_readme_de,
                game_readme_en, game_readme_fr, game_maxplayers, game_master_req, genre_id, game_version)
            VALUES (\(values.map(\.sql).joined(separator: ", ")));
            """
    }

    private static func keyValue(_ row: FixtureCatalogRow) -> FixtureValue {
        if let key = row.key { return key }
        guard case .text(let game) = row.game else { return .text(secretPrefix + "NONE") }
        return .text(secretPrefix + game.uppercased())
    }

    /// A sound catalog.
    package static func write(
        _ rows: [FixtureCatalogRow], withdrawn: [String] = [], to path: String
    ) throws(FixtureError) {
        let discarded = withdrawn.map { "INSERT INTO discarded (game_id, game_key) VALUES ('\($0)', 0);" }
        try make(path, statements: [schema] + rows.map(insert) + discarded)
    }

    /// A new database at `path`, in place of what was there, made by the statements in one transaction.
    package static func make(_ path: String, statements: [String]) throws(FixtureError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw FixtureError("unlink", path) }
        try change(path, statements: statements)
    }

    /// Runs the statements on a database that may be there already.
    package static func change(_ path: String, statements: [String]) throws(FixtureError) {
        var database: OpaquePointer?
        let opened = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        defer { sqlite3_close_v2(database) }
        guard opened == SQLITE_OK else { throw FixtureError("sqlite3_open_v2", path, code: EIO) }
        let script = (["BEGIN"] + statements + ["COMMIT"]).joined(separator: ";\n")
        guard sqlite3_exec(database, script, nil, nil, nil) == SQLITE_OK else {
            let reason = sqlite3_errmsg(database).map { String(cString: $0) } ?? ""
            throw FixtureError("sqlite3_exec: \(reason)", path, code: EINVAL)
        }
    }
}

/// Holds the write lock of a database, as another process would.
package final class FixtureLock {
    private var database: OpaquePointer?
    private let path: String

    package init(path: String) throws(FixtureError) {
        self.path = path
        let opened = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, nil)
        guard opened == SQLITE_OK, sqlite3_exec(database, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK else {
            throw FixtureError("sqlite3_exec", path, code: EBUSY)
        }
    }

    deinit { sqlite3_close_v2(database) }

    package func release() throws(FixtureError) {
        guard sqlite3_exec(database, "COMMIT", nil, nil, nil) == SQLITE_OK else {
            throw FixtureError("sqlite3_exec", path, code: EBUSY)
        }
    }
}
