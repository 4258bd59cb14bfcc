import Fixture
import Linux
import Model
import Runtime
import TestKit
import Testing

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

    @Test func `goes on from what landed when its daemon was killed`() async throws {
        try await within(.seconds(120)) {
            let fixture = try TemporaryDirectory()
            var options = FixtureOptions()
            options.largeBytes = 512 << 20
            options.largeHosts = [.alpha]
            let set = try FixtureSet.write(to: fixture.path, options: options)
            let alpha = try await TestHost.start(.alpha, of: set)
            let directory = try TemporaryDirectory()
            let (games, catalog) = (set.gamesDirectory(of: .charlie), set.catalog(of: .charlie))
            let first = try await TestHost.start(name: "charlie", games: games, catalog: catalog, directory: directory)
            try await first.connect(to: alpha)
            #expect(await alpha.log.wait(for: "game=large"))
            try await first.done("download", "large", "--no-block", "--no-install")
            try await Self.waitForChunks(first)
            first.process.kill()
            _ = await first.process.wait()
            let root = try Files.openDirectory(atPath: "\(games)/large")
            #expect(throws: LinuxError.self) { try Beneath.status(root, Array("version.ini".utf8)) }
            let again = try await TestHost.start(name: "charlie", games: games, catalog: catalog, directory: directory)
            try await again.connect(to: alpha)
            let operation = try await again.operation("download", "large", "--no-install")
            #expect(operation["state"]?.string == "finished")
            #expect(again.log.text.contains("Chunks that are here already are not fetched."), "\(again.log.text)")
            #expect(try files(of: "large", in: games) == files(of: "large", in: set.gamesDirectory(of: .alpha)))
        }
    }

    /// Asks until some chunks have landed; the deadline is the test's own.
    private static func waitForChunks(_ host: TestHost) async throws {
        while true {
            let operation = try await host.done("operations")["operations"]?.array?.last
            if let done = operation?["bytes_done"]?.int, done > Int64(4 * Grid.chunkBytes) { return }
            guard operation?["state"]?.string == "running" else { throw TestFailure("it ended: \(host.log.text)") }
        }
    }
}
