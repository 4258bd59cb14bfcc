import Linux
import Model
package import Runtime
import Storage

/// Tells the library when something changes on the disk, and builds the manifests that are missing.
///
/// It watches the games directory and the root of every game of the catalog, not what lies deeper; what it misses, a
/// scan finds every `Limits.scanInterval`. Without inotify it is reduced to that scan. Nothing depends on it: the
/// library works while it is down.
package actor LocalMonitor {
    private enum Place: Hashable {
        case games
        case root(GameID)
    }

    private var watches: [Int32: Place] = [:]
    private var dirty: Set<GameID> = []
    private var mustScan = false
    private var inotify: Inotify?

    /// Open while there is something to look at.
    private nonisolated let work = AsyncGate()
    private let library: GameLibrary
    private let loop: EventLoop
    private let disk: DiskPool
    private let time: any TimeSource
    private let log: Log
    private let degraded: @Sendable (String?) -> Void

    /// - Parameters:
    ///   - loop: wakes it when inotify has something to say.
    ///   - degraded: hears why it is reduced to its scan, and nil when it is not.
    package init(
        library: GameLibrary, loop: EventLoop, disk: DiskPool, time: any TimeSource, log: Log,
        degraded: @escaping @Sendable (String?) -> Void
    ) {
        self.library = library
        self.loop = loop
        self.disk = disk
        self.time = time
        self.log = log
        self.degraded = degraded
    }

    package func run(up: @escaping @Sendable () -> Void) async throws {
        watches = [:]
        dirty = []
        // What happened while nobody watched.
        mustScan = true
        work.open()
        inotify = openInotify()
        defer { inotify = nil }
        up()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.library.buildManifests() }
            group.addTask { try await self.look() }
            group.addTask { try await self.scanNowAndThen() }
            if let inotify { group.addTask { try await self.listen(to: inotify) } }
        }
    }

    private func openInotify() -> Inotify? {
        do {
            let inotify = try Inotify()
            degraded(nil)
            return inotify
        } catch {
            reduce(error)
            return nil
        }
    }

    /// From here on changes are found by the scan alone.
    private func reduce(_ error: LinuxError) {
        inotify = nil
        watches = [:]
        let reason = "Changes in the games directory are seen every \(Limits.scanInterval.components.seconds) s only"
        log.warning("\(reason): \(error.call) says \(error.text).", kind: "watch_lost")
        degraded("\(reason): \(error.text).")
    }

    // MARK: - Hearing

    private func listen(to inotify: Inotify) async throws(CancellationError) {
        let readiness = Readiness(inotify.descriptor, on: loop)
        while true {
            try await readiness.readable()
            do throws(LinuxError) {
                for event in try inotify.read() { hear(event) }
            } catch {
                return reduce(error)
            }
        }
    }

    private func hear(_ event: Inotify.Event) {
        guard event.kind != .overflow else {
            mustScan = true
            return work.open()
        }
        guard let place = watches[event.watch] else { return }
        if event.kind == .ended { watches[event.watch] = nil }
        switch place {
        case .games:
            if event.kind != .changed {
                mustScan = true
            } else if let game = GameID(String(decoding: event.name, as: UTF8.self)) {
                dirty.insert(game)
            } else {
                return
            }
        case .root(let game):
            // Hidden names are ours or nobody's: no peer gets them, and they change all the time in a download.
            if event.kind == .changed, event.name.first == UInt8(ascii: ".") { return }
            dirty.insert(game)
        }
        work.open()
    }

    private func scanNowAndThen() async throws(CancellationError) {
        while true {
            try await time.sleep(for: Limits.scanInterval)
            mustScan = true
            work.open()
        }
    }

    // MARK: - Looking

    private func look() async throws(CancellationError) {
        var quiet = Limits.watchQuiet
        while true {
            try await work.wait()
            // The start is no change that others may follow.
            if !(mustScan && watches.isEmpty) { try await time.sleep(for: quiet) }
            work.close()
            let begin = time.now
            let games = dirty
            dirty = []
            if mustScan {
                mustScan = false
                await lookAtAll()
            } else {
                for game in games.sorted() { await look(at: game) }
            }
            // A game of many files that is being copied must not keep a disk busy with looking at it.
            quiet = max(Limits.watchQuiet, (time.now - begin) * 4)
        }
    }

    private func lookAtAll() async {
        await watchGames()
        let catalog = await library.catalog()
        if let games = await library.gamesDirectory() {
            let listed = await disk.run { (try? games.games()) ?? [] }
            for game in listed where catalog[game] != nil { await watch(game, games) }
        }
        do throws(LibraryError) {
            try await library.scan()
        } catch {
            log.warning(error.sentence, kind: "library_unavailable")
        }
    }

    private func look(at game: GameID) async {
        guard await library.catalog()[game] != nil, let games = await library.gamesDirectory() else { return }
        // First the watch and then the look: what comes between them is seen twice and not missed.
        await watch(game, games)
        await library.noticed(game)
    }

    // MARK: - Watching

    private func watchGames() async {
        guard let games = await library.gamesDirectory(), let inotify else { return }
        do throws(LinuxError) {
            let watch = try await disk.run { () throws(LinuxError) in try inotify.watch(path: games.path) }
            watches[watch] = .games
        } catch  where error.isNoEntry {
            // The scan that follows says that it is not there.
            return
        } catch {
            reduce(error)
        }
    }

    private func watch(_ game: GameID, _ games: GamesDirectory) async {
        guard let inotify else { return }
        do throws(LinuxError) {
            let watch: Int32? = try await disk.run { () throws(LinuxError) in
                guard let root = try? games.root(game) else { return nil }
                return try inotify.watch(root.directory)
            }
            if let watch { watches[watch] = .root(game) }
        } catch {
            reduce(error)
        }
    }
}
