package import Control
package import Model
import Runtime

/// Owns every operation: its claim, its task, its place in the queue and in the history. At most one per game.
///
/// The law is the order of an end: settled library entry, local snapshot, release, delta to the peers, terminal event.
/// A claim is released on every path, also when the body is cancelled or the table is told to stop. An operation that
/// the stop of the daemon cuts short has no end: it goes on in the next life, under the same number.
package actor OperationTable {
    package typealias Report = @Sendable (OperationProgress) async -> Void

    private var state: OperationState
    /// Games whose claim waits for its number; a second claim must not slip in while the database is asked.
    private var claiming: Set<GameID> = []
    /// Claims that no task holds yet.
    private var tickets: [OperationTicket] = []
    private var isUp = false
    private var isStopping = false
    /// Somebody changes what all operations stand on.
    private var isReserved = false
    /// Opened when something about the operation has changed.
    private var attention: [OperationID: AsyncGate] = [:]
    /// Ends the body that runs.
    private var interrupts: [OperationID: AsyncStream<Void>.Continuation] = [:]
    /// Were in the middle of what cannot be gone on with when the daemon ended.
    private var broken: Set<OperationID> = []
    /// Opened when the end was told. A gate and not a list: a waiter that leaves before must leave nothing behind.
    private var endings: [OperationID: AsyncGate] = [:]
    private nonisolated let arrived = AsyncGate()

    private let ports: OperationPorts
    private let time: any TimeSource
    private let log: Log

    init(ports: OperationPorts, limit: Int = Limits.operationsWorking, time: any TimeSource, log: Log) {
        self.ports = ports
        state = OperationState(limit: limit)
        self.time = time
        self.log = log
    }

    /// The life: runs operations until told to stop, then cancels and settles those that still run.
    package func run(up: @Sendable () -> Void) async throws {
        isStopping = false
        for record in await ports.recorded() where record.standing.hasEnded { state.retain(record) }
        // Before anybody can ask: the games are claimed again as they were.
        await takeUp()
        isUp = true
        up()
        await withDiscardingTaskGroup { group in
            while isUp {
                arrived.close()
                for ticket in hand() { group.addTask { await self.live(ticket) } }
                do { try await arrived.wait() } catch { (isUp, isStopping) = (false, true) }
            }
            // Also those that came last have an end, or go on in the next life.
            for ticket in hand() { group.addTask { await self.live(ticket) } }
            group.cancelAll()
        }
    }

    private func hand() -> [OperationTicket] {
        defer { tickets.removeAll() }
        return tickets
    }

    // MARK: - Beginning

    /// Claims `game` and queues the operation; answers at once with its number.
    package func begin(
        _ kind: OperationKind, _ game: GameID, _ brief: OperationBrief
    ) async throws(Failure) -> OperationID {
        if let running = state.running(game) { throw .busy(running) }
        guard isUp else { throw .stopping }
        guard !isReserved else { throw .gamesDirectoryChanges }
        guard !claiming.contains(game) else { throw .busy(game, kind) }
        guard state.activeCount + claiming.count < Limits.operationsActive else { throw .tooManyOperations }
        claiming.insert(game)
        defer { claiming.remove(game) }
        let id = try await ports.nextID()
        guard isUp else { throw .stopping }
        let snapshot = OperationSnapshot(id: id, game: game, kind: kind, brief: brief, started: ports.timestamp())
        let ticket = claim(snapshot)
        await ports.activate(game)
        await ports.record(snapshot)
        log.notice(
            "An operation began.", kind: "operation_began", .operation(id), .game(game), .field("kind", kind.rawValue))
        tellActive()
        ports.publish(.operationStarted(state[id] ?? snapshot))
        guard isUp else {
            // No task will take the claim any more.
            if let claim = ticket.take() { await finish(claim, .failed(.stopping)) }
            throw .stopping
        }
        enter(ticket)
        return id
    }

    private func claim(_ snapshot: OperationSnapshot) -> OperationTicket {
        let ticket = OperationTicket(state.claim(snapshot))
        endings[snapshot.id] = AsyncGate()
        attention[snapshot.id] = AsyncGate()
        return ticket
    }

    private func enter(_ ticket: OperationTicket) {
        tickets.append(ticket)
        arrived.open()
        startNext()
    }

    /// Goes on with what a stop or a crash left, as far as there is a catalog and a games directory to go on with. May
    /// be called at any time: whoever finds that they have come, or gone, calls it.
    package func takeUp() async {
        for left in await ports.recorded() where !left.standing.hasEnded && state[left.id] == nil {
            await takeUp(left)
        }
        startNext()
    }

    private func takeUp(_ left: OperationSnapshot) async {
        // What was suspended a moment ago is the next life's.
        guard !isStopping else { return }
        guard state.running(left.game) == nil, !claiming.contains(left.game) else {
            // Another one has taken the game, while this one could not be read.
            var ended = left
            ended.close(.failed(.interrupted(left)), at: ports.timestamp())
            state.retain(ended)
            return await ports.record(ended)
        }
        if left.kind == .install, left.phase != .queued { broken.insert(left.id) }
        let ticket = claim(left)
        await ports.activate(left.game)
        log.notice(
            "An operation goes on after a restart.", kind: "operation_resumed", .operation(left.id), .game(left.game),
            .field("kind", left.kind.rawValue), .field("state", left.standing.rawValue))
        tellActive()
        ports.publish(.operationStarted(state[left.id] ?? left))
        if isStopping, let claim = ticket.take() { return await suspend(claim, hasBegun: false) }
        enter(ticket)
    }

    /// How many may be at work from now on; those that are go on.
    package func setLimit(_ limit: Int) {
        state.limit = limit
        startNext()
    }

    private func startNext() {
        // What begins now would be found in its middle by the next life.
        guard !isStopping else { return }
        state.isHeld = ports.isHeld()
        let admitted = state.admit()
        for id in admitted {
            if let snapshot = state[id] { ports.publish(.operationProgress(snapshot)) }
            attention[id]?.open()
        }
        if !admitted.isEmpty { tellActive() }
    }

    private func tellActive() { ports.publish(.activeOperationsChanged(state.activeSnapshots)) }

    // MARK: - Living

    /// The whole way of one operation, in a task of its own that holds its claim.
    private func live(_ ticket: OperationTicket) async {
        guard let claim = ticket.take() else { return }
        let id = claim.id
        var end: OperationEnd?
        var (hasBegun, isSuspended) = (false, false)
        while end == nil, !isSuspended {
            switch state.order(id) {
            case .cancel: end = .cancelled
            case .wait:
                attention[id]?.close()
                do { try await attention[id]?.wait() } catch { isSuspended = state.order(id) != .cancel }
            case .work:
                hasBegun = true
                let returned = await work(id)
                switch state.returned(id, returned, isStopping: Task.isCancelled) {
                case .ends(let ended): end = ended
                case .parks: await park(id)
                case .suspends: isSuspended = true
                }
            }
        }
        attention[id] = nil
        if let end { await finish(claim, end) } else { await suspend(claim, hasBegun: hasBegun) }
    }

    private func work(_ id: OperationID) async -> OperationEnd {
        guard let snapshot = state[id] else { return .cancelled }
        // Recovery has finished or undone it.
        if broken.contains(id) { return .failed(.interrupted(snapshot)) }
        // From here on a restart finds it in the middle, and not in the queue.
        await ports.record(snapshot)
        let (interrupted, interrupt) = AsyncStream.makeStream(of: Void.self)
        // It was asked while its record was written.
        if state.isRecalled(id) { interrupt.finish() }
        interrupts[id] = interrupt
        defer { interrupts[id] = nil }
        return await withTaskGroup(of: OperationEnd?.self) { group in
            group.addTask { await self.ports.perform(snapshot) { await self.progress(id, $0) } }
            group.addTask {
                for await _ in interrupted {}
                return nil
            }
            // The interrupter ends first only when it was asked to; then the body is told and awaited.
            var end: OperationEnd?
            for await result in group {
                if let result { end = result }
                group.cancelAll()
            }
            return end ?? .cancelled
        }
    }

    private func park(_ id: OperationID) async {
        guard let snapshot = state[id] else { return }
        await ports.settle(snapshot.game)
        await notePause(id)
        startNext()
    }

    private func notePause(_ id: OperationID) async {
        guard let noted = state[id] else { return }
        await ports.record(noted)
        // It may have ended meanwhile.
        guard let snapshot = state[id], !snapshot.standing.hasEnded else { return }
        log.notice(
            snapshot.standing == .paused ? "An operation is paused." : "An operation goes on.",
            kind: "operation_paused", .operation(id), .game(snapshot.game),
            .field("state", snapshot.standing.rawValue))
        ports.publish(.operationProgress(snapshot))
        tellActive()
    }

    /// Its record says that it has not ended, and that is what the next start goes by.
    private func suspend(_ claim: consuming OperationClaim, hasBegun: Bool) async {
        let id = claim.id
        guard let game = state[id]?.game else { preconditionFailure("operation \(id) is not known") }
        await ports.settle(game)
        var snapshot = state.suspend(claim)
        // It may have got a place that it never took; one that was to be reported still is.
        if broken.remove(id) != nil { snapshot.phase = .installing } else if !hasBegun { snapshot.phase = .queued }
        await ports.record(snapshot)
        tellActive()
        await ports.deactivate(game)
        log.notice(
            snapshot.kind == .download || snapshot.phase == .queued
                ? "An operation is interrupted by the stop of the daemon and goes on at its next start."
                : "An operation is cut short by the stop of the daemon; what is half done is undone at its next start.",
            kind: "operation_suspended", .operation(id), .game(game), .field("kind", snapshot.kind.rawValue))
        endings.removeValue(forKey: id)?.open()
    }

    private func finish(_ claim: consuming OperationClaim, _ end: OperationEnd) async {
        let id = claim.id
        guard let game = state[id]?.game else { preconditionFailure("operation \(id) is not known") }
        await ports.settle(game)
        broken.remove(id)
        let snapshot = state.end(claim, end, at: ports.timestamp())
        log.end(of: snapshot)
        await ports.record(snapshot)
        state.release(claim)
        tellActive()
        await ports.deactivate(game)
        ports.publish(snapshot.ending)
        endings.removeValue(forKey: id)?.open()
        startNext()
    }

    private func progress(_ id: OperationID, _ progress: OperationProgress) async {
        let told = state.progress(id, progress, now: time.now)
        // Before a byte is fetched: a restart goes on with this content and no other.
        if progress.root != nil, let snapshot = state[id] { await ports.record(snapshot) }
        guard let told else { return }
        ports.publish(.operationProgress(told))
        // It may have left its place to another.
        startNext()
    }

    // MARK: - Asking

    package func snapshots() -> [OperationSnapshot] { state.snapshots }

    /// The operation that is changing the game now.
    func running(_ game: GameID) -> OperationSnapshot? { state.running(game) }

    package func snapshot(_ id: OperationID) -> OperationSnapshot? { state[id] }

    package var activeCount: Int { state.activeCount }

    /// From here on nothing begins, until `release`; false, with nothing reserved, while an operation waits or works.
    package func reserve() -> Bool {
        guard state.activeCount + claiming.count == 0, !isReserved else { return false }
        isReserved = true
        return true
    }

    package func release() { isReserved = false }

    /// Asks an operation to end; answers false when it has ended or ends already.
    package func cancel(_ id: OperationID) -> Bool {
        guard state.cancel(id) else { return false }
        interrupts[id]?.finish()
        attention[id]?.open()
        return true
    }

    /// Asks an operation to leave its place until it is resumed; what has landed stays.
    package func pause(_ id: OperationID) async throws(Failure) {
        guard let snapshot = state[id] else { return }
        switch state.pause(id) {
        case .paused: await notePause(id)
        case .stopping: interrupts[id]?.finish()
        case .cannot: throw .notPausable(snapshot)
        case .ended: throw .hasEnded(snapshot)
        }
    }

    /// Queues a paused operation again.
    package func resume(_ id: OperationID) async throws(Failure) {
        guard let snapshot = state[id] else { return }
        guard state.resume(id) else { throw snapshot.standing.hasEnded ? .hasEnded(snapshot) : .notPaused(snapshot) }
        await notePause(id)
        startNext()
    }

    /// Waits until the operation has ended, its claim is released and its end was told; returns at once when that is
    /// so, or when the caller is cancelled.
    package func wait(_ id: OperationID) async -> OperationSnapshot? {
        // Thrown in a cancelled task only, and its caller asks no more.
        if let ending = endings[id] { try? await ending.wait() }
        return state[id]
    }
}
