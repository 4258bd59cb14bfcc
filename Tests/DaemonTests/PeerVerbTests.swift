import Fixture
import Model
import TestKit
import Testing

@Suite(.serialized) struct `The peers of a daemon` {
    @Test func `are listed when they are gone, blocked over a restart, and forgotten`() async throws {
        try await within(.seconds(90)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            let row = try #require(try await alpha.done("peer", "list")["peers"]?.array?.first)
            #expect(row["state"]?.string == "connected" && row["last_seen"]?.string?.hasSuffix("Z") == true)
            let identity = try #require(row["peer"]?.string)

            try await alpha.done("peer", "block", "charlie")
            #expect(await charlie.log.wait(for: "it has blocked this host"))
            #expect(await alpha.stop() == 0)
            let again = try await TestHost.start(
                name: "alpha", games: alpha.gamesDirectory, catalog: set.catalog(of: .alpha), directory: alpha.directory
            )
            let blocked = try #require(try await again.done("peer", "list")["peers"]?.array?.first)
            #expect(blocked["state"]?.string == "blocked" && blocked["peer"]?.string == identity)
            #expect(try await again.done("peers")["peers"]?.array?.isEmpty == true)
            let refused = try await again.ctl("connect", try await charlie.address())
            #expect(refused.status == 77 && refused.errors.contains("is blocked on this host"))
            let forget = try await again.ctl("peer", "forget", String(identity.prefix(4)))
            #expect(forget.status == 77 && forget.errors.contains("peer unblock"))

            try await again.done("peer", "unblock", identity)
            try await again.connect(to: charlie)
            #expect(await charlie.stop() == 0)
            #expect(await again.log.wait(for: "said goodbye"))
            #expect(try await again.done("peer", "list")["peers"]?.array?.first?["state"]?.string == "offline")
            try await again.done("peer", "forget", "charlie")
            #expect(try await again.done("peer", "list")["peers"]?.array?.isEmpty == true)
            #expect(try await again.ctl("peer", "block", "charlie").status == 10)
        }
    }
}
