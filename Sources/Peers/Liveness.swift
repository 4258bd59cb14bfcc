package import Runtime
import Wire

/// Notices peers that fall silent: pings them, suspects them, and ends their link.
///
/// It has no beat of its own: it sleeps until the next thing is due, or until the table changes. Without peers it
/// sleeps for good.
package actor Liveness {
    private let table: PeerTable
    private let time: any TimeSource
    private let random: RandomSource
    private let log: Log

    package init(table: PeerTable, time: any TimeSource, random: RandomSource, log: Log) {
        self.table = table
        self.time = time
        self.random = random
        self.log = log
    }

    /// Until it is cancelled; each run begins without suspicion.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        var state = LivenessState()
        up()
        while true {
            // Asked for before the table is looked at, so that no change falls between the two.
            let changes = await table.changes()
            let doubted = await table.takeDoubts()
            let heard = await table.heard()
            for action in state.look(now: time.now, heard: heard, doubted: doubted) { await act(on: action) }
            // Acting may have ended links, and messages have come meanwhile.
            await sleep(until: state.rest(await table.heard()), orUntil: changes)
            try Task.checkCancellation()
        }
    }

    private func sleep(until due: Instant?, orUntil changes: AsyncStream<Void>) async {
        let time = self.time
        await withTaskGroup { group in
            group.addTask { for await _ in changes { return } }
            if let due { group.addTask { try? await time.sleep(until: due) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func act(on action: LivenessState.Action) async {
        switch action {
        case .ping(let peer): await table.ping(peer, nonce: random.uint64())
        case .suspect(let peer):
            log.info("A peer is silent.", kind: "peer_silent", .peer(peer))
            await table.setSuspect(peer, true)
        case .clear(let peer): await table.setSuspect(peer, false)
        case .gone(let peer): await table.drop(peer, code: CloseCode.silent, because: "it fell silent")
        }
    }
}
