import CSQLite
import Glibc
import Linux
import Model

/// A private copy of a `game.db` in memory, wiped when it goes: it holds keys that are none of our business.
///
/// SQLite reads pages where they lie in it and copies none, so that wiping it wipes all.
final class CatalogImage {
    let bytes: UnsafeMutableRawBufferPointer
    private let start: UnsafeMutableRawPointer

    /// Zeros behind the last page: SQLite looks a few bytes beyond a cell that is cut off by the end of its page.
    static let slackBytes = 4_096
    private static let magic = Array("SQLite format 3\0".utf8)
    /// A database has a header of 100 bytes at least.
    private static let headerBytes = 100
    private static let smallestPage = 512

    /// - Parameter copied: called between the copy and the second look at the file, which finds out whether it was
    ///   being written.
    convenience init(path: String, copied: () -> Void = {}) throws(DatabaseError) {
        let file: Descriptor
        let status: FileStatus
        do {
            file = try Files.openRead(atPath: path)
            status = try Files.status(file)
        } catch {
            throw .cannotOpen(path: path, code: error.code)
        }
        guard status.kind == .regular else { throw .catalog(path: path, .notARegularFile) }
        guard status.size <= UInt64(Limits.catalogBytes) else {
            throw .catalog(path: path, .tooLarge(bytes: status.size))
        }
        try self.init(count: Int(status.size), path: path)
        let after: FileStatus
        do {
            let count = try Files.readFully(file, into: bytes, at: 0)
            copied()
            after = try Files.status(file)
            guard count == bytes.count else { throw DatabaseError.catalog(path: path, .beingWritten) }
        } catch let error as DatabaseError {
            throw error
        } catch let error as LinuxError {
            throw .cannotOpen(path: path, code: error.code)
        } catch {
            preconditionFailure("reading a file throws what it may not: \(error)")
        }
        guard after.size == status.size, after.modifiedNanoseconds == status.modifiedNanoseconds else {
            throw .catalog(path: path, .beingWritten)
        }
        try checkHeader(path)
    }

    convenience init(bytes: some Collection<UInt8>, path: String) throws(DatabaseError) {
        guard bytes.count <= Limits.catalogBytes else {
            throw .catalog(path: path, .tooLarge(bytes: UInt64(bytes.count)))
        }
        try self.init(count: bytes.count, path: path)
        self.bytes.copyBytes(from: bytes)
        try checkHeader(path)
    }

    private init(count: Int, path: String) throws(DatabaseError) {
        guard count >= CatalogImage.headerBytes else { throw .catalog(path: path, .notADatabase) }
        guard let start = sqlite3_malloc64(UInt64(count + CatalogImage.slackBytes)) else {
            throw .function("sqlite3_malloc64", code: SQLITE_NOMEM)
        }
        memset(start + count, 0, CatalogImage.slackBytes)
        self.start = start
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    deinit {
        explicit_bzero(start, bytes.count)
        sqlite3_free(start)
    }

    private func checkHeader(_ path: String) throws(DatabaseError) {
        guard bytes.prefix(CatalogImage.magic.count).elementsEqual(CatalogImage.magic) else {
            throw .catalog(path: path, .notADatabase)
        }
        // 1 stands for 65,536; what is no power of two is SQLite's to refuse.
        let size = Int(bytes[16]) << 8 | Int(bytes[17])
        let pages = bytes.count / max(size == 1 ? 65_536 : size, CatalogImage.smallestPage)
        guard pages <= Limits.catalogPages else { throw .catalog(path: path, .tooManyPages(pages)) }
        // "Legacy" in both version bytes: a copy of a database in write-ahead mode opens by itself then (SQLite,
        // sqlite3_deserialize).
        bytes[18] = 1
        bytes[19] = 1
    }
}
