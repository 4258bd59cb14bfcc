package import Runtime
import Wire

/// Notices peers that fall silent: pings them, suspects them, and ends their link.
package actor Liveness {
    /// Steps of a second: the shortest of the limits is five.
    private static let step = Duration.seconds(1)

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
            try await time.sleep(for: Liveness.step)
            let heard = await table.heard()
            for action in state.tick(now: time.now, heard: heard) { await act(on: action) }
        }
    }

    private func act(on action: LivenessState.Action) async {
        switch action {
        case .ping(let peer): await table.ping(peer, nonce: random.uint64())
        case .suspect(let peer):
            log.info("A peer is silent.", .peer(peer))
            await table.setSuspect(peer, true)
        case .clear(let peer): await table.setSuspect(peer, false)
        case .gone(let peer): await table.drop(peer, code: CloseCode.silent, because: "it fell silent")
        }
    }
}
