import Model
import PeerLink
import Runtime
import TestKit
import Testing
import Wire

@testable import Transfer

@Suite struct `A chunk server` {
    @Test func `gives up a transfer that still waits when its content is closed`() async throws {
        try await within(.seconds(10)) {
            let registry = TransferRegistry(limit: 8) { _ in }
            let content = ServedContent(
                game: try #require(GameID("quake")),
                root: Root(try #require(Digest([UInt8](repeating: 1, count: 32)))))
            let peer = PeerID(try #require(Digest([UInt8](repeating: 7, count: 32))))
            let (opening, opened) = AsyncStream.makeStream(of: Void.self)
            let server = ChunkServer(registry: registry, pool: MemoryPool(blockBytes: 4_096, limit: 1)) { _, _ in
                opened.finish()
                // As long as every block is lent to slow receivers of other games.
                let (forever, end) = AsyncStream.makeStream(of: Void.self)
                defer { end.finish() }
                for await _ in forever {}
                return nil
            }
            let cuts = Trace<Bool>()
            let sink = ChunkSink(accept: { _ in }, send: { _, _, _ in }, cancel: { cuts.record(true) })
            let request = ChunkRequest(game: content.game, root: content.root, first: 0, count: 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try? await server.serve(request, to: peer, sink: sink) }
                for await _ in opening {}
                try await registry.close(content.game)
                #expect(await registry.transfers().isEmpty)
                #expect(!cuts.events.isEmpty, "the receiver is told")
                try await group.waitForAll()
            }
        }
    }
}
