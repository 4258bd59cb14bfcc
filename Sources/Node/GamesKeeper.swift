import Control
import Database
import Library
import Linux
import Model
import Runtime
package import Storage
import Synchronization

/// What the keeper does with a games directory that has come or gone; Node fills it.
struct GamesPorts: Sendable {
    /// Before anybody uses it: what an install left half done is finished or undone.
    var recover: @Sendable (GamesDirectory) async -> Void = { _ in }
    /// Hands it to the library; nil with the key of the one that is away.
    var take: @Sendable (GamesDirectory?, _ key: String?) async -> Void = { _, _ in }
    /// After that: it is there, or gone, or another one. Operations that waited for one may go on.
    var changed: @Sendable () async -> Void = {}
    /// Keeps operations from beginning; false while one waits or works.
    var reserve: @Sendable () async -> Bool = { true }
    var release: @Sendable () async -> Void = {}
    /// Directories beneath which another one may be chosen.
    var roots: @Sendable () -> [String] = { [] }
    /// Hears why the games cannot be used as they should, and nil when they can.
    var degraded: @Sendable (String?) -> Void = { _ in }
}

/// Owns the games directory: opens it, holds its lock, has it recovered before anybody uses it, and notices when it
/// goes and comes back, so that a disk can be plugged in while the daemon runs.
///
/// Its law: what is not the directory that the state remembers is not written, not recovered, and not used.
package actor GamesKeeper {
    struct Standing: Sendable {
        var path: String
        /// Nil while it is not there.
        var games: GamesDirectory?
        /// A clause that says why it is not there.
        var reason: String?
    }

    nonisolated let shared: Mutex<Standing>
    var memory = GamesMemory()
    var ports = GamesPorts()
    private var isBusy = false
    /// Open while nobody looks or changes.
    private let free = AsyncGate(isOpen: true)
    /// Opened by whoever has a reason to look.
    private nonisolated let bell = AsyncGate()
    /// Open while the directory is away.
    private let away = AsyncGate()

    let configured: String
    private let holder: GamesHolder
    private let database: StateDatabase
    let disk: DiskPool
    private let loop: EventLoop
    private let time: any TimeSource
    private let random: RandomSource
    let log: Log

    init(
        configured: String, holder: GamesHolder, database: StateDatabase, loops: Loops, time: any TimeSource,
        random: RandomSource, log: Log
    ) {
        shared = Mutex(Standing(path: configured))
        self.configured = configured
        self.holder = holder
        self.database = database
        disk = loops.disk
        loop = loops.net[0]
        self.time = time
        self.random = random
        self.log = log
    }

    func attach(_ ports: GamesPorts) { self.ports = ports }

    // MARK: - Asking

    nonisolated var standing: Standing { shared.withLock { $0 } }
    /// Nil while it is not there. To be asked anew after each wait.
    package nonisolated var current: GamesDirectory? { standing.games }
    package nonisolated var path: String { standing.path }
    /// What the library knows it by, also while it is away.
    var key: String? { current?.key ?? memory.id(of: path) }

    /// Something may be different: a look follows, soon.
    nonisolated func ring() { bell.open() }

    // MARK: - Life

    /// Opens it for the first time, before anything runs.
    ///
    /// - Throws: what ends the start. A directory that was there once and is not now does not.
    func start() async throws(StartFailure) {
        do throws(DatabaseError) {
            memory = GamesMemory(saved: try await database.value(of: .gamesDirectory) ?? "")
        } catch {
            throw StartFailure(.inputOutput, error.sentence)
        }
        let path = memory.choice(configured: configured)
        shared.withLock { $0.path = path }
        do {
            let games = try await opened(path)
            await recover(games)
            try await remember(memory.using(games))
            use(games)
            try await database.keepIndexes(of: memory.ids + [games.key])
        } catch let error as StorageError {
            guard case .unavailable = error, memory.id(of: path) != nil || path != configured else {
                throw startFailure(path, error)
            }
            miss(error.clause)
        } catch let error as DatabaseError {
            throw StartFailure(.inputOutput, error.sentence)
        } catch {
            preconditionFailure("only two kinds of error come from below")
        }
    }

    private func startFailure(_ path: String, _ error: StorageError) -> StartFailure {
        if case .held(_, let holder) = error {
            return StartFailure(
                .unavailable,
                "Another lanspreadd (\(holder?.text ?? "it does not say which")) holds the games directory \(path).",
                hint: "Stop it, or give this one another --games-dir.")
        }
        var reason = error.sentence
        if case .unavailable = error { reason = "there is no such directory" }
        return StartFailure(
            .configuration, "The games directory \(path) cannot be used: \(reason).",
            hint: "Make it with its right owner, or name another one with --games-dir.")
    }

    /// Looks whenever somebody rings, a disk is mounted or unmounted, and now and then while the directory is away.
    package func run(up: @Sendable () -> Void) async throws {
        tell()
        up()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.answer() }
            group.addTask { try await self.lookWhileAway() }
            group.addTask { try await self.followMounts() }
        }
    }

    private func answer() async throws(CancellationError) {
        while true {
            try await bell.wait()
            bell.close()
            try await look()
        }
    }

    private func lookWhileAway() async throws(CancellationError) {
        while true {
            try await away.wait()
            try await time.sleep(for: Limits.gamesLookInterval)
            ring()
        }
    }

    /// The kernel says when the table of mounts changes; without that there are the other looks.
    private func followMounts() async throws(CancellationError) {
        guard let mounts = try? Files.openRead(atPath: "/proc/self/mountinfo") else { return }
        let readiness = Readiness(mounts, on: loop, reading: Epoll.urgent)
        while true {
            try await readiness.readable()
            ring()
        }
    }

    // MARK: - Looking

    /// Looks whether the directory is still what it was; returns when all that follows from it is done.
    package func look() async throws(CancellationError) {
        try await enter()
        defer { leave() }
        var reason: String?
        if let games = current {
            switch await disk.run({ games.presence }) {
            case .there: return
            case .turned: break
            case .gone(let clause): reason = clause
            }
            // Before anything else: from now on nobody writes there.
            games.leave()
            shared.withLock { $0.games = nil }
        }
        await takeBack(reason)
    }

    /// Uses what stands at the path, if it is the right one.
    private func takeBack(_ reason: String?) async {
        let wasAway = standing.reason != nil
        do throws(StorageError) {
            let games = try await opened(path)
            await recover(games)
            do throws(DatabaseError) {
                try await remember(memory.using(games))
            } catch {
                log.error(
                    "The games directory is used, but not remembered: \(error.sentence)",
                    kind: "games_not_remembered", .path("path", path))
            }
            use(games)
            log.notice("The games directory is there.", kind: "games_available", .path("path", path))
        } catch {
            miss(reason ?? error.clause)
            // What is away already is not taken away again.
            if wasAway { return }
        }
        await ports.take(current, key)
        tell()
        await ports.changed()
    }

    private func miss(_ reason: String) {
        let isNew = standing.reason != reason
        shared.withLock {
            $0.games = nil
            $0.reason = reason
        }
        away.open()
        guard isNew else { return }
        log.warning("The games directory is away: \(reason).", kind: "games_unavailable", .path("path", path))
        tell()
    }

    func tell() { ports.degraded(failure.map { $0.sentence }) }

    // MARK: - Steps

    func opened(
        _ path: String, within roots: [String]? = nil
    ) async throws(StorageError) -> GamesDirectory {
        let (holder, newID, remembered) = (holder, Hex.encode(random.bytes(16)), memory.id(of: path))
        return try await disk.run { () throws(StorageError) in
            try GamesDirectory.open(
                path: path, newID: newID, remembered: remembered, within: roots, holder: holder)
        }
    }

    /// Before anybody else has it.
    func recover(_ games: GamesDirectory) async {
        if let reason = games.unlocked {
            log.notice(
                "The games directory has no lock, so a second daemon is not kept out of it: \(reason).",
                kind: "games_unlocked", .path("path", games.path))
        }
        if games.readOnly == nil { await ports.recover(games) }
    }

    func remember(_ next: GamesMemory) async throws(DatabaseError) {
        guard next != memory else { return }
        try await database.save(next.text, as: .gamesDirectory)
        memory = next
    }

    func use(_ games: GamesDirectory) {
        away.close()
        shared.withLock { $0 = Standing(path: games.path, games: games, reason: nil) }
    }

    /// One look or change at a time: between two steps of one nothing else happens to the directory.
    func enter() async throws(CancellationError) {
        while isBusy { try await free.wait() }
        isBusy = true
        free.close()
    }

    func leave() {
        isBusy = false
        free.open()
    }
}
