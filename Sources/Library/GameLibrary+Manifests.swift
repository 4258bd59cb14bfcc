package import Content
import Database
package import Model
import Runtime
import Storage

/// Whether the manifest of a game can be had.
package enum ManifestStanding: Sendable {
    case built(BuiltManifest)
    /// In bytes.
    case hashing(done: UInt64, total: UInt64)
}

extension GameLibrary {
    /// Some manifests of the size of the largest package known are 30 MB together.
    private static let keptLimit = 8

    /// The manifest of the game as it is here; nil while it is not built, and then the game's turn comes first.
    package func manifest(_ game: GameID) async -> BuiltManifest? {
        guard let root = state.root(of: game) else {
            queue.hasten(game)
            if building?.game == game { building?.hasten() }
            return nil
        }
        if let position = kept.firstIndex(where: { $0.root == root }) {
            let manifest = kept.remove(at: position)
            kept.append(manifest)
            return manifest
        }
        do throws(LibraryError) {
            let manifest = try await load(game, root)
            if state.root(of: game) == root { keep(manifest) }
            return manifest
        } catch {
            log.error("The manifest is built again. \(error.sentence)", kind: "index_failed", .game(game))
            if state.root(of: game) == root, let facts = state.facts(of: game) {
                index[game] = nil
                state.found(game, facts, root: nil)
                enqueue(game)
                publish()
            }
            return nil
        }
    }

    /// What a peer that asks for the manifest is told, of one moment: a build that ends between two questions would
    /// have no answer to either. Nil when there is no manifest and will be none.
    package func standing(of game: GameID) async -> ManifestStanding? {
        while state.root(of: game) != nil {
            if let built = await manifest(game) { return .built(built) }
        }
        _ = await manifest(game)
        return hashing(game).map { .hashing(done: $0.done, total: $0.total) }
    }

    private func load(_ game: GameID, _ root: Root) async throws(LibraryError) -> BuiltManifest {
        let entry: IndexEntry?
        do throws(DatabaseError) {
            entry = try await database.indexEntry(of: game, in: indexKey ?? "")
        } catch {
            throw .database(error)
        }
        guard let entry, entry.root == root else { throw .unknown(game) }
        do throws(ContentError) {
            return try await disk.run { () throws(ContentError) in
                try ManifestBuilder.decode(entry.manifest, game: game, version: entry.version, root: root)
            }
        } catch {
            throw .content(error)
        }
    }

    private func keep(_ manifest: BuiltManifest) {
        kept.removeAll { $0.manifest.game == manifest.manifest.game }
        kept.append(manifest)
        if kept.count > GameLibrary.keptLimit { kept.removeFirst() }
    }

    /// The manifest of exactly these files is known: it goes into the index.
    func built(_ manifest: BuiltManifest, _ facts: GameFacts) async {
        let game = manifest.manifest.game
        index[game] = (facts.fingerprint, manifest.root)
        failed[game] = nil
        keep(manifest)
        took(game, facts)
        guard let indexKey else { return }
        do throws(DatabaseError) {
            try await database.save(
                IndexEntry(
                    game: game, version: manifest.manifest.version, fingerprint: facts.fingerprint,
                    root: manifest.root, manifest: manifest.bytes),
                in: indexKey)
        } catch {
            log.error("The index entry was not kept: \(error.sentence)", kind: "index_failed", .game(game))
        }
    }
}
