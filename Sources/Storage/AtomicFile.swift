import Linux
import Model

/// Small files that are old or new and nothing between: written aside, synced, renamed, and the directory synced.
enum AtomicFile {
    /// Returns the new file, open for writing.
    @discardableResult
    static func write(
        _ bytes: [UInt8], to name: [UInt8], through temporary: [UInt8], in directory: Descriptor, _ disk: any Disk
    ) throws(StorageError) -> Descriptor {
        try asStorage { () throws(LinuxError) in
            let file = try disk.create(directory, temporary, mode: 0o644, exclusive: false)
            try disk.truncate(file, bytes: 0)
            try writeAll(bytes, to: file, disk)
            try disk.sync(file)
            try disk.rename(directory, temporary, to: name)
            try disk.sync(directory)
            return file
        }
    }

    static func writeAll(_ bytes: [UInt8], to file: Descriptor, _ disk: any Disk) throws(LinuxError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(LinuxError) in try disk.write(file, buffer, at: 0) }
        }
        try result.get()
    }

    /// Nil when there is no such regular file.
    ///
    /// - Throws: `.unreadable` when it is longer than `limit`.
    static func read(_ name: [UInt8], in directory: Descriptor, limit: Int) throws(StorageError) -> [UInt8]? {
        do {
            guard try Beneath.status(directory, name).kind == .regular else { return nil }
            let file = try Beneath.openRead(directory, name)
            guard let bytes = try Files.readAll(file, limit: limit) else {
                throw StorageError.unreadable(name: Text.escaped(name))
            }
            return bytes
        } catch let error as LinuxError {
            if error.isNoEntry || error.isLoop || error.isNotDirectory { return nil }
            throw StorageError(error)
        } catch let error as StorageError {
            throw error
        } catch {
            preconditionFailure("only two kinds of error come from below")
        }
    }

    /// Removes one file; that it was not there is fine. The directory is not synced.
    static func remove(_ name: [UInt8], in directory: Descriptor, _ disk: any Disk) throws(StorageError) {
        do {
            try disk.removeFile(directory, name)
        } catch {
            guard error.isNoEntry else { throw StorageError(error) }
        }
    }
}
