import Content
import Linux
package import Model
import Runtime
import Storage
import Synchronization

/// A manifest that is being built; anybody may ask how far it is, and the writer of the game stops it.
final class ManifestBuild: Sendable {
    let game: GameID
    let stop = OneShot<Void>()
    private let progress: Mutex<(done: UInt64, total: UInt64)>
    private let idle: Atomic<Bool>

    init(_ game: GameID, total: UInt64, isIdle: Bool) {
        self.game = game
        progress = Mutex((0, total))
        idle = Atomic(isIdle)
    }

    /// Nobody waits for it, so the disk is everybody else's first.
    var isIdle: Bool { idle.load(ordering: .relaxed) }
    /// From the next chunk on.
    func hasten() { idle.store(false, ordering: .relaxed) }

    func advance(_ done: UInt64, _ total: UInt64) { progress.withLock { $0 = (done, total) } }
    var values: (done: UInt64, total: UInt64) { progress.withLock { $0 } }
}

extension GameLibrary {
    /// How far the manifest of the game is; nil when it is neither being built nor waiting for its turn.
    package func hashing(_ game: GameID) -> (done: UInt64, total: UInt64)? {
        if let building, building.game == game { return building.values }
        guard wantsManifest(game), let facts = facts(of: game), unbuildable[game] != facts.fingerprint else {
            return nil
        }
        return (0, facts.bytes)
    }

    /// Builds the manifests that are missing, one after the other, until the task is cancelled; one task at a time.
    package func buildManifests() async throws(CancellationError) {
        await withDiscardingTaskGroup { group in
            // Each ends only when it is cancelled.
            group.addTask { try? await self.buildWaiting() }
            group.addTask { try? await self.retryFailed() }
        }
        throw CancellationError()
    }

    private func buildWaiting() async throws(CancellationError) {
        while true {
            work.close()
            guard let next = queue.next() else {
                publish()
                try await work.wait()
                continue
            }
            // What is ready is not told only when this one is.
            if let facts = facts(of: next.game), !GameLibrary.isSmall(facts) { publish() }
            let wasIdle = await build(next.game, isIdle: next.isIdle)
            // Somebody waits for a game that was moved forward; many others are told together.
            if wasIdle { publishSometimes() } else { publish() }
            if Task.isCancelled {
                publish()
                // What was begun is not lost to the next task.
                requeue(next.game)
                throw CancellationError()
            }
        }
    }

    /// Read and hashed within a moment on any disk.
    private static func isSmall(_ facts: GameFacts) -> Bool {
        facts.bytes <= 4 * UInt64(Grid.chunkBytes) && facts.files <= 256
    }

    /// What the disk did not give, as it may with too many files open or a bad cable, is asked for again, later and
    /// later.
    private func retryFailed() async throws(CancellationError) {
        while true {
            try await retries.wait()
            retries.close()
            guard let tries = failed.values.min() else { continue }
            try await time.sleep(for: min(Limits.readRetryLast, Limits.readRetryFirst * (1 << min(tries - 1, 16))))
            for game in failed.keys.sorted() where building?.game != game { requeue(game) }
        }
    }

    private func requeue(_ game: GameID) {
        guard wantsManifest(game) else { return }
        queue.add(game)
        work.open()
    }

    /// - Returns: whether nobody came to wait for it.
    private func build(_ game: GameID, isIdle: Bool) async -> Bool {
        guard wantsManifest(game), let facts = facts(of: game), let version = facts.version,
            let directory = gamesDirectory()
        else { return isIdle }
        let build = ManifestBuild(game, total: facts.bytes, isIdle: isIdle)
        building = build
        let result = await run(build, version, directory)
        // Still being built for whoever asks, until there is a manifest to give or it is known what follows.
        switch result {
        case .success(let manifest):
            // A look may have found other files while this one was adopted.
            if await !adopt(manifest, from: directory, facts) { await noticed(game) }
        case .failure(.content(.changed)) where self.directory === directory:
            // Somebody is still writing; the look asks again if the files are others now.
            unbuildable[game] = facts.fingerprint
            await noticed(game)
        case .failure: break
        }
        building = nil
        // What was found in a directory that is not the one any more says nothing.
        guard self.directory === directory else {
            requeue(game)
            return build.isIdle
        }
        switch result {
        // Files that cannot be read are no others; whoever looks at them again asks again.
        case .success, .failure(.content(.changed)): if !unread.contains(game) { enqueue(game) }
        case .failure(.content(.cancelled)): requeue(game)
        // Nothing is wrong with the files; the first look at whatever follows asks again.
        case .failure(.content(.storage(.unavailable))): break
        case .failure(.content(.storage(.system(let error)))):
            failed[game, default: 0] += 1
            retries.open()
            log.warning(
                "The manifest of the game is tried again later: \(error.call) says: \(error.text).",
                kind: "manifest_delayed", .game(game))
        case .failure(let error):
            unbuildable[game] = facts.fingerprint
            log.warning("No manifest can be made of the game. \(error.sentence)", kind: "manifest_failed", .game(game))
        }
        return build.isIdle
    }

    private func run(
        _ build: ManifestBuild, _ version: GameVersion, _ directory: GamesDirectory
    ) async -> Result<BuiltManifest, LibraryError> {
        let (disk, pool, ports) = (disk, pool, ports)
        return await withTaskGroup(of: Result<BuiltManifest, LibraryError>?.self) { group in
            group.addTask {
                do throws(ContentError) {
                    let root = try await disk.run { () throws(ContentError) in
                        do throws(StorageError) {
                            return try directory.root(build.game)
                        } catch {
                            throw .storage(error)
                        }
                    }
                    let known = await ports.knownManifests(build.game, version)
                    return .success(
                        try await ManifestBuilder.build(
                            root, version: version, known: known, disk: disk, pool: pool,
                            isIdle: { build.isIdle }, progress: { build.advance($0, $1) }))
                } catch {
                    return .failure(.content(error))
                }
            }
            group.addTask {
                await build.stop.take(orGive: ())
                return nil
            }
            // The first to end ends the other; a build that was stopped answers that it was cancelled.
            var result: Result<BuiltManifest, LibraryError>?
            for await ended in group {
                result = result ?? ended
                group.cancelAll()
            }
            return result ?? .failure(.content(.cancelled))
        }
    }

    /// Takes a manifest into the index if the files are still those that were hashed.
    private func adopt(
        _ manifest: BuiltManifest, from directory: GamesDirectory, _ facts: GameFacts
    ) async -> Bool {
        let game = manifest.manifest.game
        let now = try? await disk.run { () throws(StorageError) in
            try GameFacts.fingerprint(of: try directory.root(game))
        }
        guard now == facts.fingerprint, let known = self.facts(of: game), known.fingerprint == facts.fingerprint,
            self.directory === directory
        else { return false }
        await built(manifest, known)
        log.info("The manifest is built.", kind: "manifest_built", .game(game), .field("root", manifest.root))
        return true
    }
}
