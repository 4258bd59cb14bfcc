import Linux
import Model
import Synchronization

/// Which daemon it is that holds a games directory, in the words of the one that took its lock.
package struct GamesHolder: Hashable, Sendable {
    package let process: Int32
    package let host: String
    package let stateDirectory: String

    package init(process: Int32, host: String, stateDirectory: String) {
        self.process = process
        self.host = host
        self.stateDirectory = stateDirectory
    }

    /// A network disk is shared with other hosts, so the process alone would not do.
    package var text: String {
        "process \(process) on \(Text.escaped(host)), state directory \(Text.escaped(stateDirectory))"
    }

    var line: [UInt8] { Array("\(process) \(host.isEmpty ? "?" : host) \(stateDirectory)\n".utf8) }

    /// Nil when the line is none of ours, or not written yet.
    init?(line: [UInt8]) {
        let parts = line.prefix { $0 != 0x0a }.split(separator: 0x20, maxSplits: 2)
        guard parts.count == 3, let process = Int32(String(decoding: parts[0], as: UTF8.self)) else { return nil }
        self.process = process
        host = String(decoding: parts[1], as: UTF8.self)
        stateDirectory = String(decoding: parts[2], as: UTF8.self)
    }
}

/// One daemon at a time below a games directory: two would each repair what the other is in the middle of.
///
/// The kernel holds the lock for the open file and gives it back when the process ends, however it ends; what the file
/// says is only for people. A disk that knows no locks, or may not be written, goes without: nothing could be saved by
/// refusing to serve it.
final class GamesLock: Sendable {
    private let file: Mutex<Descriptor?>
    let impossible: String?

    private init(file: Descriptor?, impossible: String? = nil) {
        self.file = Mutex(file)
        self.impossible = impossible
    }

    /// The next one may take it; it is not waited for whoever still holds the directory open.
    func release() { file.withLock { $0 = nil } }

    /// - Throws: `.held` when another daemon has it.
    static func take(_ directory: Descriptor, path: String, as holder: GamesHolder) throws(StorageError) -> GamesLock {
        do {
            let writer = try openForWriting(directory)
            let file = try Beneath.openRead(directory, Array(ReservedNames.gamesLock.utf8))
            guard try Files.status(file).kind == .regular else {
                return GamesLock(file: nil, impossible: "\(ReservedNames.gamesLock) is no regular file")
            }
            guard let held = try lock(file, orElse: writer) else {
                let line = try Files.readAll(file, limit: Limits.lockBytes) ?? []
                throw StorageError.held(path: path, by: GamesHolder(line: line))
            }
            if let writer { try write(holder, to: writer) }
            return GamesLock(file: held)
        } catch let error as StorageError {
            throw error
        } catch let error as LinuxError {
            return GamesLock(file: nil, impossible: "\(error.call) says: \(error.text)")
        } catch {
            preconditionFailure("only two kinds of error come from below")
        }
    }

    /// Nil where that is not allowed. A local disk gives the lock to a reader too: the file may be another user's, or
    /// the disk mounted read-only with the file of an earlier time on it.
    private static func openForWriting(_ directory: Descriptor) throws(LinuxError) -> Descriptor? {
        do {
            return try Beneath.create(
                directory, Array(ReservedNames.gamesLock.utf8), mode: 0o644, exclusive: false)
        } catch {
            guard error.isPermission || error.isReadOnly else { throw error }
            return nil
        }
    }

    /// What holds the lock, nil when another has it. A file that stays open for writing would keep its disk from being
    /// mounted read-only; a network disk gives an exclusive lock to writers only.
    private static func lock(_ file: Descriptor, orElse writer: Descriptor?) throws(LinuxError) -> Descriptor? {
        do {
            return try Files.lock(file) ? file : nil
        } catch {
            guard error.isBadDescriptor, let writer else { throw error }
            return try Files.lock(writer) ? writer : nil
        }
    }

    private static func write(_ holder: GamesHolder, to file: Descriptor) throws(LinuxError) {
        do {
            try Files.truncate(file, 0)
            let result = holder.line.withUnsafeBytes { bytes in
                Result { () throws(LinuxError) in try Files.writeFully(file, bytes, at: 0) }
            }
            try result.get()
        } catch {
            // A full disk: the lock holds all the same, and only its words are missing.
            guard error.isNoSpace else { throw error }
        }
    }
}
