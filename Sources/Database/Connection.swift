import CSQLite
import Glibc

/// One SQLite connection; it belongs to one actor or one function and every code that SQLite returns is looked at.
///
/// Not `Sendable` on purpose: SQLite's own mutexes are switched off.
final class Connection {
    /// For errors; `:memory:` bears the path of the file that was copied.
    let path: String
    private let handle: OpaquePointer
    /// What a connection in memory reads; freed after the handle.
    private let image: CatalogImage?

    /// How long a statement may run, and when the running one must have ended. A box, since C holds its address.
    private final class Watch {
        var limit: Duration = .zero
        var end = ContinuousClock.now
    }
    private var watch: Watch?

    /// Opens a file, which is made when `flags` say so.
    init(path: String, flags: Int32) throws(DatabaseError) {
        self.path = path
        image = nil
        handle = try Connection.open(path, flags: flags, naming: path)
    }

    /// Opens a private copy of a database in memory, read-only: nobody can change it under the reader, and no journal
    /// or write-ahead log beside the file is looked at.
    init(image: CatalogImage, path: String) throws(DatabaseError) {
        self.path = path
        self.image = image
        handle = try Connection.open(
            ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, naming: path)
        let bytes = image.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let size = Int64(image.bytes.count)
        try check(
            sqlite3_deserialize(handle, "main", bytes, size, size, UInt32(SQLITE_DESERIALIZE_READONLY)),
            "sqlite3_deserialize")
    }

    private static func open(
        _ name: String, flags: Int32, naming path: String
    ) throws(DatabaseError) -> OpaquePointer {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let handle else { throw .function("sqlite3_open_v2", code: code) }
        guard code == SQLITE_OK else {
            let number = sqlite3_system_errno(handle)
            let closed = sqlite3_close_v2(handle)
            precondition(closed == SQLITE_OK, "a handle that was never used does not close: \(closed)")
            if code & 0xff == SQLITE_CANTOPEN { throw .cannotOpen(path: path, code: number == 0 ? ENOENT : number) }
            throw DatabaseError(code, in: "sqlite3_open_v2", path: path)
        }
        return handle
    }

    deinit {
        // Statements hold the connection, so they are gone by now, and this cannot be refused.
        let code = sqlite3_close_v2(handle)
        precondition(code == SQLITE_OK, "sqlite3_close_v2 answered \(code)")
    }

    // MARK: - Settings

    func configure(_ option: Int32, on: Bool) throws(DatabaseError) {
        var state: Int32 = 0
        try check(lan_sqlite3_db_config(handle, option, on ? 1 : 0, &state), "sqlite3_db_config")
        guard state == (on ? 1 : 0) else { throw .function("sqlite3_db_config", code: SQLITE_MISUSE) }
    }

    func limit(_ category: Int32, to value: Int32) {
        sqlite3_limit(handle, category, value)
        precondition(sqlite3_limit(handle, category, -1) <= value, "limit \(category) is not taken")
    }

    func waitForLocks(_ duration: Duration) throws(DatabaseError) {
        let milliseconds = Int32(clamping: duration.components.seconds * 1_000)
        try check(sqlite3_busy_timeout(handle, milliseconds), "sqlite3_busy_timeout")
    }

    /// From now on a statement that has run for `limit` fails with `.tooSlow`.
    func endStatements(after limit: Duration) {
        let watch = Watch()
        watch.limit = limit
        self.watch = watch
        // 1,000 instructions are a few microseconds, so the clock costs nothing and the limit is kept closely.
        sqlite3_progress_handler(
            handle, 1_000,
            { context in
                guard let context else { return 1 }
                let watch = Unmanaged<Watch>.fromOpaque(context).takeUnretainedValue()
                return ContinuousClock.now >= watch.end ? 1 : 0
            }, Unmanaged.passUnretained(watch).toOpaque())
    }

    // MARK: - Statements

    func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        if let watch { watch.end = ContinuousClock.now.advanced(by: watch.limit) }
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v3(handle, sql, -1, 0, &statement, nil), "sqlite3_prepare_v3")
        guard let statement else { preconditionFailure("an empty statement: \(sql)") }
        return Statement(statement, of: self)
    }

    /// Runs statements without parameters whose rows nobody wants.
    func execute(_ sql: String) throws(DatabaseError) {
        if let watch { watch.end = ContinuousClock.now.advanced(by: watch.limit) }
        try check(sqlite3_exec(handle, sql, nil, nil, nil), "sqlite3_exec")
    }

    func run(_ sql: String, _ values: any Bindable...) throws(DatabaseError) {
        let statement = try prepare(sql)
        try statement.bind(values)
        while try statement.step() {}
    }

    /// The first column of the first row, as a number; zero without a row.
    func number(_ sql: String) throws(DatabaseError) -> Int64 {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// All or nothing; the transaction is undone when `body` throws.
    func transaction<Value>(_ body: () throws(DatabaseError) -> Value) throws(DatabaseError) -> Value {
        try execute("BEGIN IMMEDIATE")
        do {
            let value = try body()
            try execute("COMMIT")
            return value
        } catch {
            // SQLite has undone it by itself after some errors, a full disk among them.
            if sqlite3_get_autocommit(handle) == 0 { try execute("ROLLBACK") }
            throw error
        }
    }

    // MARK: - Codes

    func check(_ code: Int32, _ function: String) throws(DatabaseError) {
        guard code == SQLITE_OK else { throw error(code, function) }
    }

    func error(_ code: Int32, _ function: String) -> DatabaseError {
        if code & 0xff == SQLITE_INTERRUPT, let watch { return .tooSlow(path: path, after: watch.limit) }
        return DatabaseError(code, in: function, path: path)
    }
}

extension DatabaseError {
    init(_ code: Int32, in function: String, path: String) {
        switch code & 0xff {
        case SQLITE_CORRUPT: self = .damaged(path: path)
        case SQLITE_NOTADB: self = .notOurs(path: path)
        case SQLITE_FULL: self = .diskFull(path: path)
        case SQLITE_BUSY, SQLITE_LOCKED: self = .inUse(path: path)
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: self = .notWritable(path: path)
        default: self = .function(function, code: code)
        }
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
