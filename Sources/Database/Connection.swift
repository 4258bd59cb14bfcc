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

    /// What all statements together may take, and when the running one must have ended. A box, since C holds its
    /// address.
    private final class Watch {
        let limit: Duration
        let memoryEnd: Int64
        /// What is left of the limit; what we do with a row between two steps does not count.
        var left: Duration
        var end = ContinuousClock.now
        var isOutOfMemory = false

        init(limit: Duration, memoryBytes: Int64) {
            self.limit = limit
            left = limit
            // Of the whole process: what others take meanwhile is little, and what one takes back as well.
            memoryEnd = sqlite3_memory_used() + memoryBytes
        }

        func mustEnd() -> Bool {
            if sqlite3_memory_used() > memoryEnd { isOutOfMemory = true }
            return isOutOfMemory || ContinuousClock.now >= end
        }
    }
    private var watch: Watch?

    /// The columns that statements may read, as "table.column" in lower case. A box, since C holds its address.
    private final class Permission {
        let columns: Set<String>

        init(_ columns: Set<String>) { self.columns = columns }
    }
    private var permission: Permission?

    /// Opens a file, which is made when `flags` say so.
    convenience init(path: String, flags: Int32) throws(DatabaseError) {
        try self.init(path: path, name: path, flags: flags)
    }

    private init(path: String, name: String, flags: Int32) throws(DatabaseError) {
        self.path = path
        image = nil
        handle = try Connection.open(name, flags: flags, naming: path)
    }

    /// Opens a private copy of a database in memory, read-only: nobody can change it under the reader, and no journal
    /// or write-ahead log beside the file is looked at.
    init(image: CatalogImage, path: String) throws(DatabaseError) {
        self.path = path
        self.image = image
        handle = try Connection.open(
            ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, naming: path)
        let bytes = image.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let (size, room) = (Int64(image.bytes.count), Int64(image.bytes.count + CatalogImage.slackBytes))
        try check(
            sqlite3_deserialize(handle, "main", bytes, size, room, UInt32(SQLITE_DESERIALIZE_READONLY)),
            "sqlite3_deserialize")
    }

    /// A new database in memory.
    convenience init(naming path: String) throws(DatabaseError) {
        try self.init(path: path, name: ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY)
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

    /// Virtual tables of any kind are then only names: nothing connects to one.
    func dropModules() throws(DatabaseError) {
        try check(sqlite3_drop_modules(handle, nil), "sqlite3_drop_modules")
    }

    func waitForLocks(_ duration: Duration) throws(DatabaseError) {
        let milliseconds = Int32(clamping: duration.components.seconds * 1_000)
        try check(sqlite3_busy_timeout(handle, milliseconds), "sqlite3_busy_timeout")
    }

    /// From now on a statement fails when they have run for `limit` together, or when it takes more memory.
    func endStatements(after limit: Duration, memoryBytes: Int64) {
        let watch = Watch(limit: limit, memoryBytes: memoryBytes)
        self.watch = watch
        // 1,000 instructions are a few microseconds, so the clock costs nothing and the limit is kept closely.
        sqlite3_progress_handler(
            handle, 1_000,
            { context in
                guard let context else { return 1 }
                return Unmanaged<Watch>.fromOpaque(context).takeUnretainedValue().mustEnd() ? 1 : 0
            }, Unmanaged.passUnretained(watch).toOpaque())
    }

    /// From now on a statement that does anything but read these columns, and what PRAGMAs say of the schema, is not
    /// even prepared.
    func permit(reading columns: Set<String>) throws(DatabaseError) {
        let permission = Permission(columns)
        self.permission = permission
        try check(
            sqlite3_set_authorizer(
                handle,
                { context, action, first, second, _, _ in
                    guard let context else { return SQLITE_DENY }
                    let permission = Unmanaged<Permission>.fromOpaque(context).takeUnretainedValue()
                    switch action {
                    case SQLITE_SELECT, SQLITE_PRAGMA: return SQLITE_OK
                    case SQLITE_READ:
                        guard let first, let second else { return SQLITE_DENY }
                        let table = String(cString: first).lowercased()
                        // The schema as a PRAGMA tells it.
                        let column = table + "." + String(cString: second).lowercased()
                        if table.hasPrefix("pragma_") || column == "sqlite_master.rowid" { return SQLITE_OK }
                        return permission.columns.contains(column) ? SQLITE_OK : SQLITE_DENY
                    // A PRAGMA that is asked as a table declares its columns as if it made one.
                    case SQLITE_UPDATE:
                        return first.map { String(cString: $0) } == "sqlite_master" ? SQLITE_OK : SQLITE_DENY
                    default: return SQLITE_DENY
                    }
                }, Unmanaged.passUnretained(permission).toOpaque()), "sqlite3_set_authorizer")
    }

    // MARK: - Statements

    func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        var statement: OpaquePointer?
        let code = watched { sqlite3_prepare_v3(handle, sql, -1, 0, &statement, nil) }
        try check(code, "sqlite3_prepare_v3")
        guard let statement else { preconditionFailure("an empty statement: \(sql)") }
        return Statement(statement, of: self)
    }

    /// Runs statements without parameters whose rows nobody wants.
    func execute(_ sql: String) throws(DatabaseError) {
        try check(watched { sqlite3_exec(handle, sql, nil, nil, nil) }, "sqlite3_exec")
    }

    /// Runs a call of SQLite on the time that is left for all of them.
    func watched(_ call: () -> Int32) -> Int32 {
        guard let watch else { return call() }
        let begin = ContinuousClock.now
        watch.end = begin.advanced(by: watch.left)
        let code = call()
        watch.left -= ContinuousClock.now - begin
        return code
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
        if code & 0xff == SQLITE_INTERRUPT, let watch {
            return watch.isOutOfMemory
                ? .catalog(path: path, .tooComplex) : .tooSlow(path: path, after: watch.limit)
        }
        guard image != nil else { return DatabaseError(code, in: function, path: path) }
        switch code & 0xff {
        case SQLITE_CORRUPT: return .damaged(path: path)
        case SQLITE_TOOBIG: return .catalog(path: path, .tooLong)
        // Whatever else SQLite has against a file, the file is to blame.
        default: return .catalog(path: path, .unreadable(code: code))
        }
    }

    // MARK: - As bytes

    /// The whole database, for one in memory.
    func serialized() throws(DatabaseError) -> [UInt8] {
        var count: Int64 = 0
        guard let start = sqlite3_serialize(handle, "main", &count, 0) else {
            throw .function("sqlite3_serialize", code: SQLITE_NOMEM)
        }
        defer { sqlite3_free(start) }
        return Array(UnsafeBufferPointer(start: start, count: Int(count)))
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
