import Linux
import Model
import Synchronization

/// The catalog that this host keeps for itself: the file `game.db` in the state directory, when it bears our mark.
///
/// A `game.db` without the mark is somebody else's, wherever it lies, and is never written. Ours is only ever replaced
/// as a whole: whoever reads it finds the old one or the new one, also after a power cut.
package struct OwnCatalog: Sendable {
    /// "LSCT": SQLite's application id of the files that we write.
    package static let applicationID: Int64 = 0x4c53_4354
    package static let fileName = "game.db"
    private static let temporaryName = "game.db.tmp"
    /// Where SQLite's file format has the application id, four bytes, the highest first.
    private static let markOffset: UInt64 = 68

    private let directory: String

    package init(directory: String) { self.directory = directory }

    package var path: String { directory + "/" + OwnCatalog.fileName }

    package enum Standing: Hashable, Sendable {
        case absent, ours, foreign
    }

    /// Whose the file is, also when it is damaged behind its header.
    package func standing() throws(DatabaseError) -> Standing {
        do throws(LinuxError) {
            let file = try Files.openRead(atPath: path)
            guard try Files.status(file).kind == .regular else { return .foreign }
            var mark = [UInt8](repeating: 0, count: 4)
            let count = try mark.withUnsafeMutableBytes { bytes in
                Result { () throws(LinuxError) in
                    try Files.readFully(file, into: bytes, at: OwnCatalog.markOffset)
                }
            }.get()
            let id = mark.reduce(Int64(0)) { $0 << 8 | Int64($1) }
            return count == mark.count && id == OwnCatalog.applicationID ? .ours : .foreign
        } catch {
            guard error.isNoEntry else { throw .cannotOpen(path: path, code: error.code) }
            return .absent
        }
    }

    private static let editing = Mutex(())

    /// Reads the file, has it changed, and writes it, one after the other whoever asks; blocks.
    ///
    /// - Parameter renews: begins with an empty one, also where there is none or a damaged one of ours.
    /// - Returns: what `change` does, and the catalog as it is now.
    /// - Throws: `.notOurs` when the file is not ours, `.cannotOpen` when there is none.
    package func edit<Value: Sendable>(
        renews: Bool = false, _ change: @Sendable (inout CatalogDraft) -> Value
    ) throws(DatabaseError) -> (Value, CatalogReading) {
        try OwnCatalog.editing.withLock { _ throws(DatabaseError) in
            guard try standing() != .foreign else { throw .notOurs(path: path) }
            let old = renews ? nil : try CatalogReader.load(path: path)
            var draft = CatalogDraft(old ?? CatalogReading())
            let before = draft
            let value = change(&draft)
            if let old, draft == before { return (value, old) }
            let bytes = try draft.bytes(path: path)
            // Never written unless it can be read.
            let reading = try CatalogReader.load(bytes: bytes, name: path)
            try write(bytes)
            return (value, reading)
        }
    }

    private func write(_ bytes: [UInt8]) throws(DatabaseError) {
        do throws(LinuxError) {
            let directory = try Files.openDirectory(atPath: directory)
            let temporary = Array(OwnCatalog.temporaryName.utf8)
            let file = try Beneath.create(directory, temporary, mode: 0o644, exclusive: false)
            try Files.truncate(file, 0)
            try bytes.withUnsafeBytes { bytes in
                Result { () throws(LinuxError) in try Files.writeFully(file, bytes, at: 0) }
            }.get()
            try Files.sync(file)
            try Beneath.rename(from: directory, temporary, to: directory, Array(OwnCatalog.fileName.utf8))
            try Files.sync(directory)
        } catch {
            if error.isNoSpace { throw .diskFull(path: path) }
            if error.isPermission || error.isReadOnly { throw .notWritable(path: path) }
            throw .cannotOpen(path: path, code: error.code)
        }
    }
}
