import Glibc
package import Model

/// Why a database could not be used, sorted by what a person can do about it.
package enum DatabaseError: Error, Hashable, Sendable {
    /// The file is not there or may not be opened; `code` is the errno.
    case cannotOpen(path: String, code: Int32)
    /// Something else than a database, or a database of another program.
    case notOurs(path: String)
    case damaged(path: String)
    /// Written by a newer version of this program.
    case newerSchema(path: String, found: Int, known: Int)
    /// Another process holds it.
    case inUse(path: String)
    case diskFull(path: String)
    case notWritable(path: String)
    /// Reading it ran into its time limit.
    case tooSlow(path: String, after: Duration)
    /// A `game.db` that SQLite reads, but that breaks a rule of ours.
    case catalog(path: String, CatalogFault)
    /// Everything else; `code` is SQLite's extended result code.
    case function(String, code: Int32)

    /// There is no file at the path.
    package var isAbsent: Bool {
        guard case .cannotOpen(_, let code) = self else { return false }
        return code == ENOENT || code == ENOTDIR
    }

    package var sentence: String {
        switch self {
        case .cannotOpen(let path, let code): "\(path) cannot be opened: \(DatabaseError.text(code))."
        case .notOurs(let path): "\(path) is not a database of the expected kind. Name another file or move it away."
        case .damaged(let path): "\(path) is damaged. Restore it from a copy, or move it away."
        case .newerSchema(let path, let found, let known):
            "\(path) has schema version \(found) and this program knows \(known). Install the newer version."
        case .inUse(let path): "\(path) is in use by another process. Stop it first."
        case .diskFull(let path): "\(path) could not be written: the disk is full. Free some space."
        case .notWritable(let path): "\(path) may not be written. Check its owner and its mode."
        case .tooSlow(let path, let after): "\(path) was not read: its queries took longer than \(after)."
        case .catalog(let path, let fault): "\(path) is not taken as a catalog: \(fault.sentence)."
        case .function(let name, let code): "The database failed in \(name) with code \(code)."
        }
    }
}

/// Which rule a `game.db` breaks.
package enum CatalogFault: Error, Hashable, Sendable {
    case notARegularFile
    case tooLarge(bytes: UInt64)
    case notADatabase
    case noTable(String)
    /// A view or a virtual table in place of a table: its content would be computed by the file.
    case notATable(String)
    case noColumn(String)
    /// A column that the file computes, generated or hidden by a module.
    case computedColumn(table: String)
    case tooManyRows(String)
    case tooManyPages(Int)
    /// A row or a definition.
    case tooLong
    /// SQLite would need too much memory for it.
    case tooComplex
    case duplicateGame(GameID)
    /// It was written to while it was copied; looked at again it may be sound.
    case beingWritten
    /// SQLite's own reason, as its extended result code.
    case unreadable(code: Int32)

    package var sentence: String {
        switch self {
        case .notARegularFile: "it is not a regular file"
        case .tooLarge(let bytes): "it has \(bytes) bytes and \(Limits.catalogBytes) are allowed"
        case .notADatabase: "it does not begin as a SQLite database"
        case .noTable(let name): "it has no table \(name)"
        case .notATable(let name): "\(name) is not an ordinary table"
        case .noColumn(let name): "the table games has no column \(name)"
        case .computedColumn(let table): "the table \(Text.escaped(table)) computes a column"
        case .tooManyPages(let pages): "it has \(pages) pages and \(Limits.catalogPages) are allowed"
        case .tooLong: "a row or a definition has more than \(Limits.catalogRowBytes) bytes"
        case .tooComplex: "it takes more than \(Limits.catalogMemoryBytes >> 20) MiB to read"
        case .beingWritten: "it is being written"
        case .unreadable(let code): "SQLite refuses it with code \(code)"
        case .tooManyRows(let name): "\(name) has more than \(Limits.catalogRows) rows"
        case .duplicateGame(let game): "the game \(game) comes twice"
        }
    }
}
