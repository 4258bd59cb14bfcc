import Linux
package import Model
import PeerLink
import Runtime
import Wire

/// Peers that are remembered, linked or not, and those that the operator blocked.
extension PeerTable {
    /// Every peer that this host remembers, those linked now among them, in the order of their identities. Blocked ones
    /// must not be dialled.
    package func remembered() -> [RememberedPeer] {
        state.book.peers.values.sorted { $0.peer < $1.peer }
    }

    /// Remembered peers that are not linked, with what they had of a game when they went.
    package func absent(having game: GameID) -> [(peer: RememberedPeer, summary: GameSummary)] {
        state.absent(having: game).compactMap { peer, summary in
            guard state.entries[peer] == nil, let remembered = state.book.peers[peer] else { return nil }
            return (remembered, summary)
        }
    }

    package func isBlocked(_ peer: PeerID) -> Bool { state.book.isBlocked(peer) }

    /// Whom no dial is for: the linked and the blocked.
    package func undialled() -> Set<PeerID> {
        Set(state.entries.keys).union(state.book.peers.values.lazy.filter(\.isBlocked).map(\.peer))
    }

    /// It will not be dialled for its old address any more. A link that is there stays, and is remembered anew when it
    /// is made again.
    package func forget(_ peer: PeerID) async {
        state.book.forget(peer)
        await ports.memory.forget(peer)
        changed()
    }

    /// Blocks a peer that is known, or lets it in again; on the disk when this returns. A blocked peer's link ends at
    /// once, and with it every transfer to it or from it.
    ///
    /// - Returns: false when no such peer is known.
    package func setBlocked(_ peer: PeerID, _ isBlocked: Bool) async -> Bool {
        if let entry = state.entries[peer], state.book.peers[peer] == nil {
            state.book.see(peer, name: entry.name, address: entry.address, seen: Machine.wallClockSeconds())
        }
        guard state.book.setBlocked(peer, isBlocked) else { return false }
        if isBlocked { drop(peer, code: CloseCode.blocked, because: "it is blocked here") }
        log.notice(isBlocked ? "A peer is blocked." : "A peer is no longer blocked.", kind: "peer_blocked", .peer(peer))
        await saveBook()
        // Its row again, since an earlier writing of it may have failed: what is not there cannot be blocked.
        if let row = remembered().first(where: { $0.peer == peer }) { await ports.memory.remember([row]) }
        await ports.memory.setBlocked(peer, isBlocked)
        changed()
        return true
    }

    // MARK: - Links

    /// A link that counts has begun.
    func see(_ link: PeerLink) async {
        guard let entry = state.entries[link.peer], entry.link == link.id else { return }
        state.book.see(link.peer, name: entry.name, address: entry.address, seen: Machine.wallClockSeconds())
        await saveBook()
    }

    /// A link ends. A peer that was forgotten meanwhile stays so.
    func noteSeen(_ link: PeerLink) {
        guard let old = state.book.peers[link.peer], state.isCurrent(link.peer, link.id) else { return }
        state.book.see(link.peer, name: old.name, address: old.address, seen: Machine.wallClockSeconds())
    }

    func saveBook() async {
        let rows = state.book.takeUnsaved()
        if !rows.isEmpty { await ports.memory.remember(rows) }
    }
}
