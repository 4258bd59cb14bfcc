import CSQLite

/// A prepared statement; finalised when nobody holds it. Columns and parameters are read by position.
final class Statement {
    private let handle: OpaquePointer
    /// Keeps the connection open for as long as the statement lives.
    private let connection: Connection
    private var hasFailed = false

    init(_ handle: OpaquePointer, of connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    deinit {
        // Repeats what the last step said, which has been thrown there; anything else is a bug of ours.
        let code = sqlite3_finalize(handle)
        precondition(code == SQLITE_OK || hasFailed, "sqlite3_finalize answered \(code)")
    }

    // MARK: - In

    func bind(_ values: [any Bindable]) throws(DatabaseError) {
        for (index, value) in values.enumerated() {
            try connection.check(value.bind(to: handle, at: Int32(index + 1)), "sqlite3_bind")
        }
    }

    /// Whether there is a row.
    func step() throws(DatabaseError) -> Bool {
        let code = connection.watched { sqlite3_step(handle) }
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            hasFailed = true
            throw connection.error(code, "sqlite3_step")
        }
    }

    // MARK: - Out

    enum Kind { case integer, real, text, blob, null }

    func kind(_ column: Int) -> Kind {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: .integer
        case SQLITE_FLOAT: .real
        case SQLITE_TEXT: .text
        case SQLITE_BLOB: .blob
        default: .null
        }
    }

    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }
    func real(_ column: Int) -> Double { sqlite3_column_double(handle, Int32(column)) }

    /// Nil for NULL and for a blob; numbers become their digits, broken UTF-8 is repaired, and what is longer than
    /// `limit` bytes is cut between two characters.
    func text(_ column: Int, limit: Int = .max) -> String? {
        let kind = kind(column)
        guard kind != .null, kind != .blob, let start = sqlite3_column_text(handle, Int32(column)) else { return nil }
        // After the text: the conversion may change the count.
        let all = Int(sqlite3_column_bytes(handle, Int32(column)))
        let bytes = UnsafeBufferPointer(start: start, count: all)
        let text = String(decoding: Statement.cut(bytes, limit), as: UTF8.self)
        // A broken byte becomes three.
        guard text.utf8.count > limit else { return text }
        return String(decoding: Statement.cut(Array(text.utf8), limit), as: UTF8.self)
    }

    private static func cut(_ bytes: some RandomAccessCollection<UInt8>, _ limit: Int) -> [UInt8] {
        var part = Array(bytes.prefix(limit))
        guard part.count < bytes.count else { return part }
        // In front of a byte that goes on with a character, of which there are three at most.
        var next = bytes[bytes.index(bytes.startIndex, offsetBy: part.count)]
        while next & 0xc0 == 0x80, part.count > max(0, limit - 3), let last = part.popLast() { next = last }
        return part
    }

    /// Empty for NULL.
    func blob(_ column: Int) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column)))))
    }
}

/// A value that a statement takes for a parameter.
protocol Bindable {
    /// Answers SQLite's code.
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32
}

extension Int64: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_int64(statement, index, self) }
}

extension Double: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_double(statement, index, self) }
}

extension String: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        var text = self
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // An empty buffer may have no address, and no address would bind NULL.
                guard let start = characters.baseAddress else { return lan_sqlite3_bind_text(statement, index, "", 0) }
                return lan_sqlite3_bind_text(statement, index, start, Int32(clamping: characters.count))
            }
        }
    }
}

extension Array: Bindable where Element == UInt8 {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else {
                return sqlite3_bind_zeroblob(statement, index, 0)
            }
            return lan_sqlite3_bind_blob(statement, index, start, UInt64(bytes.count))
        }
    }
}

extension Optional: Bindable where Wrapped: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        guard let value = self else { return sqlite3_bind_null(statement, index) }
        return value.bind(to: statement, at: index)
    }
}
