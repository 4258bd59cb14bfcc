package import Content
package import Model
package import PeerLink
package import Runtime
package import Wire

/// Answers `get_chunks`: registered first, eligibility second, then verified bytes in order.
///
/// No path from the wire is ever used, only (game, root, chunk numbers).
package struct ChunkServer: Sendable {
    /// Opens the content for reading when this host may serve it now; nil is `unknown` to the peer.
    package typealias OpenReader = @Sendable (GameID, Root) async -> ChunkReader?

    private let registry: TransferRegistry
    private let pool: MemoryPool
    private let openReader: OpenReader

    package init(registry: TransferRegistry, pool: MemoryPool, openReader: @escaping OpenReader) {
        self.registry = registry
        self.pool = pool
        self.openReader = openReader
    }

    package func serve(_ request: ChunkRequest, to peer: PeerID, sink: ChunkSink) async throws(PeerRefusal) {
        let content = ServedContent(game: request.game, root: request.root)
        let (stopping, stop) = AsyncStream.makeStream(of: Void.self)
        let cancel: @Sendable () -> Void = {
            stop.finish()
            sink.cancel()
        }
        do {
            try await registry.serving(content, to: peer, cancel: cancel) {
                try await running(until: stopping) {
                    guard let reader = await openReader(request.game, request.root) else { throw PeerRefusal.unknown }
                    try await send(request, from: reader, to: sink)
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

    private func send(_ request: ChunkRequest, from reader: ChunkReader, to sink: ChunkSink) async throws {
        let chunks = request.first..<(request.first + request.count)
        guard request.first >= 0, request.count > 0, request.count <= Limits.chunksPerRequest,
            chunks.upperBound <= reader.grid.chunkCount
        else { throw PeerRefusal.unknown }
        // The first chunk is read before anything is promised, so that a file that vanished is a refusal.
        var block = try await pool.acquire()
        var count = try await read(chunks.lowerBound, from: reader, into: block)
        try await sink.accept(totalBytes: chunks.reduce(UInt64(0)) { $0 + UInt64(reader.grid.byteCount(of: $1)) })
        for chunk in chunks {
            let isLast = chunk + 1 == chunks.upperBound
            try await sink.send(block, count: count, last: isLast)
            if isLast { break }
            block = try await pool.acquire()
            count = try await reader.read(chunk + 1, into: block)
        }
    }

    private func read(_ chunk: Int, from reader: ChunkReader, into block: MemoryBlock) async throws -> Int {
        do {
            return try await reader.read(chunk, into: block)
        } catch {
            throw PeerRefusal.unknown
        }
    }
}
