import Linux
import Model
import Storage
import Synchronization

/// The files of a download while chunks land in them; several disk threads write at once, each its own bytes.
final class LandingFiles: Sendable {
    private static let openFilesLimit = 16

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
            throw LandingFiles.failure(error, files[span.file].path, root, UInt64(bytes.count))
        }
    }

    /// After this every byte and every name is durable, and every file has its size.
    ///
    /// A failure is final: the kernel may have dropped the pages.
    func sync() throws(ContentError) {
        let isMany = files.count > Limits.filesSyncedSingly
        do {
            try TreeSync.run(
                isMany ? nil : TreeSync.Contents(paths: files.lazy.map(\.path)), in: root.directory, root.disk)
        } catch {
            throw .storage(StorageError(error))
        }
        // What landed was verified in memory; somebody else may have cut or removed a file since.
        for file in files {
            let status = try? Beneath.status(root.directory, file.path.bytes)
            guard let status, status.kind == .regular, status.size == file.size else { throw .changed(file.path) }
        }
    }

    private func descriptor(of file: Int) throws(LinuxError) -> Descriptor {
        if let descriptor = open.withLock({ $0[file] }) { return descriptor }
        let descriptor = try LandingFiles.create(files[file].path, in: root)
        // A small file is written once or twice; only large ones are worth keeping open.
        guard files[file].size >= UInt64(Grid.chunkBytes) else { return descriptor }
        open.withLock { open in
            if open.count >= LandingFiles.openFilesLimit, let any = open.keys.first { open[any] = nil }
            open[file] = descriptor
        }
        return descriptor
    }

    // MARK: - One file

    /// Opens the file for writing; where there is none, it and the directories above it are made.
    static func create(_ path: RelativePath, in root: GameRoot) throws(LinuxError) -> Descriptor {
        do {
            return try root.disk.create(root.directory, path.bytes, mode: 0o644, exclusive: false)
        } catch {
            guard error.isNoEntry, let parent = path.parent else { throw error }
            try makeDirectories(parent, in: root)
            return try root.disk.create(root.directory, path.bytes, mode: 0o644, exclusive: false)
        }
    }

    private static func makeDirectories(_ path: RelativePath, in root: GameRoot) throws(LinuxError) {
        do {
            try root.disk.makeDirectory(root.directory, path.bytes, mode: 0o755)
        } catch {
            // Another disk thread made it, or something is in the way, which the next step then says.
            if error.isExists { return }
            guard error.isNoEntry, let parent = path.parent else { throw error }
            try makeDirectories(parent, in: root)
            do {
                try root.disk.makeDirectory(root.directory, path.bytes, mode: 0o755)
            } catch {
                guard error.isExists else { throw error }
            }
        }
    }

    /// What a failed call on one of the files means to a person.
    static func failure(
        _ error: LinuxError, _ path: RelativePath, _ root: GameRoot, _ neededBytes: UInt64
    ) -> ContentError {
        if error.isNoSpace { return .diskFull(neededBytes: neededBytes, freeBytes: (try? root.freeBytes()) ?? 0) }
        if error.isLoop || error.isDirectory || error.isNotDirectory || error.isExists { return .foreignFile(path) }
        return .storage(StorageError(error))
    }
}
