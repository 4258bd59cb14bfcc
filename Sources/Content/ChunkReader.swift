import Glibc
import Linux
package import Model
package import Runtime
package import Storage
import Synchronization

/// Reads the chunks of one game from its files, beneath the game's directory descriptor.
package final class ChunkReader: Sendable {
    /// Large files that stay open: a download of one asks for its chunks one after the other.
    private static let openFilesLimit = 16

    package let grid: Grid
    private let root: GameRoot
    private let files: [ManifestFile]
    private let disk: DiskPool
    private let open = Mutex<[Int: Descriptor]>([:])

    package convenience init(root: GameRoot, manifest: Manifest, disk: DiskPool) {
        self.init(root: root, files: manifest.files, grid: manifest.grid, disk: disk)
    }

    init(root: GameRoot, files: [ManifestFile], grid: Grid, disk: DiskPool) {
        self.root = root
        self.files = files
        self.grid = grid
        self.disk = disk
    }

    /// Returns the bytes of the chunk, which fill the block from its start.
    package func read(_ chunk: Int, into block: MemoryBlock) async throws(ContentError) -> Int {
        try await disk.run { () throws(ContentError) in try self.readNow(chunk, into: block) }
    }

    /// The same, on the disk thread that the caller is on.
    func readNow(_ chunk: Int, into block: MemoryBlock) throws(ContentError) -> Int {
        var position = 0
        for span in grid.spans(of: chunk) {
            let path = files[span.file].path
            let target = UnsafeMutableRawBufferPointer(start: block.start + position, count: span.count)
            let count: Int
            do {
                count = try Files.readFully(try descriptor(of: span.file), into: target, at: span.offset)
            } catch {
                if error.isNoEntry || error.isLoop || error.isNotDirectory { throw .changed(path) }
                throw .storage(StorageError(error))
            }
            guard count == span.count else { throw .changed(path) }
            position += count
        }
        return position
    }

    private func descriptor(of file: Int) throws(LinuxError) -> Descriptor {
        if let descriptor = open.withLock({ $0[file] }) { return descriptor }
        let descriptor = try Beneath.openRead(root.directory, files[file].path.bytes)
        // A FIFO or a directory of that name is as good as no file.
        guard try Files.status(descriptor).kind == .regular else { throw LinuxError(call: "openat2", code: ENOENT) }
        // Only a large file is read more than once or twice.
        guard files[file].size > UInt64(Grid.chunkBytes) else { return descriptor }
        open.withLock { open in
            if open.count >= ChunkReader.openFilesLimit, let any = open.keys.first { open[any] = nil }
            open[file] = descriptor
        }
        return descriptor
    }
}
