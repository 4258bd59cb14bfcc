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
    /// The files that a disk thread is busy with, and whether somebody went away without the answer.
    private nonisolated let busy = Locked<[String: Bool]>([:])
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
        // Only a cancelled caller goes ahead of its turn, and then an older look may come after a newer one.
        guard let look = await read(place), number > taken else { return }
        taken = number
        await take(look, at: place)
    }

    /// Nil when the caller is cancelled.
    private func read(_ place: CatalogPlace) async -> CatalogLook? {
        if let look = await inTime(place.path, { CatalogLook.read(place) }) { return look }
        guard !Task.isCancelled else { return nil }
        return .refused("\(place.path) was not read within \(Limits.reloadDeadline.components.seconds) s.")
    }

    /// Runs `change` on a disk thread, with no look under way, and looks at the file then.
    ///
    /// - Returns: nil when the disk hangs; then the change may be made later, and the file is looked at when it is.
    func change<Value: Sendable>(
        _ change: @escaping @Sendable () throws(DatabaseError) -> Value
    ) async throws(DatabaseError) -> Value? {
        var result: Result<Value, DatabaseError>?
        await inTurn {
            result = await self.inTime(self.ports.place().path) { Result { () throws(DatabaseError) in try change() } }
            await self.lookNow()
        }
        return try result?.get()
    }

    /// Runs the work on a disk thread: nil when it takes too long, when an earlier one on this file hangs still, or too
    /// many on others do. When a disk that hung answers, the file is looked at again.
    private func inTime<Value: Sendable>(_ path: String, _ work: @escaping @Sendable () -> Value) async -> Value? {
        let isAdmitted = busy.withLock { busy in
            guard busy[path] == nil, busy.count < Limits.catalogReadings else { return false }
            busy[path] = false
            return true
        }
        let value: Value? =
            isAdmitted
            ? await disk.run(within: Limits.reloadDeadline, on: time) {
                defer { self.answered(path) }
                return work()
            } : nil
        if value == nil { leave() }
        return value
    }

    private nonisolated func answered(_ path: String) {
        if busy.withLock({ $0.removeValue(forKey: path) }) == true { work.open() }
    }

    /// Without an answer: whatever is answered first tells that it is time to ask again.
    private nonisolated func leave() {
        let isAnswered = busy.withLock { busy in
            for path in busy.keys { busy[path] = true }
            return busy.isEmpty
        }
        if isAnswered { work.open() }
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
            var isRefused = false
            await inTurn {
                let place = self.ports.place()
                await self.watch(place)
                if case .refused = await self.read(place) { isRefused = true }
            }
            if isRefused { try await time.sleep(for: Limits.catalogPatience) }
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
            reduce("\(error.call) says \(error.text)")
            return nil
        }
    }

    /// Until the next watch succeeds changes are found by looking alone.
    private func reduce(_ trouble: String) {
        let reason =
            "Changes of the catalog are seen every \(Limits.scanInterval.components.seconds) s only: \(trouble)."
        guard watchLoss != reason else { return }
        log.warning(reason, kind: "watch_lost")
        watchLoss = reason
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
                self.inotify = nil
                return reduce("\(error.call) says \(error.text)")
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

    /// The directory of the file, or, while it is not there, the nearest one above it. One that cannot be watched is
    /// tried again with the next look.
    private func watch(_ place: CatalogPlace) async {
        guard let inotify else { return }
        let path = place.path
        let added = await inTime(path) {
            Result { () throws(LinuxError) in try CatalogKeeper.watch(path, by: inotify) }
        }
        switch added {
        case .success(let (watch, name)):
            watches = [watch: name]
            guard watchLoss != nil else { return }
            watchLoss = nil
            tellDegraded()
        case .failure(let error): reduce("\(error.call) says \(error.text)")
        case nil:
            guard !Task.isCancelled else { return }
            reduce("its directory did not answer within \(Limits.reloadDeadline.components.seconds) s")
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
