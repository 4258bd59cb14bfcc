package import Model
import Runtime

/// Counts the chunks this host is serving, so that a game is never changed under a reader.
///
/// An operation that changes a game's root files closes its content first: new transfers are refused, the running ones
/// are cancelled, and the closer waits until none is left. A peer that is refused or cut goes to another source.
package actor TransferRegistry {
    private var ledger: TransferLedger
    private var cancels: [TransferID: @Sendable () -> Void] = [:]
    private var drains: [AsyncStream<Void>.Continuation] = []
    /// Told the number of running transfers whenever it changes; a plain function that never waits.
    private let counted: @Sendable (Int) -> Void

    package init(limit: Int, counted: @escaping @Sendable (Int) -> Void) {
        ledger = TransferLedger(limit: limit)
        self.counted = counted
    }

    /// Up at once; when told to stop, cancels every transfer, so that no receiver holds up the daemon.
    package func run(up: @Sendable () -> Void) async throws {
        up()
        let (forever, end) = AsyncStream.makeStream(of: Void.self)
        defer { end.finish() }
        for await _ in forever {}
        for id in ledger.all { cancels[id]?() }
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

    private func begin(
        _ content: ServedContent, _ peer: PeerID, cancel: @escaping @Sendable () -> Void
    ) throws(TransferError) -> TransferID {
        let id = try ledger.admit(content, peer: peer)
        cancels[id] = cancel
        counted(ledger.count)
        return id
    }

    private func end(_ id: TransferID) {
        cancels[id] = nil
        ledger.finish(id)
        counted(ledger.count)
        for drain in drains { drain.finish() }
        drains.removeAll()
    }

    // MARK: - Closing a game

    /// Refuses new transfers of `content`, cancels the running ones and waits until they have ended.
    ///
    /// - Throws: `CancellationError`, with the content open again.
    package func close(_ content: ServedContent) async throws {
        for id in ledger.close(content) { cancels[id]?() }
        // Another content may have been the one that ended, so the question is asked again after every wait.
        while ledger.isServing(content) {
            let (ended, drain) = AsyncStream.makeStream(of: Void.self)
            drains.append(drain)
            for await _ in ended {}
            if Task.isCancelled {
                ledger.open(content)
                throw CancellationError()
            }
        }
    }

    package func open(_ content: ServedContent) {
        ledger.open(content)
    }
}
