package import Model
package import Runtime

/// Counts the chunks this host is serving, so that a game is never changed under a reader.
///
/// An operation that changes a game's root files closes the game first: new transfers are refused, the running ones are
/// cancelled, and the closer waits until none is left. A peer that is refused or cut goes to another source.
package actor TransferRegistry {
    private var ledger: TransferLedger
    private var cancels: [TransferID: @Sendable () -> Void] = [:]
    private var drains: [AsyncStream<Void>.Continuation] = []
    private var meter = TransferMeter()
    private var pace = CountPace(pause: Limits.transferCountPause)
    /// Told the number of running transfers when it has changed, some times a second at most; never waits.
    private let counted: @Sendable (Int) -> Void
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation
    private let time: any TimeSource

    package init(limit: Int, time: any TimeSource = MonotonicTime(), counted: @escaping @Sendable (Int) -> Void) {
        ledger = TransferLedger(limit: limit)
        self.time = time
        self.counted = counted
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Tells the count; when told to stop, cancels every transfer, so that no receiver holds up the daemon.
    package func run(up: @Sendable () -> Void) async throws {
        ledger.start()
        up()
        for await _ in changes {
            while !Task.isCancelled, let step = pace.step(ledger.count, now: time.now) {
                switch step {
                case .tell(let count): counted(count)
                // Cut short only when the registry is told to stop.
                case .wait(let instant): try? await time.sleep(until: instant)
                }
            }
        }
        for id in ledger.stop() { cancels[id]?() }
    }

    // MARK: - Serving

    /// Runs `body` as one counted transfer of `content`; `cancel` ends it at once, even when its receiver stalls.
    ///
    /// The body runs where the caller runs, not on this actor: a slow peer must not hold up the count.
    package nonisolated func serving<Value>(
        _ content: ServedContent,
        to peer: PeerID,
        cancel: @escaping @Sendable () -> Void,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let id = try await begin(content, peer, cancel: cancel)
        do {
            let value = try await body()
            await end(id)
            return value
        } catch {
            await end(id)
            throw error
        }
    }

    package func transfers() -> [TransferSnapshot] { ledger.snapshots }

    // MARK: - Counting bytes

    /// A transfer is eligible and begins to send.
    func began(_ content: ServedContent, to peer: PeerID) { meter.begin(content, peer, now: time.now) }

    func sent(_ bytes: Int, of content: ServedContent, to peer: PeerID) {
        meter.count(UInt64(bytes), content, peer, now: time.now)
    }

    /// What each peer is sent, also between two of its requests.
    package func rows() -> [OutboundRow] { meter.rows(running: ledger.snapshots, now: time.now) }

    private func begin(
        _ content: ServedContent, _ peer: PeerID, cancel: @escaping @Sendable () -> Void
    ) throws(TransferError) -> TransferID {
        let id = try ledger.admit(content, peer: peer)
        cancels[id] = cancel
        change.yield()
        return id
    }

    private func end(_ id: TransferID) {
        cancels[id] = nil
        ledger.finish(id)
        change.yield()
        for drain in drains { drain.finish() }
        drains.removeAll()
    }

    // MARK: - Closing a game

    /// Refuses new transfers of the game, cancels the running ones and waits until they have ended.
    ///
    /// All its roots together, whichever the index names now: they are read from the same files. One closer a game at a
    /// time; its operation's claim sees to that.
    ///
    /// - Throws: `CancellationError`, with the game open again.
    package func close(_ game: GameID) async throws(CancellationError) {
        for id in ledger.close(game) { cancels[id]?() }
        // Another game may have been the one that ended, so the question is asked again after every wait.
        while ledger.isServing(game) {
            let (ended, drain) = AsyncStream.makeStream(of: Void.self)
            drains.append(drain)
            for await _ in ended {}
            if Task.isCancelled {
                ledger.open(game)
                throw CancellationError()
            }
        }
    }

    package func open(_ game: GameID) {
        ledger.open(game)
    }

    /// Runs `work`, a writer of the game's root files, with the game closed; opens it again on every path.
    package nonisolated func closing<Failure: Error>(
        _ game: GameID, cancelled: Failure, _ work: () async throws(Failure) -> Void
    ) async throws(Failure) {
        do {
            try await close(game)
        } catch {
            throw cancelled
        }
        do {
            try await work()
        } catch {
            await open(game)
            throw error
        }
        await open(game)
    }
}
