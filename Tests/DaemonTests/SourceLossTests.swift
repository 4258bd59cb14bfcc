import Fixture
import Linux
import Model
import PeerLink
import Runtime
import TestKit
import Testing
import Wire

@Suite(.serialized) struct `A download` {
    @Test func `without a source waits for its grace and ends with 11`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let charlie = try await TestHost.start(.charlie, of: set)
            let outcome = try await charlie.ctl("download", "ggoo")
            #expect(outcome.status == 11, "\(outcome)")
            let operation = try await charlie.done("operations")["operations"]?.array?.first
            #expect(operation?["state"]?.string == "all_peers_gone")
        }
    }

    /// Two daemons, and a download from the first to the second of which some chunks have landed.
    private static func begun(
        _ body: @escaping @Sendable (_ source: TestHost, _ receiver: TestHost) async throws -> Void
    ) async throws {
        try await within(.seconds(90)) {
            let game = try LargeGame()
            let (alpha, charlie) = try await game.underWay()
            try await body(alpha, charlie)
            let root = try Files.openDirectory(atPath: "\(charlie.gamesDirectory)/large")
            #expect(throws: LinuxError.self) { try Beneath.status(root, Array("version.ini".utf8)) }
        }
    }

    @Test func `that is cancelled ends at once and leaves no sentinel`() async throws {
        try await Self.begun { alpha, charlie in
            try await charlie.done("cancel", "1")
            let (end, here, there) = (
                try await charlie.waitForEnd(), try await charlie.done("status"), try await alpha.done("status")
            )
            #expect(end == "cancelled")
            #expect(here["operations"]?.int == 0)
            #expect(there["outbound_transfers"]?.int == 0)
        }
    }

    @Test func `whose receiver stops in its middle is no trouble to the sender`() async throws {
        try await Self.begun { alpha, charlie in
            let before = alpha.log.text.count
            #expect(await charlie.stop() == 0)
            let goodbye = await alpha.log.line(with: "said goodbye")
            while try await alpha.done("status")["outbound_transfers"]?.int != 0 {}
            #expect(goodbye != nil)
            let after = alpha.log.text.dropFirst(before).split(separator: "\n").map(String.init)
            // Two seconds later it may have been dialled in vain.
            let others = after.filter { !$0.hasPrefix("PeerTable  charlie is gone: it said goodbye.") }
                .filter { !$0.hasPrefix("Discovery  ") }
            #expect(others.isEmpty, "\(others)")
        }
    }

    @Test func `whose only source dies ends after the grace, and its daemon lives`() async throws {
        try await Self.begun { alpha, charlie in
            alpha.process.kill()
            _ = await alpha.process.wait()
            // Killed, it says no goodbye: the silence of the link or the grace, whichever is longer.
            let (end, here) = (try await charlie.waitForEnd(), try await charlie.done("status"))
            #expect(end == "all_peers_gone")
            #expect(here["operations"]?.int == 0)
        }
    }

    @Test func `of a root that nobody has waits in peace and hears its cancel`() async throws {
        try await within(.seconds(40)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set, extra: ["--source-grace", "600"])
            try await charlie.connect(to: alpha)
            #expect(await alpha.log.wait(for: "game=ggoo"))
            let root = String(repeating: "0f", count: 32)
            try await charlie.done("download", "ggoo", "--root", root, "--no-block", "--no-install")
            try await charlie.done("cancel", "1")
            var state: String?
            repeat {
                state = try await charlie.done("operations")["operations"]?.array?.first?["state"]?.string
            } while state == "running"
            #expect(state == "cancelled")
            #expect(await charlie.stop() == 0)
        }
    }

    @Test func `goes on waiting when a manifest is built before the peer has said so`() async throws {
        try await within(.seconds(40)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let charlie = try await TestHost.start(.charlie, of: set, extra: ["--source-grace", "0"])
            let asked = Trace<Int>()
            var requests = PeerRequests.none
            requests.manifest = { _, _, _ throws(PeerRefusal) in
                asked.record(1)
                return asked.events.count > 1 ? .manifest([]) : .hashing(done: 1, total: 2)
            }
            let summary = GameSummary(
                game: try #require(GameID("ggoo")), version: try #require(GameVersion(set.ggoo.version)),
                availability: .hashing, root: nil, bytes: 1, files: 1)
            let (games, replies) = ([summary], requests)
            try await TestPeer.living(games: games, requests: replies) { peer in
                try await charlie.done("connect", try await peer.address())
                while try await charlie.done("info", "ggoo")["peers"]?.int != 1 {}
                try await charlie.done("download", "ggoo", "--no-block", "--no-install")
                await asked.wait(count: 3)
            }
        }
    }

    /// A download that some chunks have landed of, its daemon ended by `end`, and a second daemon in its place.
    private static func overRestart(
        _ end: @escaping @Sendable (TestHost) async throws -> Void,
        _ body: @escaping @Sendable (_ source: TestHost, _ again: TestHost) async throws -> Void
    ) async throws {
        try await within(.seconds(120)) {
            let (game, directory) = (try LargeGame(), try TemporaryDirectory())
            let alpha = try await game.source()
            let first = try await game.start(.charlie, directory: directory)
            try await first.connect(to: alpha)
            try await first.beginLarge()
            try await first.waitForChunks()
            try await end(first)
            let root = try Files.openDirectory(atPath: "\(first.gamesDirectory)/large")
            #expect(throws: LinuxError.self) { try Beneath.status(root, Array("version.ini".utf8)) }
            let again = try await game.start(
                .charlie, extra: ["--peer", try await alpha.address()], directory: directory)
            try await body(alpha, again)
            #expect(
                try files(of: "large", in: again.gamesDirectory) == files(of: "large", in: alpha.gamesDirectory))
        }
    }

    /// The same number, and what had landed is not fetched again; nobody asked for it.
    private static func goesOn(_ again: TestHost) async throws {
        let state = try await again.waitForEnd()
        let operation = try await again.done("operations")["operations"]?.array?.last
        #expect(state == "finished", "\(again.log.text)")
        #expect(operation?["operation_id"]?.int == 1)
        #expect(operation?["outcome"]?.string == "downloaded, unconfirmed (1 peer)")
        #expect(again.log.text.contains("Chunks that are here already are not fetched."), "\(again.log.text)")
        let resumed = try #require(again.log.text.firstRange(of: "An operation goes on after a restart."))
        let ready = try #require(again.log.text.firstRange(of: "The daemon is ready."))
        #expect(resumed.lowerBound < ready.lowerBound)
    }

    @Test func `goes on by itself when its daemon was killed`() async throws {
        try await Self.overRestart { first in
            first.process.kill()
            _ = await first.process.wait()
        } _: { _, again in
            try await Self.goesOn(again)
        }
    }

    @Test func `goes on by itself when its daemon was stopped, and the source hears a goodbye`() async throws {
        try await Self.overRestart { first in
            #expect(await first.stop() == 0)
            #expect(first.log.text.contains("goes on at its next start"), "\(first.log.text)")
            #expect(!first.log.text.contains("An operation was cancelled."))
        } _: { alpha, again in
            #expect(await alpha.log.wait(for: "charlie is gone: it said goodbye."))
            #expect(!alpha.log.text.contains("<3>") && !alpha.log.text.contains("<4>"), "\(alpha.log.text)")
            try await Self.goesOn(again)
        }
    }

    @Test func `whose source comes back within the grace goes on by itself`() async throws {
        try await within(.seconds(120)) {
            let (game, directory) = (try LargeGame(), try TemporaryDirectory())
            let alpha = try await game.source(directory: directory)
            let address = try await alpha.address()
            let charlie = try await game.start(.charlie, extra: ["--source-grace", "60", "--peer", address])
            try await charlie.done("wait-peers", "1", "--timeout", "20")
            try await charlie.beginLarge()
            try await charlie.waitForChunks()
            alpha.process.kill()
            _ = await alpha.process.wait()
            let again = try await game.start(.alpha, extra: ["--listen", address], directory: directory)
            #expect(try await charlie.waitForEnd() == "finished", "\(charlie.log.text)\n\(again.log.text)")
            #expect(
                try files(of: "large", in: charlie.gamesDirectory) == files(of: "large", in: alpha.gamesDirectory))
        }
    }
}
