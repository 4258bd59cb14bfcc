import Crypto
import Fixture
import Linux
import Model
import PeerLink
import Quic
import Runtime
import TestKit
import Testing
import Wire

@Suite(.serialized) struct `A daemon beside a lying peer` {
    /// An honest host with the game `ggoo`, one that lacks it, and the manifest that the honest one gives.
    private struct Scene: Sendable {
        let set: FixtureSet
        let alpha: TestHost
        let charlie: TestHost
        let manifest: [UInt8]
        /// Goes with the last reference, and the fixture with it.
        private let fixture: TemporaryDirectory

        init() async throws {
            fixture = try TemporaryDirectory()
            set = try FixtureSet.write(to: fixture.path)
            alpha = try await TestHost.start(.alpha, of: set)
            charlie = try await TestHost.start(.charlie, of: set)
            #expect(await alpha.log.wait(for: "game=ggoo"), "the manifest is built")
            let game = try #require(GameID("ggoo"))
            let address = try await alpha.address()
            manifest = try await TestPeer.living { try await $0.manifest(of: game, from: address) }
        }

        /// Connects the host that lacks the game to a peer that announces `manifest`'s content and answers as told.
        func besides(
            manifest: [UInt8], chunks: @escaping @Sendable (ChunkRequest, ChunkSink) async throws(PeerRefusal) -> Void,
            _ body: @escaping @Sendable (TestPeer) async throws -> Void
        ) async throws {
            let requests = PeerRequests(
                games: { _ in (0, []) }, game: { _, _ in nil },
                manifest: { _, _, _ throws(PeerRefusal) in .manifest(manifest) },
                chunks: { _, request, sink throws(PeerRefusal) in try await chunks(request, sink) })
            let summary = try summary(Root(SHA256.hash(manifest)), set)
            try await TestPeer.living(games: [summary], requests: requests) { peer in
                try await charlie.done("connect", try await peer.address())
                try await charlie.done("wait-peers", "1")
                try await body(peer)
            }
        }

        /// The daemon still spreads a game after what was done to it.
        func stillServes() async throws {
            try await charlie.done("connect", try await alpha.address())
            let operation = try await charlie.operation("download", "ggoo", "--no-install")
            #expect(operation["state"]?.string == "finished")
            #expect(
                try files(of: "ggoo", in: set.gamesDirectory(of: .charlie))
                    == files(of: "ggoo", in: set.gamesDirectory(of: .alpha)))
        }

        private func summary(_ root: Root, _ set: FixtureSet) throws -> GameSummary {
            GameSummary(
                game: try #require(GameID("ggoo")), version: try #require(GameVersion(set.ggoo.version)),
                availability: .ready, root: root, bytes: 1, files: 1)
        }
    }

    @Test func `takes no wrong byte and names who sent them`() async throws {
        try await within(.seconds(90)) {
            let scene = try await Scene()
            let (charlie, bytes) = (scene.charlie, scene.manifest)
            let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 4)
            try await scene.besides(manifest: bytes) { request, sink throws(PeerRefusal) in
                guard let manifest = try? ManifestCodec.decode(bytes), let block = try? await pool.acquire() else {
                    throw .unknown
                }
                let count = manifest.grid.byteCount(of: request.first)
                // The right number of bytes, and all of them wrong.
                block.bytes(count).initializeMemory(as: UInt8.self, repeating: 0xa5)
                try? await sink.accept(totalBytes: UInt64(count))
                try? await sink.send(block, count: count, last: true)
            } _: { liar in
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                // Which comes first is chance: no source has sound bytes, or the only one was struck three times.
                #expect(outcome.status == 13 || outcome.status == 11, "\(outcome)")
                let line = try #require(await charlie.log.line(with: "fail their digest"))
                #expect(line.contains("peer=\(liar.identity.peer.hex)"))
                let got = try files(of: "ggoo", in: scene.set.gamesDirectory(of: .charlie))
                #expect(got.values.allSatisfy { bytes in !bytes.contains(0xa5) }, "an unverified byte landed")
                try await scene.stillServes()
            }
        }
    }

    @Test func `does not call a source that breaks off a liar`() async throws {
        try await within(.seconds(60)) {
            let scene = try await Scene()
            let charlie = scene.charlie
            let asked = Trace<(chunk: Int, at: Instant)>()
            try await scene.besides(manifest: scene.manifest) { request, sink throws(PeerRefusal) in
                asked.record((request.first, MonotonicTime().now))
                sink.cancel()
            } _: { _ in
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                #expect(outcome.status == 11, "\(outcome)")
                #expect(outcome.errors.contains("break off"), "\(outcome)")
                // Each time it had a moment to recover.
                let first = asked.events.filter { $0.chunk == asked.events.first?.chunk }.map(\.at)
                #expect(first.count > 1)
                for (one, next) in zip(first, first.dropFirst()) { #expect(next - one >= .milliseconds(400)) }
            }
        }
    }

    @Test func `takes from an idle source what a busy one gives back`() async throws {
        try await within(.seconds(60)) {
            let scene = try await Scene()
            let charlie = scene.charlie
            let gate = AsyncGate()
            let asked = OneShot<Void>()
            try await scene.besides(manifest: scene.manifest) { _, _ throws(PeerRefusal) in
                asked.give()
                try? await gate.wait()
                throw .busy
            } _: { _ in
                try await charlie.done("download", "ggoo", "--no-block", "--no-install")
                await asked.take()
                // Now alpha comes, and finds no chunk left to be asked for.
                try await charlie.done("connect", try await scene.alpha.address())
                while try await charlie.done("info", "ggoo")["sources"]?.int != 2 {}
                gate.open()
                var state: String?
                repeat {
                    state = try await charlie.done("operations")["operations"]?.array?.first?["state"]?.string
                } while state == "running"
                #expect(state == "finished", "\(charlie.log.text)")
            }
        }
    }

    @Test func `refuses a manifest whose path climbs`() async throws {
        try await within(.seconds(90)) {
            let scene = try await Scene()
            let charlie = scene.charlie
            var bytes = scene.manifest
            let path = Array("ggoo.eti".utf8)
            let start = try #require(bytes.indices.first { bytes[$0...].starts(with: path) })
            bytes.replaceSubrange(start..<start + path.count, with: Array("../x.eti".utf8))
            try await scene.besides(manifest: bytes) { _, _ throws(PeerRefusal) in
                throw .unknown
            } _: { liar in
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                #expect(outcome.status != 0)
                let line = try #require(await charlie.log.line(with: "it climbs or stands still with dots"))
                #expect(line.contains("peer=\(liar.identity.peer.hex)"))
            }
            try await scene.stillServes()
        }
    }

    @Test(arguments: ["brackets", "four gigabytes"])
    func `cuts off a peer that breaks the framing`(_ kind: String) async throws {
        try await within(.seconds(60)) {
            let scene = try await Scene()
            let charlie = scene.charlie
            let target = try await charlie.address()
            try await TestPeer.living { liar in
                let (connection, control) = try await liar.dial(target)
                let message =
                    kind == "brackets"
                    ? WireCodec.frame([UInt8](repeating: UInt8(ascii: "["), count: 513)) : [0xff, 0xff, 0xff, 0xff]
                try await control.write(message)
                _ = await connection.waitUntilClosed()
                let line = try #require(await charlie.log.line(with: "cut off"))
                #expect(line.contains("peer=\(liar.identity.peer.hex)"), "\(line)")
            }
            try await scene.stillServes()
        }
    }
}
