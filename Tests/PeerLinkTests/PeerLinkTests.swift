import Crypto
import Linux
import Model
import Quic
import Runtime
import TestKit
import Testing
import Wire

@testable import PeerLink

@Suite(.timeLimit(.minutes(1))) struct `A link` {
    private let game = GameID("quake")
    private let root = Digest([UInt8](repeating: 7, count: 32)).map { Root($0) }

    private func request(_ count: Int = 1) throws -> ChunkRequest {
        ChunkRequest(game: try #require(game), root: try #require(root), first: 3, count: count)
    }

    @Test func `brings messages in the order in which they were sent`() async throws {
        let pair = try await LinkPair()
        for nonce in 0..<50 as Range<UInt64> { try await pair.asking.send(.ping(nonce: nonce)) }
        try await pair.serving.send(.goodbye)
        #expect(await pair.heardByBravo.wait(count: 50) == (0..<50).map { .ping(nonce: $0) })
        #expect(await pair.heardByAlpha.wait(count: 1) == [.goodbye])
        #expect(pair.asking.peer == pair.bravo.identity.peer)
        #expect(pair.serving.peer == pair.alpha.identity.peer)
        await pair.close()
    }

    @Test func `refuses a peer at its hello, and the peer learns the code`() async throws {
        let (alpha, bravo) = (try await TestHost(), try await TestHost())
        let (dialled, taken) = try await LinkPair.connect(alpha, bravo)
        let asking = try #require(PeerLink(dialled, requests: .none, time: MonotonicTime(), log: .silent))
        let serving = try #require(PeerLink(taken, requests: .none, time: MonotonicTime(), log: .silent))
        let (first, second) = (try alpha.hello(), try bravo.hello())
        async let refused: LinkError? = #expect(throws: LinkError.turnedAway(code: CloseCode.banned)) {
            try await serving.greet(second) { _ in CloseCode.banned }
        }
        await #expect(throws: LinkError.lost) { try await asking.greet(first) { _ in nil } }
        _ = await refused
        #expect(await asking.waitUntilClosed() == .connectionLost(.closedThere(code: CloseCode.banned)))
        await alpha.close()
        await bravo.close()
    }

    @Test func `sends a few manifests at once, and the others when it is no longer busy`() async throws {
        try await within(.seconds(20)) { [game] in
            let (asked, gate) = (Trace<Int>(), AsyncGate())
            let pair = try await LinkPair(
                .manifests { _, _, _ throws(PeerRefusal) in
                    asked.record(1)
                    try? await gate.wait()
                    asked.record(-1)
                    return .manifest([1, 2, 3])
                })
            let wanted = try #require(game)
            try await withThrowingTaskGroup(of: ManifestReply.self) { group in
                for _ in 0..<6 { group.addTask { try await pair.asking.manifest(wanted, root: nil) } }
                await asked.wait(count: Limits.manifestRepliesPerPeer)
                gate.open()
                for try await reply in group { #expect(reply == .manifest([1, 2, 3])) }
            }
            let most = asked.events.reduce(into: (now: 0, most: 0)) { count, step in
                count.now += step
                count.most = max(count.most, count.now)
            }
            #expect(most.most == Limits.manifestRepliesPerPeer && asked.events.count == 12)
            await pair.close()
        }
    }

    @Test func `asks for manifests, and hears of hashing and of refusals`() async throws {
        let bytes = [UInt8](repeating: 9, count: 300_000)
        let pair = try await LinkPair(
            .manifests { [root] _, game, asked throws(PeerRefusal) in
                switch game.text {
                case "quake": return .manifest(bytes)
                case "doom" where asked == root: return .hashing(done: 3, total: 9)
                default: throw .closed
                }
            })
        let doom = try #require(GameID("doom"))
        #expect(try await pair.asking.manifest(#require(game), root: nil) == .manifest(bytes))
        #expect(try await pair.asking.manifest(doom, root: root) == .hashing(done: 3, total: 9))
        await #expect(throws: LinkError.refused(.closed)) { try await pair.asking.manifest(doom, root: nil) }
        #expect(try await pair.asking.games().games == [])
        await pair.close()
    }

    @Test func `moves chunks from block to block, in order`() async throws {
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 4)
        let sizes = [Grid.chunkBytes, Grid.chunkBytes, 5]
        let pair = try await LinkPair(
            .chunks { _, request, sink throws(PeerRefusal) in
                do {
                    try await sink.accept(totalBytes: UInt64(sizes.reduce(0, +)))
                    for (index, size) in sizes.enumerated() {
                        let block = try await pool.acquire()
                        block.bytes(size).copyBytes(from: [UInt8](repeating: UInt8(request.first + index), count: size))
                        try await sink.send(block, count: size, last: index == sizes.count - 1)
                    }
                } catch {
                    throw .unknown
                }
            })
        let receiver = try await pair.asking.chunks(request(3))
        #expect(receiver.totalBytes == sizes.reduce(0, +))
        let block = try await pool.acquire()
        for (index, size) in sizes.enumerated() {
            try await receiver.next(into: block, count: size)
            #expect(block.bytes(size).allSatisfy { $0 == UInt8(3 + index) })
        }
        await #expect(throws: LinkError.malformed("a reply holds fewer bytes than the chunks that were asked for")) {
            try await receiver.next(into: block, count: 1)
        }
        await pair.close()
    }

    @Test func `tells a refusal of chunks from one that is cut in the middle`() async throws {
        let pool = MemoryPool(blockBytes: 1_024, limit: 2)
        let pair = try await LinkPair(
            .chunks { _, request, sink throws(PeerRefusal) in
                if request.count == 1 { throw .busy }
                do {
                    try await sink.accept(totalBytes: 1_024)
                    try await sink.send(pool.acquire(), count: 10, last: false)
                } catch {}
            })
        await #expect(throws: LinkError.refused(.busy)) { try await pair.asking.chunks(request(1)) }
        let receiver = try await pair.asking.chunks(request(2))
        let block = try await pool.acquire()
        await #expect(throws: LinkError.cut(code: StreamCode.failed)) {
            try await receiver.next(into: block, count: 1_024)
        }
        // The link is well.
        await #expect(throws: LinkError.refused(.busy)) { try await pair.asking.chunks(request(1)) }
        await pair.close()
    }

    @Test func `ends a transfer on both sides as soon as either gives up`() async throws {
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 20)
        let sinks = Trace<Int>()
        let cancels = Trace<ChunkSink>()
        let pair = try await LinkPair(
            .chunks { _, request, sink throws(PeerRefusal) in
                do {
                    try await sink.accept(totalBytes: UInt64(16 * Grid.chunkBytes))
                    cancels.record(sink)
                    // Far more than the windows hold, so this waits for the receiver.
                    for _ in 0..<16 { try await sink.send(pool.acquire(), count: Grid.chunkBytes, last: false) }
                } catch {
                    sinks.record(request.count)
                }
            })
        let left = try await pair.asking.chunks(request(16))
        left.cancel()
        await sinks.wait(for: 16)

        let cut = try await pair.asking.chunks(request(15 + 1))
        await cancels.wait(count: 2)
        cancels.events[1].cancel()
        let block = try await pool.acquire()
        await #expect(throws: LinkError.cut(code: StreamCode.cancelled)) {
            for _ in 0..<16 { try await cut.next(into: block, count: Grid.chunkBytes) }
        }
        await sinks.wait(count: 2)
        await pair.close()
    }

    @Test func `cuts a receiver that takes nothing for the stall window`() async throws {
        let clock = ManualClock()
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 20)
        let ends = Trace<LinkError>()
        let pair = try await LinkPair(
            .chunks { _, _, sink throws(PeerRefusal) in
                do throws(LinkError) {
                    try await sink.accept(totalBytes: UInt64(16 * Grid.chunkBytes))
                    for _ in 0..<16 {
                        guard let block = pool.tryAcquire() else { break }
                        try await sink.send(block, count: Grid.chunkBytes, last: false)
                    }
                } catch {
                    ends.record(error)
                }
            }, time: clock)
        let receiver = try await pair.asking.chunks(request(16))
        let turning = Task {
            while !Task.isCancelled {
                await clock.sleepers(1)
                clock.advance(by: Limits.stallWindow)
            }
        }
        #expect(await ends.wait(count: 1) == [.tooSlow(after: Limits.stallWindow)])
        turning.cancel()
        receiver.cancel()
        await pair.close()
    }
}
