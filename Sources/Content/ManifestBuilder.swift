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

    /// Whether every file of the manifest is there, by path and size. Files that it does not name do not matter: those
    /// that an older version left behind would else make another game of it. Both lists are in byte order.
    package static func holds(_ files: [GameRoot.ExchangedFile], _ manifest: Manifest) -> Bool {
        var rest = files[...]
        for expected in manifest.files {
            rest = rest.drop { $0.path < expected.path }
            guard let found = rest.first, found.path == expected.path, found.status.size == expected.size else {
                return false
            }
        }
        return true
    }

    /// Reads and hashes every chunk of the game. `progress` gets bytes hashed and bytes in all; `isIdle` is asked for
    /// each chunk whether the disk is everybody else's first.
    ///
    /// - Parameter known: manifests that others have of this version. One whose every chunk is here is the answer,
    ///   whatever else lies beside its files.
    /// - Throws: `.changed` when a file is another one at the end than it was at the beginning.
    package static func build(
        _ root: GameRoot, version: GameVersion, known: [BuiltManifest] = [], disk: DiskPool, pool: MemoryPool,
        isIdle: @Sendable @escaping () -> Bool = { false },
        progress: @Sendable @escaping (UInt64, UInt64) -> Void
    ) async throws(ContentError) -> BuiltManifest {
        let files = try await disk.run { () throws(ContentError) in try asContent(root.exchangedFiles) }
        guard !files.isEmpty else { throw .noFiles }
        let hasher = ChunkHasher(disk: disk, pool: pool, isIdle: isIdle, progress: progress)
        // What was read for one manifest is not read again for the next that divides the game in the same way.
        var digests: [Digest?] = []
        for candidate in known {
            guard candidate.manifest.game == root.game, candidate.manifest.version == version,
                holds(files, candidate.manifest)
            else { continue }
            let isWhole = candidate.manifest.files.count == files.count
            let reader = ChunkReader(root: root, manifest: candidate.manifest, disk: disk)
            let result = try await hasher.hash(
                reader, begun: isWhole ? digests : [], expected: candidate.manifest.digests)
            if result.isAsExpected {
                try await expectUnchanged(files, root, disk)
                return candidate
            }
            if isWhole { digests = result.digests }
        }
        guard let grid = Grid(sizes: files.lazy.map(\.status.size)) else { throw .badManifest(.tooLarge) }
        let listed = files.map { ManifestFile(path: $0.path, size: $0.status.size) }
        let reader = ChunkReader(root: root, files: listed, grid: grid, disk: disk)
        digests = try await hasher.hash(reader, begun: digests, expected: nil).digests
        try await expectUnchanged(files, root, disk)
        do {
            let manifest = try Manifest(
                game: root.game, version: version, files: listed, digests: digests.compactMap { $0 })
            return BuiltManifest(manifest, ManifestCodec.encode(manifest))
        } catch {
            throw .badManifest(error)
        }
    }

    private static func expectUnchanged(
        _ files: [GameRoot.ExchangedFile], _ root: GameRoot, _ disk: DiskPool
    ) async throws(ContentError) {
        let again = try await disk.run { () throws(ContentError) in try asContent(root.exchangedFiles) }
        if let change = zip(files, again).first(where: { !isSame($0, $1) }) { throw .changed(change.0.path) }
        // One listing is the beginning of the other: what came or went is the first beyond their common part.
        if let change = (files.count > again.count ? files : again).dropFirst(min(files.count, again.count)).first {
            throw .changed(change.path)
        }
    }

    /// Blocks are not compared: a file that was just written gets them later.
    private static func isSame(_ one: GameRoot.ExchangedFile, _ other: GameRoot.ExchangedFile) -> Bool {
        one.path == other.path && one.status.size == other.status.size && one.status.inode == other.status.inode
            && one.status.modifiedNanoseconds == other.status.modifiedNanoseconds
    }
}
