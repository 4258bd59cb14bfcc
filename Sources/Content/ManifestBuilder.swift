import Crypto
import Linux
package import Model
package import Runtime
package import Storage

/// A manifest with its name and its canonical bytes.
package struct BuiltManifest: Sendable {
    package let manifest: Manifest
    package let root: Root
    package let bytes: [UInt8]

    init(_ manifest: Manifest, _ bytes: [UInt8]) {
        self.manifest = manifest
        self.bytes = bytes
        root = Root(SHA256.hash(bytes))
    }
}

/// Makes manifests: from a game on the disk, or from the bytes of a peer.
package enum ManifestBuilder {
    /// Chunks that are read and hashed at once; a disk is not faster with more.
    private static let parallelChunks = 2

    /// Checks bytes that claim to be the manifest of `root`; what comes back is sound and is the one that was asked
    /// for.
    package static func decode(
        _ bytes: [UInt8], game: GameID, version: GameVersion, root: Root
    ) throws(ContentError) -> BuiltManifest {
        guard Root(SHA256.hash(bytes)) == root else { throw .wrongRoot }
        do throws(ManifestFault) {
            let manifest = try ManifestCodec.decode(bytes)
            guard manifest.game == game, manifest.version == version else { throw ManifestFault.notTheOneAsked }
            return BuiltManifest(manifest, bytes)
        } catch {
            throw .badManifest(error)
        }
    }

    /// Reads and hashes every chunk of the game. `progress` gets bytes hashed and bytes in all.
    ///
    /// - Throws: `.changed` when a file is another one at the end than it was at the beginning.
    package static func build(
        _ root: GameRoot, version: GameVersion, disk: DiskPool, pool: MemoryPool, isIdle: Bool = false,
        progress: @Sendable @escaping (UInt64, UInt64) -> Void
    ) async throws(ContentError) -> BuiltManifest {
        let files = try await disk.run { () throws(ContentError) in try asContent(root.exchangedFiles) }
        guard !files.isEmpty else { throw .noFiles }
        guard let grid = Grid(sizes: files.lazy.map(\.status.size)) else { throw .badManifest(.tooLarge) }
        let listed = files.map { ManifestFile(path: $0.path, size: $0.status.size) }
        let reader = ChunkReader(root: root, files: listed, grid: grid, disk: disk)
        let digests = try await hash(grid, reader, disk, pool, isIdle, progress)
        let again = try await disk.run { () throws(ContentError) in try asContent(root.exchangedFiles) }
        if let change = zip(files, again).first(where: { !isSame($0, $1) }) { throw .changed(change.0.path) }
        // One listing is the beginning of the other: what came or went is the first beyond their common part.
        if let change = (files.count > again.count ? files : again).dropFirst(min(files.count, again.count)).first {
            throw .changed(change.path)
        }
        do {
            let manifest = try Manifest(game: root.game, version: version, files: listed, digests: digests)
            return BuiltManifest(manifest, ManifestCodec.encode(manifest))
        } catch {
            throw .badManifest(error)
        }
    }

    /// Blocks are not compared: a file that was just written gets them later.
    private static func isSame(_ one: GameRoot.ExchangedFile, _ other: GameRoot.ExchangedFile) -> Bool {
        one.path == other.path && one.status.size == other.status.size && one.status.inode == other.status.inode
            && one.status.modifiedNanoseconds == other.status.modifiedNanoseconds
    }

    private static func hash(
        _ grid: Grid, _ reader: ChunkReader, _ disk: DiskPool, _ pool: MemoryPool, _ isIdle: Bool,
        _ progress: @Sendable @escaping (UInt64, UInt64) -> Void
    ) async throws(ContentError) -> [Digest] {
        typealias Hashed = Result<(chunk: Int, digest: Digest, count: Int), ContentError>
        let chunks = grid.chunkCount
        var digests = [Digest?](repeating: nil, count: chunks)
        var failure: ContentError?
        await withTaskGroup(of: Hashed.self) { group in
            var next = 0
            var done: UInt64 = 0
            func add() {
                guard next < chunks, failure == nil else { return }
                let chunk = next
                next += 1
                group.addTask { await digest(of: chunk, reader, disk, pool, isIdle) }
            }
            for _ in 0..<parallelChunks { add() }
            for await result in group {
                switch result {
                case .success(let hashed):
                    digests[hashed.chunk] = hashed.digest
                    done += UInt64(hashed.count)
                    progress(done, grid.totalBytes)
                case .failure(let error): failure = failure ?? error
                }
                add()
            }
        }
        if let failure { throw failure }
        return digests.compactMap { $0 }
    }

    private static func digest(
        of chunk: Int, _ reader: ChunkReader, _ disk: DiskPool, _ pool: MemoryPool, _ isIdle: Bool
    ) async -> Result<(chunk: Int, digest: Digest, count: Int), ContentError> {
        guard let block = try? await pool.acquire() else { return .failure(.cancelled) }
        do {
            return .success(
                try await disk.run(isIdle: isIdle) { () throws(ContentError) in
                    let count = try reader.readNow(chunk, into: block)
                    return (chunk, SHA256.hash(UnsafeRawBufferPointer(block.bytes(count))), count)
                })
        } catch {
            return .failure(error)
        }
    }
}
