package import Content
package import Model
import Runtime
import Storage

/// A game that is being served: its reader, and when its files were last seen to be those of the index.
struct ServedGame {
    let root: Root
    let reader: ChunkReader
    var checked: Instant
}

extension GameLibrary {
    /// A reader for chunks of exactly this content.
    ///
    /// `version.ini` is read from the disk each time: what it says then decides, not what was found at the last look.
    /// Every file is compared with the index at most `Limits.indexTrust` before.
    package func reader(_ game: GameID, root: Root) async throws(LibraryError) -> ChunkReader {
        guard self.root(of: game) == root, let facts = facts(of: game), let directory = gamesDirectory() else {
            throw .unknown(game)
        }
        let now = time.now
        let mustCompare = readers[game].map { $0.root != root || now - $0.checked >= Limits.indexTrust } ?? true
        let found: (root: GameRoot, version: GameVersion?, fingerprint: Digest?)
        do throws(StorageError) {
            found = try await disk.run { () throws(StorageError) in
                let root = try directory.root(game)
                let version = try root.sentinel()
                return (root, version, mustCompare ? try GameFacts.fingerprint(of: root) : nil)
            }
        } catch .noSuchGame {
            await noticed(game)
            throw .unknown(game)
        } catch {
            throw .storage(error)
        }
        guard found.version == catalog()[game]?.version else {
            await noticed(game)
            throw .versionMismatch(game)
        }
        if let fingerprint = found.fingerprint, fingerprint != facts.fingerprint {
            await noticed(game)
            throw .changed(game)
        }
        return try await admit(game, root, found.root, now, mustCompare)
    }

    private func admit(
        _ game: GameID, _ root: Root, _ directory: GameRoot, _ now: Instant, _ isCompared: Bool
    ) async throws(LibraryError) -> ChunkReader {
        if var served = readers[game], served.root == root {
            if isCompared { served.checked = now }
            readers[game] = served
            return served.reader
        }
        guard let built = await manifest(game), built.root == root, self.root(of: game) == root else {
            throw .unknown(game)
        }
        if let served = readers[game], served.root == root { return served.reader }
        let reader = ChunkReader(root: directory, manifest: built.manifest, disk: disk)
        if readers.count >= Limits.servedGames, let oldest = readers.min(by: { $0.value.checked < $1.value.checked }) {
            readers[oldest.key] = nil
        }
        readers[game] = ServedGame(root: root, reader: reader, checked: now)
        return reader
    }
}
