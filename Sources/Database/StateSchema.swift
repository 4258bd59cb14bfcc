import CSQLite

/// The tables of the state database, as steps from one schema version to the next.
///
/// `PRAGMA user_version` says how many steps a file has taken. A step that was released never changes; a change is a
/// step more.
enum StateSchema {
    /// "LSST": tells our file from another program's before anything is written to it.
    static let applicationID: Int64 = 0x4c53_5354

    static let steps = [
        """
        CREATE TABLE settled (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
        INSERT INTO counters VALUES ('operation', 0);
        CREATE TABLE library (
            game TEXT PRIMARY KEY, version TEXT NOT NULL, fingerprint BLOB NOT NULL, root BLOB NOT NULL,
            manifest BLOB NOT NULL) STRICT;
        CREATE TABLE operations (
            id INTEGER PRIMARY KEY, game TEXT NOT NULL, kind TEXT NOT NULL, ended INTEGER NOT NULL,
            detail BLOB NOT NULL) STRICT;
        CREATE TABLE peers (
            peer BLOB PRIMARY KEY, name TEXT NOT NULL, address TEXT NOT NULL, seen INTEGER NOT NULL) STRICT;
        """,
        "ALTER TABLE peers ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE operation_lines (id INTEGER PRIMARY KEY, lines BLOB NOT NULL) STRICT",
        // By games directory: two of them may have the same game, and what is known of one says nothing of the other.
        """
        ALTER TABLE library RENAME TO library_of_one;
        CREATE TABLE library (
            directory TEXT NOT NULL, game TEXT NOT NULL, version TEXT NOT NULL, fingerprint BLOB NOT NULL,
            root BLOB NOT NULL, manifest BLOB NOT NULL, PRIMARY KEY (directory, game)) STRICT;
        INSERT INTO library SELECT substr(settled.value, 1, 32), game, version, fingerprint, root, manifest
            FROM library_of_one JOIN settled ON settled.key = 'games_directory';
        DROP TABLE library_of_one;
        """,
    ]

    /// Opens the file and takes the steps that it lacks, each one in a transaction of its own.
    static func open(path: String) throws(DatabaseError) -> Connection {
        let connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        try connection.waitForLocks(.seconds(2))
        try connection.configure(SQLITE_DBCONFIG_DEFENSIVE, on: true)
        try connection.configure(SQLITE_DBCONFIG_TRUSTED_SCHEMA, on: false)
        let version = try version(of: connection)
        // FULL: what an event has told a subscriber survives the power.
        try connection.execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON")
        for step in steps.indices.dropFirst(version) {
            try connection.transaction { () throws(DatabaseError) in
                try connection.execute(steps[step])
                try connection.execute("PRAGMA user_version = \(step + 1)")
                try connection.execute("PRAGMA application_id = \(applicationID)")
            }
        }
        return connection
    }

    private static func version(of connection: Connection) throws(DatabaseError) -> Int {
        let version = Int(try connection.number("PRAGMA user_version"))
        let application = try connection.number("PRAGMA application_id")
        let isEmpty = try connection.number("SELECT count(*) FROM sqlite_schema") == 0
        guard application == applicationID || (isEmpty && application == 0 && version == 0) else {
            throw .notOurs(path: connection.path)
        }
        guard version <= steps.count else {
            throw .newerSchema(path: connection.path, found: version, known: steps.count)
        }
        return max(version, 0)
    }
}
