import Database
import Linux
import Model
import Runtime

/// Keeps the catalog in force the one that the file holds: looks when the file changes, and puts it into force as a
/// whole when it is sound.
///
/// It watches the directory and not the file, since most programs replace a file by renaming another one. Without
/// inotify it looks every `Limits.scanInterval`. Looks and changes come one after the other, so a look that began
/// earlier never overwrites one that began later. Nothing depends on its `run()`: a change by a verb and a reload work
/// without.
package actor CatalogKeeper {
    /// What it is told by and what it tells.
    struct Ports: Sendable {
        var place: @Sendable () -> CatalogPlace
        /// Another catalog counts, or none; returns when the library and the subscribers know.
        var swapped: @Sendable () async -> Void
        /// After that: what waited for a catalog may go on.
        var changed: @Sendable () async -> Void
        /// Hears why it is reduced, and nil when it is not.
        var degraded: @Sendable (String?) -> Void
    }

    /// Why it looks only from time to time; nil while it watches.
    private var watchLoss: String?
    /// The name that matters in each watched directory.
    private var watches: [Int32: [UInt8]] = [:]
    private var inotify: Inotify?
    /// Open when the look before has ended.
    private var last: AsyncGate?
    private var begun: UInt64 = 0
    private var taken: UInt64 = 0

    /// Open while the file may be another one than the one that was looked at.
    private nonisolated let work = AsyncGate()
    private let holder: CatalogHolder
    private let ports: Ports
    private let loop: EventLoop
    private let disk: DiskPool
    private let time: any TimeSource
    private let log: Log

    init(holder: CatalogHolder, ports: Ports, loop: EventLoop, disk: DiskPool, time: any TimeSource, log: Log) {
        self.holder = holder
        self.ports = ports
        self.loop = loop
        self.disk = disk
        self.time = time
        self.log = log
    }

    package func run(up: @escaping @Sendable () -> Void) async throws {
        watches = [:]
        inotify = openInotify()
        defer { inotify = nil }
        // What happened while nobody watched.
        work.open()
        up()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.lookWhenChanged() }
            group.addTask { try await self.lookNowAndThen() }
            if let inotify { group.addTask { try await self.listen(to: inotify) } }
        }
    }

    // MARK: - Looking

    /// Looks at the file now, and returns when what it holds is in force or refused.
    package func look() async {
        await inTurn { await self.lookNow() }
    }

    /// A setting names another file, or none: looks at it as `look()` does, and has its directory watched.
    package func placeChanged() async {
        work.open()
        await look()
    }

    private func lookNow() async {
        begun += 1
        let (number, place) = (begun, ports.place())
        let look = await disk.run { CatalogLook.read(place) }
        // Only a cancelled caller goes ahead of its turn, and then an older look may come after a newer one.
        guard number > taken else { return }
        taken = number
        await take(look, at: place)
    }

    /// Runs `change` on a disk thread, with no look under way, and looks at the file then.
    func change<Value: Sendable>(
        _ change: @escaping @Sendable () throws(DatabaseError) -> Value
    ) async throws(DatabaseError) -> Value {
        var result: Result<Value, DatabaseError>?
        await inTurn {
            do throws(DatabaseError) {
                result = .success(try await self.disk.run(change))
            } catch {
                result = .failure(error)
            }
            await self.lookNow()
        }
        guard let result else { preconditionFailure("a turn ended without its work") }
        return try result.get()
    }

    private func inTurn(_ work: () async -> Void) async {
        let (before, end) = (last, AsyncGate())
        last = end
        // Cut short only for a caller that is cancelled.
        try? await before?.wait()
        await work()
        end.open()
    }

    private func take(_ look: CatalogLook, at place: CatalogPlace) async {
        let step = holder.take(look, at: place)
        holder.tell(step, at: place, log)
        tellDegraded()
        guard step == .swapped || step == .released else { return }
        await ports.swapped()
        await ports.changed()
    }

    /// A file that is refused is looked at once more before that counts: most are only half copied.
    private func lookWhenChanged() async throws(CancellationError) {
        while true {
            try await work.wait()
            // Copying a file changes its directory more than once.
            try await time.sleep(for: Limits.watchQuiet)
            work.close()
            await watch()
            let place = ports.place()
            if case .refused = await disk.run({ CatalogLook.read(place) }) {
                try await time.sleep(for: Limits.catalogPatience)
            }
            await look()
        }
    }

    private func lookNowAndThen() async throws(CancellationError) {
        while true {
            try await time.sleep(for: Limits.scanInterval)
            work.open()
        }
    }

    // MARK: - Watching

    private func openInotify() -> Inotify? {
        do {
            watchLoss = nil
            return try Inotify()
        } catch {
            reduce(error)
            return nil
        }
    }

    /// From here on changes are found by looking alone.
    private func reduce(_ error: LinuxError) {
        inotify = nil
        watches = [:]
        let reason = "Changes of the catalog are seen every \(Limits.scanInterval.components.seconds) s only"
        log.warning("\(reason): \(error.call) says \(error.text).", kind: "watch_lost")
        watchLoss = "\(reason): \(error.text)."
        tellDegraded()
    }

    private func tellDegraded() {
        // Without a catalog the daemon says so by itself, with what helps.
        let problem = holder.isThere ? holder.problem.map { "The catalog stays as it was: \($0)" } : nil
        ports.degraded(problem ?? watchLoss)
    }

    private func listen(to inotify: Inotify) async throws(CancellationError) {
        let readiness = Readiness(inotify.descriptor, on: loop)
        while true {
            try await readiness.readable()
            do throws(LinuxError) {
                for event in try inotify.read() where isOfUse(event) { work.open() }
            } catch {
                return reduce(error)
            }
        }
    }

    private func isOfUse(_ event: Inotify.Event) -> Bool {
        switch event.kind {
        case .overflow: true
        case .changed: watches[event.watch] == event.name
        case .gone: watches[event.watch] != nil
        case .ended: watches.removeValue(forKey: event.watch) != nil
        }
    }

    /// The directory of the file, or, while it is not there, the nearest one above it.
    private func watch() async {
        guard let inotify else { return }
        let path = ports.place().path
        do throws(LinuxError) {
            let (watch, name) = try await disk.run { () throws(LinuxError) in
                try CatalogKeeper.watch(path, by: inotify)
            }
            watches = [watch: name]
        } catch {
            reduce(error)
        }
    }

    private static func watch(_ path: String, by inotify: Inotify) throws(LinuxError) -> (Int32, [UInt8]) {
        var path = path[...]
        while true {
            let slash = path.lastIndex(of: "/")
            let name = slash.map { path[path.index(after: $0)...] } ?? path
            let directory = slash.map { $0 == path.startIndex ? "/" : path[..<$0] } ?? "."
            do throws(LinuxError) {
                return (try inotify.watch(path: String(directory)), Array(name.utf8))
            } catch {
                guard error.isNoEntry || error.isNotDirectory, directory.contains("/"), directory != "/" else {
                    throw error
                }
                path = directory
            }
        }
    }
}

extension CatalogHolder {
    /// One record for each step that a person wants to know of.
    func tell(_ step: CatalogState.Step, at place: CatalogPlace, _ log: Log) {
        switch step {
        case .nothing:
            return
        case .swapped, .healed:
            guard let reading = inForce?.reading else { return }
            log.notice(
                "The catalog is read.", kind: "catalog_read", .path("path", place.path),
                .field("games", reading.catalog.entries.count), .field("dropped", reading.dropped.count),
                .field("withdrawn", reading.withdrawn.count))
        case .released:
            log.warning("No catalog is named any more, and there is none of this host's own.", kind: "no_catalog")
        case .troubled:
            let problem = problem ?? ""
            if isThere {
                log.warning("The catalog stays as it was: \(problem)", kind: "catalog_refused")
            } else {
                log.warning("There is no catalog: \(problem)", kind: "no_catalog")
            }
        }
    }
}
