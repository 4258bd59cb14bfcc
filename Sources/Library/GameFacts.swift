import Content
import Crypto
import Linux
package import Model
package import Storage

/// What an unfinished download has left, as its record says; the next download looks at every chunk before it believes.
package struct LandedPart: Hashable, Sendable {
    package let version: GameVersion
    package let bytes: UInt64
    package let totalBytes: UInt64

    /// Nil when the record does not say what it is about.
    init?(_ record: DownloadRecord) {
        guard let manifest = try? ManifestCodec.decode(record.manifest),
            record.landed.count == manifest.grid.chunkCount
        else { return nil }
        version = manifest.version
        totalBytes = manifest.totalBytes
        bytes = record.landed.indices.reduce(0) { sum, chunk in
            record.landed[chunk] ? sum + UInt64(manifest.grid.byteCount(of: chunk)) : sum
        }
    }
}

/// What the disk says of one game; nothing in it depends on the catalog.
package struct GameFacts: Hashable, Sendable {
    /// A regular root-level `version.ini` is there.
    package let isDownloaded: Bool
    package let version: GameVersion?
    package let isInstalled: Bool
    package let installedVersion: GameVersion?
    /// Nil where a sentinel stands: then nothing is unfinished.
    package let part: LandedPart?
    package let files: Int
    package let bytes: UInt64
    /// Over the content of `version.ini`, and path, size, mtime and inode of every exchanged file. The content, since a
    /// rewrite of the same length within one tick of the clock leaves everything else as it was.
    package let fingerprint: Digest

    /// Whether any of the game is here at all.
    var isAnything: Bool { isDownloaded || isInstalled || part != nil }

    /// Reads them; blocks, so a disk thread calls it.
    package static func read(_ root: GameRoot) throws(StorageError) -> GameFacts {
        try read(root, comparing: nil).facts
    }

    /// Also whether every file of a manifest is there, by path and size.
    static func read(
        _ root: GameRoot, comparing manifest: Manifest?
    ) throws(StorageError) -> (facts: GameFacts, matches: Bool) {
        let sentinel = try root.sentinelBytes()
        // What is not downloaded has no files that anybody asks about.
        let files = sentinel == nil ? [] : try root.exchangedFiles()
        let isInstalled = root.isInstalled
        let record = isInstalled ? try root.installedRecord() : nil
        let facts = GameFacts(
            isDownloaded: sentinel != nil,
            version: sentinel.flatMap { GameVersion(sentinel: $0) },
            isInstalled: isInstalled,
            installedVersion: record.flatMap { GameVersion($0.version) },
            part: sentinel == nil ? try root.downloadRecord().flatMap { LandedPart($0) } : nil,
            files: files.count,
            bytes: files.reduce(0) { $0.addingReportingOverflow($1.status.size).partialValue },
            fingerprint: fingerprint(sentinel ?? [], files))
        return (facts, manifest.map { ManifestBuilder.holds(files, $0) } ?? false)
    }

    /// Over the files alone: what is installed has no say in whether a chunk may be served.
    static func fingerprint(of root: GameRoot) throws(StorageError) -> Digest {
        let sentinel = try root.sentinelBytes()
        return fingerprint(sentinel ?? [], sentinel == nil ? [] : try root.exchangedFiles())
    }

    private static func fingerprint(_ sentinel: [UInt8], _ files: [GameRoot.ExchangedFile]) -> Digest {
        var hasher = SHA256Hasher()
        var run = ByteWriter()
        run.append(UInt32(sentinel.count))
        run.append(sentinel)
        for file in files {
            run.append(UInt16(file.path.bytes.count))
            run.append(file.path.bytes)
            run.append(file.status.size)
            run.append(file.status.modifiedNanoseconds)
            run.append(file.status.inode)
            if run.bytes.count >= runBytes {
                run.bytes.withUnsafeBytes { hasher.update($0) }
                run = ByteWriter()
            }
        }
        run.bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// Half a million files are not gathered in memory first.
    private static let runBytes = 64 << 10
}
