import Crypto
import Linux
import Model
import Runtime
import Storage

/// The steps before the first chunk lands; each on a disk thread, in this order.
enum Landing {
    struct Prepared: Sendable {
        let root: GameRoot
        let record: OpenDownloadRecord
        /// Chunks that may be here already; they are hashed before they are believed.
        let claimed: [Bool]
    }

    /// What stands at the manifest's paths before anything is changed, file by file.
    private typealias Standing = [FileStatus?]

    static func prepare(
        _ games: GamesDirectory, _ built: BuiltManifest, overwrite: Bool
    ) throws(ContentError) -> Prepared {
        let manifest = built.manifest
        let root = try asContent { () throws(StorageError) in try games.makeRoot(manifest.game) }
        let record = try asContent(root.downloadRecord)
        // With a sentinel the files are an older version's; asked in any case, since a directory of its name is
        // refused.
        let hasSentinel = try asContent(root.sentinelStands)
        let standing = try look(
            at: manifest, in: root, explained: overwrite || hasSentinel ? nil : explained(by: record))
        try checkSpace(root, manifest, standing)
        let claimed = claims(record, built, standing)
        let begun = try asContent { () throws(StorageError) in
            // The record first: from here on it explains the files that are made. The sentinel next: from here on
            // nobody takes the files for a game.
            let begun = try root.beginDownloadRecord(DownloadRecord(manifest: built.bytes, landed: claimed))
            try root.parkSentinel()
            return begun
        }
        for (file, status) in zip(manifest.files, standing) { try make(file, standing: status, in: root) }
        return Prepared(root: root, record: begun, claimed: claimed)
    }

    // MARK: - Looking

    /// The paths that an earlier download made.
    private static func explained(by record: DownloadRecord?) -> Set<RelativePath> {
        guard let record, let manifest = try? ManifestCodec.decode(record.manifest) else { return [] }
        return Set(manifest.files.map(\.path))
    }

    /// - Parameter explained: the paths at which files may stand; nil for all.
    /// - Throws: `.foreignFile` for another one, and always where something stands that is no regular file.
    private static func look(
        at manifest: Manifest, in root: GameRoot, explained: Set<RelativePath>?
    ) throws(ContentError) -> Standing {
        var standing: Standing = []
        standing.reserveCapacity(manifest.files.count)
        for file in manifest.files {
            do {
                let status = try Beneath.status(root.directory, file.path.bytes)
                guard status.kind == .regular else { throw ContentError.foreignFile(file.path) }
                if let explained, !explained.contains(file.path) { throw ContentError.foreignFile(file.path) }
                standing.append(status)
            } catch let error as LinuxError {
                guard error.isNoEntry else { throw LandingFiles.failure(error, file.path, root, 0) }
                standing.append(nil)
            } catch let error as ContentError {
                throw error
            } catch {
                preconditionFailure("only two kinds of error come from below")
            }
        }
        return standing
    }

    /// What the files need beyond the blocks that they have already.
    private static func checkSpace(
        _ root: GameRoot, _ manifest: Manifest, _ standing: Standing
    ) throws(ContentError) {
        var needed: UInt64 = 0
        for (file, status) in zip(manifest.files, standing) {
            let there = status.map { $0.blocks512 &* 512 } ?? 0
            if there < file.size { needed += file.size - there }
        }
        let free = try asContent(root.freeBytes)
        guard needed <= free else { throw .diskFull(neededBytes: needed, freeBytes: free) }
    }

    /// The record of this very content says which chunks to look at; without one, files of the right size may hold
    /// them: those of an older version, or copied in by hand. A record that says nothing is believed too (see
    /// `OpenDownloadRecord.distrust`).
    private static func claims(
        _ record: DownloadRecord?, _ built: BuiltManifest, _ standing: Standing
    ) -> [Bool] {
        let grid = built.manifest.grid
        if let record {
            if record.manifest == built.bytes, record.landed.count == grid.chunkCount { return record.landed }
            // Also for another version: what a failed sync left may read well from memory and not be on the disk.
            guard record.landed.contains(true) else { return [Bool](repeating: false, count: grid.chunkCount) }
        }
        return (0..<grid.chunkCount).map { chunk in
            grid.spans(of: chunk).allSatisfy { standing[$0.file]?.size == built.manifest.files[$0.file].size }
        }
    }

    // MARK: - Making

    /// Large files get their blocks, empty ones their name, and what is too long is cut. A small one is made when its
    /// first bytes come: making 100,000 of them twice costs more than it saves.
    private static func make(
        _ file: ManifestFile, standing: FileStatus?, in root: GameRoot
    ) throws(ContentError) {
        let isLarge = file.size >= UInt64(Grid.chunkBytes)
        let isTooLong = standing.map { $0.size > file.size } ?? false
        guard isLarge || isTooLong || (standing == nil && file.size == 0) else { return }
        do {
            let descriptor = try LandingFiles.create(file.path, in: root)
            if isTooLong { try root.disk.truncate(descriptor, bytes: file.size) }
            if isLarge { try root.disk.allocate(descriptor, bytes: file.size) }
        } catch {
            throw LandingFiles.failure(error, file.path, root, file.size)
        }
    }

    // MARK: - Verifying

    /// Chunks that are read and hashed at once; a disk is not faster with more.
    private static let parallelChunks = 2

    /// Hashes the claimed chunks: a claim is only a hint of where to look.
    ///
    /// - Throws: `.cancelled`, nothing else: what cannot be read has not landed.
    static func verify(
        _ prepared: Prepared, _ manifest: Manifest, _ disk: DiskPool
    ) async throws(ContentError) -> [Bool] {
        var landed = [Bool](repeating: false, count: prepared.claimed.count)
        let reader = ChunkReader(root: prepared.root, manifest: manifest, disk: disk)
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: parallelChunks)
        await withTaskGroup(of: (Int, Bool).self) { group in
            var next = prepared.claimed.indices.filter { prepared.claimed[$0] }.makeIterator()
            func add() {
                guard !Task.isCancelled, let chunk = next.next() else { return }
                group.addTask {
                    guard let block = try? await pool.acquire() else { return (chunk, false) }
                    let isRight = await disk.run {
                        guard let count = try? reader.readNow(chunk, into: block) else { return false }
                        return SHA256.hash(UnsafeRawBufferPointer(block.bytes(count))) == manifest.digests[chunk]
                    }
                    return (chunk, isRight)
                }
            }
            for _ in 0..<parallelChunks { add() }
            for await (chunk, isRight) in group {
                landed[chunk] = isRight
                add()
            }
        }
        if Task.isCancelled { throw .cancelled }
        return landed
    }
}
