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
    private static func summary(_ root: Root, _ set: FixtureSet) throws -> GameSummary {
        GameSummary(
            game: try #require(GameID("ggoo")), version: try #require(GameVersion(set.ggoo.version)),
            availability: .ready, root: root, bytes: 1, files: 1)
    }

    /// The daemon still spreads a game after what was done to it.
    private static func stillServes(_ charlie: TestHost, _ alpha: TestHost, _ set: FixtureSet) async throws {
        try await charlie.done("connect", try await alpha.address())
        let operation = try await charlie.operation("download", "ggoo", "--no-install")
        #expect(operation["state"]?.string == "finished")
        #expect(
            try files(of: "ggoo", in: set.gamesDirectory(of: .charlie))
                == files(of: "ggoo", in: set.gamesDirectory(of: .alpha)))
    }

    @Test func `takes no wrong byte and names who sent them`() async throws {
        try await within(.seconds(90)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let game = try #require(GameID("ggoo"))
            let address = try await alpha.address()
            let bytes = try await TestPeer.living { try await $0.manifest(of: game, from: address) }
            let root = Root(SHA256.hash(bytes))
            let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 4)
            let requests = PeerRequests(
                games: { _ in [] }, game: { _, _ in nil },
                manifest: { _, _, _ throws(PeerRefusal) in .manifest(bytes) },
                chunks: { _, request, sink throws(PeerRefusal) in
                    guard let manifest = try? ManifestCodec.decode(bytes), let block = try? await pool.acquire() else {
                        throw .unknown
                    }
                    let count = manifest.grid.byteCount(of: request.first)
                    // The right number of bytes, and all of them wrong.
                    block.bytes(count).initializeMemory(as: UInt8.self, repeating: 0xa5)
                    try? await sink.accept(totalBytes: UInt64(count))
                    try? await sink.send(block, count: count, last: true)
                })
            try await TestPeer.living(games: [try Self.summary(root, set)], requests: requests) { liar in
                try await charlie.done("connect", try await liar.address())
                try await charlie.done("wait-peers", "1")
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                #expect(outcome.status == 13 || outcome.status == 11, "\(outcome)")
                #expect(await charlie.log.wait(for: "fail their digest"))
                #expect(charlie.log.text.contains(liar.identity.peer.hex), "the log names the peer")
                let got = try files(of: "ggoo", in: set.gamesDirectory(of: .charlie))
                #expect(got.values.allSatisfy { !$0.contains(0xa5) || $0.contains { $0 != 0xa5 && $0 != 0 } })
                #expect(
                    !got.values.contains { $0.starts(with: [0xa5, 0xa5, 0xa5, 0xa5]) }, "an unverified byte landed")
                try await Self.stillServes(charlie, alpha, set)
            }
        }
    }

    @Test func `does not call a source that breaks off a liar`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let game = try #require(GameID("ggoo"))
            let address = try await alpha.address()
            let bytes = try await TestPeer.living { try await $0.manifest(of: game, from: address) }
            let requests = PeerRequests(
                games: { _ in [] }, game: { _, _ in nil },
                manifest: { _, _, _ throws(PeerRefusal) in .manifest(bytes) },
                chunks: { _, _, sink throws(PeerRefusal) in sink.cancel() })
            let summary = try Self.summary(Root(SHA256.hash(bytes)), set)
            try await TestPeer.living(games: [summary], requests: requests) { peer in
                try await charlie.done("connect", try await peer.address())
                try await charlie.done("wait-peers", "1")
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                #expect(outcome.status == 11, "\(outcome)")
                #expect(outcome.errors.contains("break off"), "\(outcome)")
            }
        }
    }

    @Test func `takes from an idle source what a busy one gives back`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let game = try #require(GameID("ggoo"))
            let address = try await alpha.address()
            let bytes = try await TestPeer.living { try await $0.manifest(of: game, from: address) }
            let gate = AsyncGate()
            let asked = OneShot<Void>()
            let requests = PeerRequests(
                games: { _ in [] }, game: { _, _ in nil },
                manifest: { _, _, _ throws(PeerRefusal) in .manifest(bytes) },
                chunks: { _, _, _ throws(PeerRefusal) in
                    asked.give()
                    try? await gate.wait()
                    throw .busy
                })
            let summary = try Self.summary(Root(SHA256.hash(bytes)), set)
            try await TestPeer.living(games: [summary], requests: requests) { busy in
                try await charlie.done("connect", try await busy.address())
                try await charlie.done("wait-peers", "1")
                try await charlie.done("download", "ggoo", "--no-block", "--no-install")
                await asked.take()
                // Now alpha comes, and finds no chunk left to be asked for.
                try await charlie.done("connect", address)
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
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let game = try #require(GameID("ggoo"))
            let address = try await alpha.address()
            var bytes = try await TestPeer.living { try await $0.manifest(of: game, from: address) }
            let path = Array("ggoo.eti".utf8)
            let start = try #require(bytes.indices.first { bytes[$0...].starts(with: path) })
            bytes.replaceSubrange(start..<start + path.count, with: Array("../x.eti".utf8))
            let climbing = bytes
            let requests = PeerRequests(
                games: { _ in [] }, game: { _, _ in nil },
                manifest: { _, _, _ throws(PeerRefusal) in .manifest(climbing) },
                chunks: { _, _, _ throws(PeerRefusal) in throw .unknown })
            let summary = try Self.summary(Root(SHA256.hash(climbing)), set)
            try await TestPeer.living(games: [summary], requests: requests) { liar in
                try await charlie.done("connect", try await liar.address())
                try await charlie.done("wait-peers", "1")
                let outcome = try await charlie.ctl("download", "ggoo", "--no-install")
                #expect(outcome.status != 0)
                #expect(await charlie.log.wait(for: "it climbs or stands still with dots"))
                #expect(charlie.log.text.contains(liar.identity.peer.hex), "the log names the peer")
            }
            try await Self.stillServes(charlie, alpha, set)
        }
    }

    @Test(arguments: ["brackets", "four gigabytes"])
    func `cuts off a peer that breaks the framing`(_ kind: String) async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let target = try await charlie.address()
            try await TestPeer.living { liar in
                let (connection, control) = try await liar.dial(target)
                let message =
                    kind == "brackets"
                    ? WireCodec.frame([UInt8](repeating: UInt8(ascii: "["), count: 513)) : [0xff, 0xff, 0xff, 0xff]
                try await control.write(message)
                _ = await connection.waitUntilClosed()
                #expect(await charlie.log.wait(for: "peer=\(liar.identity.peer.hex)"), "the log names the peer")
            }
            try await Self.stillServes(charlie, alpha, set)
        }
    }
}
