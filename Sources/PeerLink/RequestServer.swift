import Model
import Quic
import Runtime
import Synchronization
import Wire

/// The peer's requests: each inbound stream is one, read within a deadline and answered by a port.
final class RequestServer: Sendable {
    private struct State {
        var running = 0
        var fault: LinkError?
    }

    private let link: PeerLink
    private let state = Mutex(State())

    init(link: PeerLink) { self.link = link }

    /// What a request of the peer broke, if one did; the link was closed for it.
    var fault: LinkError? { state.withLock { $0.fault } }

    /// Until the connection is closed.
    func run() async -> LinkError {
        await withDiscardingTaskGroup { group in
            for await stream in link.connection.inbound {
                guard begin() else {
                    stream.reset(code: StreamCode.busy)
                    continue
                }
                group.addTask {
                    await self.serve(stream)
                    self.finish()
                }
            }
            group.cancelAll()
        }
        return Task.isCancelled ? .cancelled : .lost
    }

    private func begin() -> Bool {
        state.withLock { state in
            guard state.running < Limits.requestStreamsPerPeer else { return false }
            state.running += 1
            return true
        }
    }

    private func finish() { state.withLock { $0.running -= 1 } }

    private func serve(_ stream: QuicStream) async {
        do throws(LinkError) {
            let request = try await limited(to: Limits.requestHeaderDeadline, link.time) { () throws(LinkError) in
                try await stream.request()
            }
            try await answer(request, on: stream)
        } catch {
            stream.reset(code: error.streamCode)
            guard case .malformed = error else { return }
            state.withLock { $0.fault = $0.fault ?? error }
            link.close(code: CloseCode.malformed)
        }
    }

    private func answer(_ request: RequestHeader, on stream: QuicStream) async throws(LinkError) {
        let ports = link.requests
        switch request {
        case .listGames:
            let (revision, games) = await ports.games(link.peer)
            try await put(WireCodec.encodeGames(games, revision: revision), on: stream)
        case .getGame(let game):
            let summary = await ports.game(link.peer, game)
            try await put(summary.map { WireCodec.encodeGames([$0]) } ?? WireCodec.encode(.unknown), on: stream)
        case .getManifest(let game, let root):
            guard ports.manifestTurns.begin(link.peer) else {
                return try await put(WireCodec.encode(.busy), on: stream)
            }
            defer { ports.manifestTurns.end(link.peer) }
            try await put(await manifest(game, root), on: stream)
        case .getChunks(let chunks):
            try await serve(chunks, on: stream)
        case .other:
            try await put(WireCodec.encode(.unknown), on: stream)
        }
    }

    private func manifest(_ game: GameID, _ root: Root?) async -> [UInt8] {
        do throws(PeerRefusal) {
            switch try await link.requests.manifest(link.peer, game, root) {
            case .manifest(let bytes):
                return ReplyHeader(kind: .bytes, length: UInt64(bytes.count)).encoded + bytes
            case .hashing(let done, let total):
                return WireCodec.encodeHashing(done: done, total: total)
            }
        } catch {
            return WireCodec.encode(error)
        }
    }

    private func put(_ bytes: [UInt8], on stream: QuicStream) async throws(LinkError) {
        try await moving(stream, link.time) { () throws(LinkError) in try await stream.put(bytes, end: true) }
    }

    // MARK: - Chunks

    private func serve(_ request: ChunkRequest, on stream: QuicStream) async throws(LinkError) {
        let reply = ChunkReply(stream: stream, time: link.time)
        do throws(PeerRefusal) {
            try await link.requests.chunks(link.peer, request, reply.sink)
        } catch {
            if reply.isAccepted { throw .refused(error) }
            return try await put(WireCodec.encode(error), on: stream)
        }
        // A port that returns in the middle has nothing more to give; the peer must not wait for the rest.
        if !reply.isComplete { stream.reset(code: StreamCode.failed) }
    }
}

/// One answer to `get_chunks`: counts that what is sent is what was announced.
private final class ChunkReply: Sendable {
    private struct State {
        var isAccepted = false
        var left: UInt64 = 0
        var isComplete = false
    }

    private let stream: QuicStream
    private let time: any TimeSource
    private let state = Mutex(State())

    init(stream: QuicStream, time: any TimeSource) {
        self.stream = stream
        self.time = time
    }

    var isAccepted: Bool { state.withLock { $0.isAccepted } }
    var isComplete: Bool { state.withLock { $0.isComplete } }

    var sink: ChunkSink {
        ChunkSink(
            accept: { total async throws(LinkError) in try await self.accept(total) },
            send: { block, count, last async throws(LinkError) in try await self.send(block, count, last) },
            cancel: { self.stream.reset(code: StreamCode.cancelled) })
    }

    private func accept(_ total: UInt64) async throws(LinkError) {
        state.withLock { state in
            precondition(!state.isAccepted, "a request is accepted once")
            state.isAccepted = true
            state.left = total
        }
        try await stream.put(ReplyHeader(kind: .bytes, length: total).encoded)
    }

    private func send(_ block: MemoryBlock, _ count: Int, _ last: Bool) async throws(LinkError) {
        state.withLock { state in
            precondition(state.isAccepted && UInt64(count) <= state.left, "more bytes than were announced")
            state.left -= UInt64(count)
            precondition(!last || state.left == 0, "fewer bytes than were announced")
        }
        let stream = self.stream
        try await moving(stream, time) { () throws(LinkError) in
            do throws(QuicError) {
                try await stream.write(block, count: count, end: last)
            } catch {
                throw LinkError(error)
            }
        }
        if last { state.withLock { $0.isComplete = true } }
    }
}
