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
    /// Of the one that is listened to.
    private var readiness: Readiness?
    /// Why it is reduced to its scan; nil when it is not.
    private var loss: String?

    /// Open while there is something to look at.
    private nonisolated let work = AsyncGate()
    /// Open while there is an inotify to listen to.
    private nonisolated let listening = AsyncGate()
    /// Open while some games could not be read.
    private nonisolated let unread = AsyncGate()
    private let library: GameLibrary
    private let loop: EventLoop
    private let disk: DiskPool
    private let time: any TimeSource
    private let log: Log
    private let disturbed: @Sendable () -> Void
    private let degraded: @Sendable (String?) -> Void

    /// - Parameters:
    ///   - loop: wakes it when inotify has something to say.
    ///   - disturbed: hears that the games directory may be another one, or gone.
    ///   - degraded: hears why it is reduced to its scan, and nil when it is not.
    package init(
        library: GameLibrary, loop: EventLoop, disk: DiskPool, time: any TimeSource, log: Log,
        disturbed: @escaping @Sendable () -> Void = {}, degraded: @escaping @Sendable (String?) -> Void
    ) {
        self.library = library
        self.loop = loop
        self.disk = disk
        self.time = time
        self.log = log
        self.disturbed = disturbed
        self.degraded = degraded
    }

    package func run(up: @escaping @Sendable () -> Void) async throws {
        watches = [:]
        dirty = []
        loss = nil
        // What happened while nobody watched.
        mustScan = true
        work.open()
        library.moved.close()
        openInotify()
        defer { closeInotify() }
        up()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.library.buildManifests() }
            group.addTask { try await self.look() }
            group.addTask { try await self.scanNowAndThen() }
            group.addTask { try await self.readAgain() }
            group.addTask { try await self.listen() }
            group.addTask { try await self.move() }
        }
    }

    private func openInotify() {
        do {
            let inotify = try Inotify()
            self.inotify = inotify
            readiness = Readiness(inotify.descriptor, on: loop)
            listening.open()
        } catch {
            reduce(error)
        }
    }

    private func closeInotify() {
        for watch in watches.keys { inotify?.unwatch(watch) }
        watches = [:]
        inotify = nil
        readiness?.close()
        readiness = nil
    }

    /// From here on changes are found by the scan alone; each scan tries again to watch.
    private func reduce(_ error: LinuxError) {
        closeInotify()
        let reason = WatchLoss.sentence(error)
        if reason != loss { log.warning(reason, kind: "watch_lost") }
        loss = reason
        degraded(reason)
    }

    // MARK: - Hearing

    private func listen() async throws(CancellationError) {
        while true {
            try await listening.wait()
            guard let inotify, let readiness else {
                listening.close()
                continue
            }
            try await readiness.readable()
            // It may have been given up meanwhile.
            guard self.inotify === inotify else { continue }
            do throws(LinuxError) {
                for event in try inotify.read() { hear(event) }
            } catch {
                reduce(error)
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
                disturbed()
                mustScan = true
            } else if let game = GameID(String(decoding: event.name, as: UTF8.self)) {
                dirty.insert(game)
            } else {
                if event.name == Array(ReservedNames.gamesMarker.utf8) { disturbed() }
                return
            }
        case .root(let game):
            // Hidden names are ours or nobody's: no peer gets them, and they change all the time in a download.
            if event.kind == .changed, event.name.first == UInt8(ascii: ".") { return }
            // The directory bears another name now, or none; where it is a game again, it is watched again.
            if event.kind == .gone, watches.removeValue(forKey: event.watch) != nil { inotify?.unwatch(event.watch) }
            dirty.insert(game)
        }
        work.open()
    }

    private func scanNowAndThen() async throws(CancellationError) {
        while true {
            try await time.sleep(for: Limits.scanInterval)
            // Its marker and its permissions, too: of those nobody else tells.
            disturbed()
            mustScan = true
            work.open()
        }
    }

    /// The games directory came, went, or is another one.
    private func move() async throws(CancellationError) {
        while true {
            try await library.moved.wait()
            library.moved.close()
            for watch in watches.keys { inotify?.unwatch(watch) }
            watches = [:]
            mustScan = true
            work.open()
        }
    }

    /// What the disk did not give, as it may with too many files open, is looked at again, later and later.
    private func readAgain() async throws(CancellationError) {
        var pause = Limits.readRetryFirst
        while true {
            try await unread.wait()
            unread.close()
            let games = await library.unreadGames()
            guard !games.isEmpty else {
                pause = Limits.readRetryFirst
                continue
            }
            try await time.sleep(for: pause)
            pause = min(pause * 2, Limits.readRetryLast)
            dirty.formUnion(games)
            work.open()
        }
    }

    // MARK: - Looking

    private func look() async throws(CancellationError) {
        var pace = LookPace()
        while true {
            try await work.wait()
            // The start is no change that others may follow.
            if !(mustScan && watches.isEmpty) { try await time.sleep(until: pace.next(after: time.now)) }
            work.close()
            let begin = time.now
            let games = dirty
            dirty = []
            if mustScan {
                mustScan = false
                await lookAtAll()
            } else {
                await look(at: games.sorted())
            }
            unread.open()
            pace.looked(from: begin, until: time.now)
        }
    }

    private func lookAtAll() async {
        if inotify == nil { openInotify() }
        let catalog = await library.catalog()
        if let games = await library.gamesDirectory() {
            await watch(.games, games)
            let listed = await disk.run { (try? games.games()) ?? [] }
            for game in listed where catalog[game] != nil { await watch(.root(game), games) }
            if inotify != nil, loss != nil {
                loss = nil
                degraded(nil)
            }
        }
        do throws(LibraryError) {
            try await library.scan()
        } catch .unavailable {
            // The keeper of the directory says why, once.
            disturbed()
        } catch {
            log.warning(error.sentence, kind: "library_unavailable")
        }
    }

    private func look(at games: [GameID]) async {
        let catalog = await library.catalog()
        guard let directory = await library.gamesDirectory() else { return }
        let listed = games.filter { catalog[$0] != nil }
        // First the watch and then the look: what comes between them is seen twice and not missed.
        for game in listed { await watch(.root(game), directory) }
        await library.noticed(listed)
    }

    // MARK: - Watching

    private func watch(_ place: Place, _ games: GamesDirectory) async {
        guard let inotify else { return }
        do throws(LinuxError) {
            let watch: Int32? = try await disk.run { () throws(LinuxError) in
                switch place {
                case .games: return try inotify.watch(games.directory)
                case .root(let game):
                    guard let root = try? games.root(game) else { return nil }
                    return try inotify.watch(root.directory)
                }
            }
            // Given up, or the directory is another one: nobody would end this watch.
            guard let watch else { return }
            guard self.inotify === inotify, await library.gamesDirectory() === games else {
                return inotify.unwatch(watch)
            }
            watches[watch] = place
        } catch {
            if self.inotify === inotify { reduce(error) }
        }
    }
}

/// Why changes are not told by the kernel, and what helps.
enum WatchLoss {
    static func sentence(_ error: LinuxError) -> String {
        let opening = "Changes in the games directory are seen every \(Limits.scanInterval.components.seconds) s only"
        if error.call == "inotify_add_watch", error.isNoSpace {
            return "\(opening): the limit of watches is reached. "
                + "Raise it with: sysctl fs.inotify.max_user_watches=524288"
        }
        if error.call == "inotify_init1", error.isTooManyOpen {
            return "\(opening): the limit of watchers, or of open files, is reached. "
                + "Raise it with: sysctl fs.inotify.max_user_instances=1024"
        }
        return "\(opening): \(error.call) says: \(error.text)."
    }
}
