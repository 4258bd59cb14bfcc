package import Model
package import Runtime
import Synchronization
package import Wire

/// What a peer may ask of this host, filled by Node. Each closure runs in a task of that one request, which is
/// cancelled when the link goes.
package struct PeerRequests: Sendable {
    /// This host's library and its revision.
    package var games: @Sendable (PeerID) async -> (revision: UInt64, games: [GameSummary])
    package var game: @Sendable (PeerID, GameID) async -> GameSummary?
    package var manifest: @Sendable (PeerID, GameID, Root?) async throws(PeerRefusal) -> ManifestReply
    /// Answers through the sink; a refusal is thrown before `accept`, or cuts the stream after it.
    package var chunks: @Sendable (PeerID, ChunkRequest, ChunkSink) async throws(PeerRefusal) -> Void

    /// Shared by all links that serve with these ports.
    let manifestTurns = ManifestTurns()

    package init(
        games: @escaping @Sendable (PeerID) async -> (revision: UInt64, games: [GameSummary]),
        game: @escaping @Sendable (PeerID, GameID) async -> GameSummary?,
        manifest: @escaping @Sendable (PeerID, GameID, Root?) async throws(PeerRefusal) -> ManifestReply,
        chunks: @escaping @Sendable (PeerID, ChunkRequest, ChunkSink) async throws(PeerRefusal) -> Void
    ) {
        self.games = games
        self.game = game
        self.manifest = manifest
        self.chunks = chunks
    }

    /// Has nothing and serves nothing.
    package static let none = PeerRequests(
        games: { _ in (0, []) },
        game: { _, _ in nil },
        manifest: { _, _, _ throws(PeerRefusal) in throw .unknown },
        chunks: { _, _, _ throws(PeerRefusal) in throw .unknown })
}

/// How many manifests are on their way, over all links and to one peer: each is held in memory until it is sent.
final class ManifestTurns: Sendable {
    private let running = Mutex<[PeerID: Int]>([:])

    /// False: enough are being sent; else the turn has to be ended.
    func begin(_ peer: PeerID) -> Bool {
        running.withLock { running in
            guard running.values.reduce(0, +) < Limits.manifestReplies,
                running[peer, default: 0] < Limits.manifestRepliesPerPeer
            else { return false }
            running[peer, default: 0] += 1
            return true
        }
    }

    func end(_ peer: PeerID) {
        running.withLock { running in
            guard let count = running[peer] else { preconditionFailure("a manifest was sent twice") }
            running[peer] = count > 1 ? count - 1 : nil
        }
    }
}

/// The answer to `get_manifest`.
package enum ManifestReply: Sendable, Hashable {
    /// Canonical bytes; whoever asked checks them against the root.
    case manifest([UInt8])
    /// Not built yet: bytes read so far, of all.
    case hashing(done: UInt64, total: UInt64)
}

/// How a chunk server answers: `accept` once, then blocks in order.
///
/// A struct of closures, so that a chunk server can be tried without a network.
package struct ChunkSink: Sendable {
    private let onAccept: @Sendable (UInt64) async throws(LinkError) -> Void
    private let onSend: @Sendable (MemoryBlock, Int, Bool) async throws(LinkError) -> Void
    private let onCancel: @Sendable () -> Void

    package init(
        accept: @escaping @Sendable (UInt64) async throws(LinkError) -> Void,
        send: @escaping @Sendable (MemoryBlock, Int, Bool) async throws(LinkError) -> Void,
        cancel: @escaping @Sendable () -> Void
    ) {
        onAccept = accept
        onSend = send
        onCancel = cancel
    }

    /// Announces all bytes that follow; from here on there is no refusing any more.
    package func accept(totalBytes: UInt64) async throws(LinkError) { try await onAccept(totalBytes) }

    /// Returns when the block has gone into packets, or throws when the peer is gone, gave up or stalls. Nobody may
    /// write into the block afterwards: it is lent until the peer has acknowledged it.
    package func send(_ block: MemoryBlock, count: Int, last: Bool) async throws(LinkError) {
        try await onSend(block, count, last)
    }

    /// From any thread: the transfer ends at once, here and there, and a waiting `send` throws.
    package func cancel() { onCancel() }
}
