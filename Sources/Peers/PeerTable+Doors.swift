package import Linux
package import Model
package import PeerLink
import Quic
import Runtime
import Wire

/// What the rest of the daemon asks of the table.
extension PeerTable {
    // MARK: - Asking

    package func snapshot() -> [PeerSnapshot] {
        state.entries.map { $0.value.snapshot(of: $0.key) }.sorted { $0.peer < $1.peer }
    }

    /// Nil when the peer is not linked.
    package func link(_ peer: PeerID) -> PeerLink? {
        state.entries[peer].flatMap { handles[$0.link]?.link }
    }

    /// The peers that say they have all of this version, with the root that each of them has. Suspects stay in it: they
    /// come last, and a transfer tells soon enough.
    package func sources(_ game: GameID, version: GameVersion) -> [PeerSource] {
        let sorted = state.entries.sorted { left, right in
            (left.value.isSuspect ? 1 : 0, left.key) < (right.value.isSuspect ? 1 : 0, right.key)
        }
        return sorted.compactMap { peer, entry in
            guard let summary = entry.mirror.games[game], summary.version == version, summary.availability == .ready,
                let root = summary.root, let link = handles[entry.link]?.link
            else { return nil }
            return PeerSource(peer: peer, root: root, link: link)
        }
    }

    package func isLinked(_ peer: PeerID) -> Bool { state.entries[peer] != nil }

    /// Where our QUIC server listens; empty while it does not.
    package func listening() async -> [SocketAddress] { await quic.listening() }

    func revision() async -> UInt64 { await ports.library().revision }

    // MARK: - Waiting

    /// Yields after every change of the table; changes that come together are one.
    package func changes() -> AsyncStream<Void> {
        // On a quiet network nothing changes, and those who left would pile up: whoever still listens looks in vain.
        if watchers.count >= watchersKept {
            changed()
            watchersKept = max(PeerTable.watchersFew, 2 * watchers.count)
        }
        let (stream, watcher) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = nextWatcher
        nextWatcher += 1
        watchers[id] = watcher
        return stream
    }

    /// Returns once so many peers are linked.
    package func wait(forPeers count: Int) async throws(CancellationError) {
        if state.entries.count >= count { return }
        for await _ in changes() where state.entries.count >= count { return }
        throw CancellationError()
    }

    func changed() {
        // A stream whose consumer is gone says so to its next value.
        watchers = watchers.filter { _, watcher in
            if case .terminated = watcher.yield() { false } else { true }
        }
    }

    // MARK: - Telling

    /// Sends our library to every peer, soon and without waiting for any; the network's record of us follows.
    package func libraryChanged() {
        for handle in handles.values { handle.dirty.yield() }
        changed()
    }

    /// Tells every peer which chunks of a root we have while we still fetch the rest; none takes the offer back.
    package func offer(_ game: GameID, _ root: Root, chunks: [Range<Int>]) {
        let message = PeerMessage.have(Have(game: game, root: root, chunks: Array(chunks.prefix(Limits.haveRuns))))
        for handle in handles.values { handle.link.post(message) }
    }

    /// Says goodbye to every peer and closes; peers that do not take it in the deadline are closed all the same.
    package func sayGoodbye() async {
        let links = handles.values.map(\.link)
        for link in links { handles[link.id]?.reason = "this host stops" }
        let time = self.time
        await withTaskGroup(of: Bool.self) { group in
            for link in links {
                group.addTask {
                    try? await link.send(.goodbye)
                    return false
                }
            }
            group.addTask {
                try? await time.sleep(for: Limits.goodbyeDeadline)
                return true
            }
            var left = links.count
            while left > 0, let isOver = await group.next(), !isOver { left -= 1 }
            for link in links { link.close(code: CloseCode.goodbye) }
            group.cancelAll()
        }
    }

    /// Bytes of this peer failed their digest, or its manifest its root.
    package func strike(_ peer: PeerID) {
        guard state.strike(peer, now: time.now) else { return }
        log.warning(
            "A peer sent wrong bytes \(Limits.strikes) times and is left alone for ten minutes.", kind: "peer_banned",
            .peer(peer))
        drop(peer, code: CloseCode.banned, because: "it sent wrong bytes")
    }

    // MARK: - For Liveness

    /// Something says that the links of these peers may lead nowhere; `Liveness` asks them at once.
    func doubt(_ peers: some Collection<PeerID>) {
        guard !peers.isEmpty else { return }
        doubts.formUnion(peers)
        changed()
    }

    /// The addresses of this host are other ones: what was sent from the old ones is answered to nobody.
    func doubtAll() { doubt(state.entries.keys) }

    func takeDoubts() -> Set<PeerID> {
        defer { doubts = [] }
        return doubts
    }

    func heard() -> [PeerID: Instant] { state.entries.mapValues(\.heard) }

    func ping(_ peer: PeerID, nonce: UInt64) { link(peer)?.post(.ping(nonce: nonce)) }

    func setSuspect(_ peer: PeerID, _ isSuspect: Bool) {
        guard let entry = state.entries[peer], entry.isSuspect != isSuspect else { return }
        _ = try? state.update(peer, entry.link) { $0.isSuspect = isSuspect }
        if let snapshot = state.entries[peer]?.snapshot(of: peer) { ports.publish(.changed(snapshot)) }
        changed()
    }

    func drop(_ peer: PeerID, code: UInt64, because reason: String) {
        guard let id = state.entries[peer]?.link else { return }
        handles[id]?.reason = reason
        handles[id]?.link.close(code: code)
    }
}
