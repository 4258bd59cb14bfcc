import Linux
import Model
import Storage
import Synchronization

/// The files of a download while chunks land in them; several disk threads write at once, each its own bytes.
final class LandingFiles: Sendable {
    private static let openFilesLimit = 16
    /// Above so many files one call for the whole file system is cheaper than a fsync each.
    private static let syncEachLimit = 32

    private let root: GameRoot
    private let files: [ManifestFile]
    private let open = Mutex<[Int: Descriptor]>([:])

    init(root: GameRoot, files: [ManifestFile]) {
        self.root = root
        self.files = files
    }

    func write(_ span: ChunkSpan, _ bytes: UnsafeRawBufferPointer) throws(ContentError) {
        do {
            try root.disk.write(try descriptor(of: span.file), bytes, at: span.offset)
        } catch {
            throw failure(error)
        }
    }

    /// After this every byte and every name is durable.
    func sync() throws(ContentError) {
        do {
            if files.count > LandingFiles.syncEachLimit {
                open.withLock { $0.removeAll() }
                try root.disk.syncFileSystem(root.directory)
            } else {
                for file in files.indices { try root.disk.sync(try descriptor(of: file)) }
                for directory in directories { try root.disk.sync(try Beneath.openDirectory(root.directory, directory)) }
            }
            try root.disk.sync(root.directory)
        } catch {
            throw failure(error)
        }
    }

    private var directories: Set<[UInt8]> {
        var directories: Set<[UInt8]> = []
        for file in files {
            var parent = file.path.parent
            while let path = parent, directories.insert(path.bytes).inserted { parent = path.parent }
        }
        return directories
    }

    private func descriptor(of file: Int) throws(LinuxError) -> Descriptor {
        if let descriptor = open.withLock({ $0[file] }) { return descriptor }
        let descriptor = try Beneath.openWrite(root.directory, files[file].path.bytes)
        guard files[file].size >= UInt64(Grid.chunkBytes) else { return descriptor }
        open.withLock { open in
            if open.count >= LandingFiles.openFilesLimit, let any = open.keys.first { open[any] = nil }
            open[file] = descriptor
        }
        return descriptor
    }

    private func failure(_ error: LinuxError) -> ContentError {
        guard error.isNoSpace else { return .storage(StorageError(error)) }
        return .diskFull(neededBytes: 0, freeBytes: (try? root.freeBytes()) ?? 0)
    }
}
