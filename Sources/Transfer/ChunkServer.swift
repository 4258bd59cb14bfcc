package import Content
package import Model
package import PeerLink
package import Runtime
import Synchronization
package import Wire

/// Answers `get_chunks`: registered first, eligibility second, then verified bytes in order.
///
/// No path from the wire is ever used, only (game, root, chunk numbers).
package struct ChunkServer: Sendable {
    /// Opens the content for reading when this host may serve it now; nil is `unknown` to the peer.
    package typealias OpenReader = @Sendable (GameID, Root) async -> ChunkReader?

    private let registry: TransferRegistry
    private let shares: ServeShares
    private let openReader: OpenReader

    package init(registry: TransferRegistry, pool: MemoryPool, openReader: @escaping OpenReader) {
        self.registry = registry
        shares = ServeShares(of: pool)
        self.openReader = openReader
    }

    package func serve(_ request: ChunkRequest, to peer: PeerID, sink: ChunkSink) async throws(PeerRefusal) {
        let content = ServedContent(game: request.game, root: request.root)
        let share = shares.share(of: peer)
        let (stopping, stop) = AsyncStream.makeStream(of: Void.self)
        let cancel: @Sendable () -> Void = {
            stop.finish()
            sink.cancel()
        }
        do {
            try await registry.serving(content, to: peer, cancel: cancel) {
                try await running(until: stopping) {
                    guard let reader = await openReader(request.game, request.root) else { throw PeerRefusal.unknown }
                    try await send(request, from: reader, within: share, to: sink, of: peer)
                }
            }
        } catch let refusal as PeerRefusal {
            throw refusal
        } catch TransferError.closed {
            throw .closed
        } catch TransferError.busy {
            throw .busy
        } catch {
            // The receiver is gone, the game was closed in the middle, or the disk failed: the stream is cut, and the
            // receiver, which trusts nothing that it has not verified, asks another source.
            sink.cancel()
        }
    }

    /// Cancels `body` when `stopping` ends. The sink's own cancel reaches only a transfer that sends; one that waits
    /// for a block may wait as long as the slowest receiver of another game takes.
    private func running(
        until stopping: AsyncStream<Void>, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in stopping {}
                throw CancellationError()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func send(
        _ request: ChunkRequest, from reader: ChunkReader, within share: MemoryShare, to sink: ChunkSink,
        of peer: PeerID
    ) async throws {
        let content = ServedContent(game: request.game, root: request.root)
        let chunks = request.first..<(request.first + request.count)
        guard request.first >= 0, request.count > 0, request.count <= Limits.chunksPerRequest,
            chunks.upperBound <= reader.grid.chunkCount
        else { throw PeerRefusal.unknown }
        // The first chunk is read before anything is promised, so that a file that vanished is a refusal.
        var ready: (block: MemoryBlock, count: Int)? = try await load(chunks.lowerBound, from: reader, within: share)
        try await sink.accept(totalBytes: chunks.reduce(UInt64(0)) { $0 + UInt64(reader.grid.byteCount(of: $1)) })
        await registry.began(content, to: peer)
        for chunk in chunks {
            // No block is held while the next one is waited for: three transfers of a peer would wait for each other.
            let piece: (block: MemoryBlock, count: Int)
            if let first = ready { piece = first } else { piece = try await load(chunk, from: reader, within: share) }
            ready = nil
            try await sink.send(piece.block, count: piece.count, last: chunk + 1 == chunks.upperBound)
            await registry.sent(piece.count, of: content, to: peer)
        }
    }

    private func load(
        _ chunk: Int, from reader: ChunkReader, within share: MemoryShare
    ) async throws -> (block: MemoryBlock, count: Int) {
        let block = try await share.acquire()
        do {
            return (block, try await reader.read(chunk, into: block))
        } catch {
            throw PeerRefusal.unknown
        }
    }
}

/// Each peer's share of the buffers. A share lives as long as one of its blocks is on its way, so that a peer does not
/// get a fresh one by asking anew.
private final class ServeShares: Sendable {
    private struct Entry {
        weak var share: MemoryShare?
    }

    private let pool: MemoryPool
    private let entries = Mutex<[PeerID: Entry]>([:])

    init(of pool: MemoryPool) { self.pool = pool }

    func share(of peer: PeerID) -> MemoryShare {
        entries.withLock { entries in
            if let share = entries[peer]?.share { return share }
            entries = entries.filter { $0.value.share != nil }
            let share = MemoryShare(of: pool, limit: Limits.serveBuffersPerPeer)
            entries[peer] = Entry(share: share)
            return share
        }
    }
}
