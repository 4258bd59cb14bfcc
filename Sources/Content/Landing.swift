import Crypto
import Linux
import Model
import Runtime
import Storage

/// The steps before the first chunk lands; each on a disk thread, in this order.
enum Landing {
    struct Prepared: Sendable {
        let root: GameRoot
        /// Chunks that an earlier record claims; they are hashed before they are believed.
        let claimed: [Bool]
    }

    static func prepare(
        _ games: GamesDirectory, _ built: BuiltManifest, overwrite: Bool
    ) throws(ContentError) -> Prepared {
        let manifest = built.manifest
        let root = try asContent { () throws(StorageError) in try games.makeRoot(manifest.game) }
        let record = try asContent(root.downloadRecord)
        if !overwrite, try asContent(root.sentinelBytes) == nil {
            try refuseForeignFiles(root, manifest, explained: explained(by: record))
        }
        try checkSpace(root, manifest)
        let claimed: [Bool]
        if let record, record.manifest == built.bytes, record.landed.count == manifest.grid.chunkCount {
            claimed = record.landed
        } else {
            claimed = [Bool](repeating: false, count: manifest.grid.chunkCount)
        }
        try asContent { () throws(StorageError) in
            // The record first: from here on it explains the files that are made.
            try root.writeDownloadRecord(DownloadRecord(manifest: built.bytes, landed: claimed))
            try root.parkSentinel()
        }
        for file in manifest.files { try make(file, in: root) }
        return Prepared(root: root, claimed: claimed)
    }

    /// The paths that an earlier download made.
    private static func explained(by record: DownloadRecord?) -> Set<RelativePath> {
        guard let record, let manifest = try? ManifestCodec.decode(record.manifest) else { return [] }
        return Set(manifest.files.map(\.path))
    }

    private static func refuseForeignFiles(
        _ root: GameRoot, _ manifest: Manifest, explained: Set<RelativePath>
    ) throws(ContentError) {
        for file in manifest.files where !explained.contains(file.path) {
            guard (try? Beneath.status(root.directory, file.path.bytes)) == nil else { throw .foreignFile(file.path) }
        }
    }

    /// What the files need beyond the blocks that they have already.
    private static func checkSpace(_ root: GameRoot, _ manifest: Manifest) throws(ContentError) {
        var needed: UInt64 = 0
        for file in manifest.files {
            let there = (try? Beneath.status(root.directory, file.path.bytes)).map { $0.blocks512 &* 512 } ?? 0
            if there < file.size { needed += file.size - there }
        }
        let free = try asContent(root.freeBytes)
        guard needed <= free else { throw .diskFull(neededBytes: needed, freeBytes: free) }
    }

    private static func make(_ file: ManifestFile, in root: GameRoot) throws(ContentError) {
        do {
            let descriptor = try create(file, in: root)
            // Reserving a small file's blocks costs more than it saves.
            if file.size >= UInt64(Grid.chunkBytes) { try root.disk.allocate(descriptor, bytes: file.size) }
        } catch {
            if error.isLoop || error.isDirectory || error.isNotDirectory || error.isExists {
                throw .foreignFile(file.path)
            }
            if error.isNoSpace { throw .diskFull(neededBytes: file.size, freeBytes: (try? root.freeBytes()) ?? 0) }
            throw .storage(StorageError(error))
        }
    }

    private static func create(_ file: ManifestFile, in root: GameRoot) throws(LinuxError) -> Descriptor {
        do {
            return try root.disk.create(root.directory, file.path.bytes, mode: 0o644, exclusive: true)
        } catch {
            if error.isNoEntry, let parent = file.path.parent {
                try makeDirectories(parent, in: root)
                return try root.disk.create(root.directory, file.path.bytes, mode: 0o644, exclusive: true)
            }
            guard error.isExists else { throw error }
            let there = try Beneath.status(root.directory, file.path.bytes)
            guard there.kind == .regular else { throw error }
            let descriptor = try root.disk.create(root.directory, file.path.bytes, mode: 0o644, exclusive: false)
            if there.size > file.size { try root.disk.truncate(descriptor, bytes: file.size) }
            return descriptor
        }
    }

    private static func makeDirectories(_ path: RelativePath, in root: GameRoot) throws(LinuxError) {
        do {
            try root.disk.makeDirectory(root.directory, path.bytes, mode: 0o755)
        } catch {
            if error.isExists { return }
            guard error.isNoEntry, let parent = path.parent else { throw error }
            try makeDirectories(parent, in: root)
            try root.disk.makeDirectory(root.directory, path.bytes, mode: 0o755)
        }
    }

    /// Hashes the claimed chunks again: a record is only a hint of where to look.
    static func verify(
        _ claimed: [Bool], _ root: GameRoot, _ manifest: Manifest, _ disk: DiskPool
    ) async -> [Bool] {
        var landed = claimed
        let reader = ChunkReader(root: root, manifest: manifest, disk: disk)
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 1)
        for chunk in claimed.indices where claimed[chunk] {
            guard let block = try? await pool.acquire() else { return landed.map { _ in false } }
            landed[chunk] = await disk.run {
                guard let count = try? reader.readNow(chunk, into: block) else { return false }
                return SHA256.hash(UnsafeRawBufferPointer(block.bytes(count))) == manifest.digests[chunk]
            }
        }
        return landed
    }
}
