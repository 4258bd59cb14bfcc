import Content
import Crypto
import Linux
package import Model
package import Storage

/// What the disk says of one game; nothing in it depends on the catalog.
package struct GameFacts: Hashable, Sendable {
    /// A regular root-level `version.ini` is there.
    package let isDownloaded: Bool
    package let version: GameVersion?
    package let isInstalled: Bool
    package let installedVersion: GameVersion?
    package let files: Int
    package let bytes: UInt64
    /// Over the content of `version.ini`, and path, size, mtime and inode of every exchanged file. The content, since a
    /// rewrite of the same length within one tick of the clock leaves everything else as it was.
    package let fingerprint: Digest

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
            files: files.count,
            bytes: files.reduce(0) { $0.addingReportingOverflow($1.status.size).partialValue },
            fingerprint: fingerprint(sentinel ?? [], files))
        return (facts, manifest.map { holds(files, $0) } ?? false)
    }

    /// Files that the manifest does not name do not matter: those that an older version left behind would else make
    /// another game of the one that was just downloaded. Both lists are in byte order.
    private static func holds(_ files: [GameRoot.ExchangedFile], _ manifest: Manifest) -> Bool {
        var rest = files[...]
        for expected in manifest.files {
            rest = rest.drop { $0.path < expected.path }
            guard let found = rest.first, found.path == expected.path, found.status.size == expected.size else {
                return false
            }
        }
        return true
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
