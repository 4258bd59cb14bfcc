package import Linux
package import Model

/// A peer that this host has been linked with, and may be again without mDNS.
package struct RememberedPeer: Sendable, Hashable {
    package let peer: PeerID
    /// As it named itself last, escaped.
    package var name: String
    /// Where it took connections when it was seen last.
    package var address: SocketAddress
    /// The operator wants nothing to do with it: never dialled, never answered, never a source.
    package var isBlocked: Bool
    /// When a link to it was last alive, in seconds since 1970. For people, and for whom to forget first.
    package var seen: Int64

    package init(peer: PeerID, name: String, address: SocketAddress, isBlocked: Bool, seen: Int64) {
        self.peer = peer
        self.name = name
        self.address = address
        self.isBlocked = isBlocked
        self.seen = seen
    }
}

/// Where remembered peers outlive the daemon. Failing is the owner's to log: a table without a memory works on.
package struct PeerMemory: Sendable {
    package var load: @Sendable () async -> [RememberedPeer]
    /// In one transaction; whether each of them is blocked is left as it was.
    package var remember: @Sendable ([RememberedPeer]) async -> Void
    package var forget: @Sendable (PeerID) async -> Void
    package var setBlocked: @Sendable (PeerID, Bool) async -> Void

    package init(
        load: @escaping @Sendable () async -> [RememberedPeer],
        remember: @escaping @Sendable ([RememberedPeer]) async -> Void,
        forget: @escaping @Sendable (PeerID) async -> Void,
        setBlocked: @escaping @Sendable (PeerID, Bool) async -> Void
    ) {
        self.load = load
        self.remember = remember
        self.forget = forget
        self.setBlocked = setBlocked
    }

    /// Remembers nothing over a restart.
    package static let none = PeerMemory(load: { [] }, remember: { _ in }, forget: { _ in }, setBlocked: { _, _ in })
}

/// The peers that are remembered, and what of them still has to be written down. All of the decision, none of the
/// waiting.
struct PeerBook {
    /// A peer that comes and goes is not written down more often than this, in seconds, unless it moved or was renamed.
    static let seenStep: Int64 = 60

    private(set) var peers: [PeerID: RememberedPeer] = [:]
    private var unsaved: Set<PeerID> = []
    private var saved: [PeerID: Int64] = [:]

    /// Puts what was written down in an earlier life under what is known already.
    mutating func load(_ old: [RememberedPeer]) {
        for peer in old where peers[peer.peer] == nil {
            peers[peer.peer] = peer
            saved[peer.peer] = peer.seen
        }
    }

    func isBlocked(_ peer: PeerID) -> Bool { peers[peer]?.isBlocked ?? false }

    /// The peer is linked at this moment.
    mutating func see(_ peer: PeerID, name: String, address: SocketAddress, seen: Int64) {
        let old = peers[peer]
        peers[peer] = RememberedPeer(
            peer: peer, name: name, address: address, isBlocked: old?.isBlocked ?? false, seen: seen)
        let isNews = old?.name != name || old?.address != address
        let isDue = saved[peer].map { seen &- $0 >= PeerBook.seenStep } ?? true
        if isNews || isDue { unsaved.insert(peer) }
        trim()
    }

    /// What is to be written down; each of it once.
    mutating func takeUnsaved() -> [RememberedPeer] {
        let rows = unsaved.compactMap { peers[$0] }.sorted { $0.peer < $1.peer }
        for row in rows { saved[row.peer] = row.seen }
        unsaved.removeAll()
        return rows
    }

    mutating func forget(_ peer: PeerID) {
        peers[peer] = nil
        unsaved.remove(peer)
        saved[peer] = nil
    }

    /// Returns whether the peer is known.
    mutating func setBlocked(_ peer: PeerID, _ isBlocked: Bool) -> Bool {
        guard peers[peer] != nil else { return false }
        peers[peer]?.isBlocked = isBlocked
        return true
    }

    /// Those seen longest ago go first; a blocked peer never does, for being forgotten would let it in again.
    private mutating func trim() {
        let free = peers.values.filter { !$0.isBlocked }
        guard free.count > Limits.peersRemembered else { return }
        let oldest = free.sorted { ($0.seen, $0.peer) < ($1.seen, $1.peer) }
        for row in oldest.prefix(free.count - Limits.peersRemembered) { forget(row.peer) }
    }
}
