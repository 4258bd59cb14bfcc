package import Linux
package import Model
package import PeerLink
package import Runtime

/// What Peers needs of its neighbours, filled by Node.
package struct PeersPorts: Sendable {
    /// What peers may know of this host's games now; active games are hidden from it. The revision grows with each
    /// change and never falls while the daemon runs.
    package var library: @Sendable () async -> (revision: UInt64, games: [GameSummary])
    package var publish: @Sendable (PeersEvent) -> Void
    package var requests: PeerRequests
    package var memory: PeerMemory
    /// Is told why less works than should, and nil when all does.
    package var degraded: @Sendable (String?) -> Void

    package init(
        library: @escaping @Sendable () async -> (revision: UInt64, games: [GameSummary]),
        publish: @escaping @Sendable (PeersEvent) -> Void, requests: PeerRequests, memory: PeerMemory = .none,
        degraded: @escaping @Sendable (String?) -> Void = { _ in }
    ) {
        self.library = library
        self.publish = publish
        self.requests = requests
        self.memory = memory
        self.degraded = degraded
    }
}

/// What happens to the peers, in the order in which it happens.
package enum PeersEvent: Sendable {
    /// Hellos were exchanged; its library follows.
    case appeared(PeerSnapshot)
    /// It is suspected, or no longer.
    case changed(PeerSnapshot)
    case libraryChanged(PeerID)
    /// Chunks of a root that the peer is still filling; none takes the offer back.
    case offered(PeerID, GameID, Root, chunks: [Range<Int>])
    case vanished(PeerID, reason: String)
}

/// A copy of what we know of one peer.
package struct PeerSnapshot: Sendable, Hashable {
    package enum State: String, Sendable {
        case connected
        /// It has been silent for longer than a ping takes.
        case suspect
    }

    package let peer: PeerID
    /// Escaped: it may stand in a log or on a terminal.
    package let name: String
    /// Where it takes connections.
    package let address: SocketAddress
    package let state: State
    package let games: [GameSummary]
    /// False until the first whole library has come.
    package let hasLibrary: Bool
    package let since: Instant
    /// When its last message came.
    package let heard: Instant
}

/// A peer that says it has all of one root.
package struct PeerSource: Sendable {
    package let peer: PeerID
    package let root: Root
    package let link: PeerLink
}
