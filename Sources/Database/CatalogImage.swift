import CSQLite
import Glibc
import Linux
import Model

/// A private copy of a `game.db` in memory, wiped when it goes: it holds keys that are none of our business.
final class CatalogImage {
    let bytes: UnsafeMutableRawBufferPointer

    private static let magic = Array("SQLite format 3\0".utf8)
    /// A database has a header of 100 bytes at least.
    private static let headerBytes = 100

    init(path: String) throws(DatabaseError) {
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
        guard status.size >= UInt64(CatalogImage.headerBytes) else { throw .catalog(path: path, .notADatabase) }
        let size = Int(status.size)
        guard let start = sqlite3_malloc64(UInt64(size)) else {
            throw .function("sqlite3_malloc64", code: SQLITE_NOMEM)
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: size)
        try fill(from: file, path: path)
        guard bytes.prefix(CatalogImage.magic.count).elementsEqual(CatalogImage.magic) else {
            throw .catalog(path: path, .notADatabase)
        }
        // "Legacy" in both version bytes: a copy of a database in write-ahead mode opens by itself then (SQLite,
        // sqlite3_deserialize).
        bytes[18] = 1
        bytes[19] = 1
    }

    deinit {
        guard let start = bytes.baseAddress else { return }
        explicit_bzero(start, bytes.count)
        sqlite3_free(start)
    }

    private func fill(from file: Descriptor, path: String) throws(DatabaseError) {
        let count: Int
        do {
            count = try Files.readFully(file, into: bytes, at: 0)
        } catch {
            throw .cannotOpen(path: path, code: error.code)
        }
        // Shorter than it was a moment ago: it is being replaced.
        guard count == bytes.count else { throw .damaged(path: path) }
    }
}
