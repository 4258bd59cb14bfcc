package import Control
package import Model
package import Runtime

/// What the table asks of its neighbours; Node fills it.
package struct OperationPorts: Sendable {
    /// A number that was never used before.
    package let nextID: @Sendable () async throws(Failure) -> OperationID
    /// From now on the game is hidden from peers, and its last summary is kept for the local view.
    package let activate: @Sendable (GameID) async -> Void
    /// Refreshes the game's library entry while its operation is still active, and tells the local snapshot.
    package let settle: @Sendable (GameID) async -> Void
    /// The game is visible again; tells the peers.
    package let deactivate: @Sendable (GameID) async -> Void
    package let record: @Sendable (OperationSnapshot) async -> Void
    /// What the daemon's last life left unfinished, oldest first.
    package let unfinished: @Sendable () async -> [UnfinishedOperation]
    package let publish: @Sendable (NodeEvent) -> Void
    /// RFC 3339, UTC, for people only.
    package let timestamp: @Sendable () -> String
}

/// Owns every operation: its claim, its task, its place in the history. At most one per game.
///
/// The law is the order of an end: settled library entry, local snapshot, release, delta to the peers, terminal event.
/// A claim is released on every path, also when the body is cancelled or the table is told to stop. An operation that
/// the stop of the daemon cuts short has no end: it goes on in the next life, under the same number.
package actor OperationTable {
    package typealias Report = @Sendable (OperationProgress) async -> Void
    package typealias Body = @Sendable (OperationID, @escaping Report) async -> OperationEnd

    private struct Job {
        let id: OperationID
        let game: GameID
        let body: Body
    }

    private var state = OperationState()
    /// Games whose claim waits for its number; a second claim must not slip in while the database is asked.
    private var claiming: Set<GameID> = []
    private var cancels: [OperationID: AsyncStream<Void>.Continuation] = [:]
    /// Asked to end, by somebody and not by the stop of the daemon.
    private var doomed: Set<OperationID> = []
    /// Opened when the end was told. A gate and not a list: a waiter that leaves before must leave nothing behind.
    private var endings: [OperationID: AsyncGate] = [:]
    private var jobs: AsyncStream<Job>.Continuation?

    private let ports: OperationPorts
    private let time: any TimeSource
    private let log: Log

    package init(ports: OperationPorts, time: any TimeSource, log: Log) {
        self.ports = ports
        self.time = time
        self.log = log
    }

    /// The life: runs bodies until told to stop, then cancels and settles those that still run.
    package func run(up: @Sendable () -> Void) async throws {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Job.self, bufferingPolicy: .bufferingOldest(Limits.operationsActive))
        jobs = continuation
        // Before anybody can ask: the games are claimed again as they were.
        for left in await ports.unfinished() { await takeUp(left) }
        up()
        await withDiscardingTaskGroup { group in
            for await job in stream {
                group.addTask { await self.execute(job) }
            }
            // Told to stop: the group's tasks are cancelled with it and end by the same way as any other.
            group.cancelAll()
        }
        jobs = nil
    }

    // MARK: - Claim and release

    /// Claims `game` and starts `body`; answers at once with the number.
    package func begin(
        _ kind: OperationKind, _ game: GameID, _ brief: OperationBrief, body: @escaping Body
    ) async throws(Failure) -> OperationID {
        if let running = state.running(game) { throw .busy(game, running.kind.rawValue, running.id) }
        guard !claiming.contains(game) else { throw .busy(game, kind.rawValue, nil) }
        guard let jobs else { throw .stopping }
        guard state.activeCount + claiming.count < Limits.operationsActive else { throw .tooManyOperations }
        claiming.insert(game)
        defer { claiming.remove(game) }
        let id = try await ports.nextID()
        let snapshot = OperationSnapshot(
            id: id, game: game, kind: kind, brief: brief, phase: kind == .download ? .waitingForSource : .installing,
            started: ports.timestamp())
        await claim(snapshot)
        await ports.record(snapshot)
        log.notice(
            "An operation began.", kind: "operation_began", .operation(id), .game(game), .field("kind", kind.rawValue))
        tellBegin(snapshot)
        switch jobs.yield(Job(id: id, game: game, body: body)) {
        case .enqueued: return id
        default:
            await finish(id, game, .failed(.stopping))
            throw .stopping
        }
    }

    private func claim(_ snapshot: OperationSnapshot) async {
        state.claim(snapshot)
        endings[snapshot.id] = AsyncGate()
        await ports.activate(snapshot.game)
    }

    private func tellBegin(_ snapshot: OperationSnapshot) {
        ports.publish(.activeOperationsChanged(state.activeSnapshots))
        ports.publish(.operationStarted(snapshot))
    }

    /// Goes on with what a stop or a crash cut short, or tells its end.
    private func takeUp(_ left: UnfinishedOperation) async {
        let (id, game) = (left.snapshot.id, left.snapshot.game)
        // The database says so of one operation a game only, unless somebody else has written in it.
        guard state.running(game) == nil else { return }
        await claim(left.snapshot)
        if let body = left.body, case .enqueued? = jobs?.yield(Job(id: id, game: game, body: body)) {
            log.notice(
                "An operation goes on after a restart.", kind: "operation_resumed", .operation(id), .game(game),
                .field("kind", left.snapshot.kind.rawValue))
            tellBegin(left.snapshot)
        } else {
            await finish(id, game, .failed(.interrupted(left.snapshot)))
        }
    }

    private func execute(_ job: Job) async {
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        if doomed.contains(job.id) { cancel.finish() }
        cancels[job.id] = cancel
        let end = await withTaskGroup(of: OperationEnd?.self) { group in
            group.addTask { await job.body(job.id) { await self.progress(job.id, $0) } }
            group.addTask {
                for await _ in cancelled {}
                return nil
            }
            // The canceller ends first only when it was asked to; then the body is told and awaited.
            var end: OperationEnd?
            for await result in group {
                if let result { end = result }
                group.cancelAll()
            }
            return end ?? .cancelled
        }
        cancels[job.id] = nil
        // This task is cancelled only by the stop of the table; an operation that is cancelled knows it from within.
        if Task.isCancelled, case .cancelled = end, !doomed.contains(job.id) {
            await suspend(job.id, job.game)
        } else {
            await finish(job.id, job.game, end)
        }
    }

    /// Its record says that it runs, and that is what the next start goes by.
    private func suspend(_ id: OperationID, _ game: GameID) async {
        await ports.settle(game)
        let snapshot = state.suspend(id)
        await ports.record(snapshot)
        ports.publish(.activeOperationsChanged(state.activeSnapshots))
        await ports.deactivate(game)
        log.notice(
            snapshot.kind == .download
                ? "An operation is interrupted by the stop of the daemon and goes on at its next start."
                : "An operation is cut short by the stop of the daemon; what is half done is undone at its next start.",
            kind: "operation_suspended", .operation(id), .game(game), .field("kind", snapshot.kind.rawValue))
        endings.removeValue(forKey: id)?.open()
    }

    private func finish(_ id: OperationID, _ game: GameID, _ end: OperationEnd) async {
        await ports.settle(game)
        let snapshot = state.end(id, end, at: ports.timestamp())
        doomed.remove(id)
        await ports.record(snapshot)
        state.release(id)
        ports.publish(.activeOperationsChanged(state.activeSnapshots))
        await ports.deactivate(game)
        tell(snapshot)
        endings.removeValue(forKey: id)?.open()
    }

    private func tell(_ snapshot: OperationSnapshot) {
        let fields: [LogField] = [
            .operation(snapshot.id), .game(snapshot.game), .field("kind", snapshot.kind.rawValue),
        ]
        switch snapshot.standing {
        case .running, .finished:
            log.write(
                .notice, "An operation finished.", kind: "operation_finished",
                fields + [.field("outcome", snapshot.outcome ?? "done")])
            ports.publish(.operationFinished(snapshot))
        case .failed:
            log.write(.warning, snapshot.failure?.sentence ?? "An operation failed.", kind: "operation_failed", fields)
            ports.publish(.operationFailed(snapshot))
        case .cancelled:
            log.write(.notice, "An operation was cancelled.", kind: "operation_cancelled", fields)
            ports.publish(.operationFinished(snapshot))
        case .allPeersGone:
            log.write(.warning, "An operation ended because no source is left.", kind: "all_peers_gone", fields)
            ports.publish(.allPeersGone(snapshot))
        }
    }

    private func progress(_ id: OperationID, _ progress: OperationProgress) async {
        let told = state.progress(id, progress, now: time.now)
        // Before a byte is fetched: a restart goes on with this content and no other.
        if progress.root != nil, let snapshot = state[id] { await ports.record(snapshot) }
        guard let snapshot = told else { return }
        ports.publish(.operationProgress(snapshot))
    }

    // MARK: - Asking

    package func snapshots() -> [OperationSnapshot] { state.snapshots }

    package func snapshot(_ id: OperationID) -> OperationSnapshot? { state[id] }

    package var activeCount: Int { state.activeCount }

    /// Asks a running operation to end; answers false when it is not running.
    package func cancel(_ id: OperationID) -> Bool {
        guard state[id]?.standing == .running else { return false }
        doomed.insert(id)
        cancels[id]?.finish()
        return true
    }

    /// Waits until the operation has ended, its claim is released and its end was told; returns at once when that is
    /// so, or when the caller is cancelled.
    package func wait(_ id: OperationID) async -> OperationSnapshot? {
        // Thrown in a cancelled task only, and its caller asks no more.
        if let ending = endings[id] { try? await ending.wait() }
        return state[id]
    }
}
