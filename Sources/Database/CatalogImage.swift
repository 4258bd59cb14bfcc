import CSQLite
import Glibc
import Model

/// A private copy of a `game.db` in memory, wiped when it goes: it holds keys that are none of our business.
final class CatalogImage {
    let bytes: UnsafeMutableRawBufferPointer

    private static let magic = Array("SQLite format 3\0".utf8)
    /// A database has a header of 100 bytes at least.
    private static let headerBytes = 100

    init(path: String) throws(DatabaseError) {
        // Not blocking: a FIFO in place of the file must not hold us up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .cannotOpen(path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .catalog(path: path, .notARegularFile) }
        guard status.st_size <= Limits.catalogBytes else {
            throw .catalog(path: path, .tooLarge(bytes: UInt64(clamping: status.st_size)))
        }
        guard status.st_size >= CatalogImage.headerBytes else { throw .catalog(path: path, .notADatabase) }
        let size = Int(status.st_size)
        guard let start = sqlite3_malloc64(UInt64(size)) else {
            throw .function("sqlite3_malloc64", code: SQLITE_NOMEM)
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: size)
        try fill(from: descriptor, path: path)
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

    private func fill(from descriptor: Int32, path: String) throws(DatabaseError) {
        var count = 0
        while count < bytes.count {
            let read = pread(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count, off_t(count))
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw .cannotOpen(path: path, code: errno) }
            // Shorter than it was a moment ago: it is being replaced.
            guard read > 0 else { throw .damaged(path: path) }
            count += read
        }
    }
}
