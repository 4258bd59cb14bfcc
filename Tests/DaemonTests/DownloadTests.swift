import Fixture
import Linux
import Model
import TestKit
import Testing

/// The exchanged files of a game, path to bytes.
func files(of game: String, in games: String) throws -> [String: [UInt8]] {
    let root = try Files.openDirectory(atPath: "\(games)/\(game)")
    var files: [String: [UInt8]] = [:]
    func collect(_ prefix: [UInt8]) throws {
        for entry in try Beneath.list(try Beneath.openDirectory(root, prefix)) {
            let bytes = prefix.isEmpty ? entry.name : prefix + [UInt8(ascii: "/")] + entry.name
            guard let path = try? RelativePath(bytes), ReservedNames.isExchanged(path) else { continue }
            if entry.kind == .directory {
                try collect(bytes)
            } else {
                files[path.text] = try Files.readAll(try Beneath.openRead(root, bytes), limit: 1 << 31)
            }
        }
    }
    try collect([])
    return files
}

@Suite(.serialized) struct `Two daemons` {
    @Test func `spread a game and install it`() async throws {
        try await within(.seconds(120)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            let operation = try await charlie.operation("download", "ggoo")
            #expect(operation["state"]?.string == "finished", "\(operation)")
            let want = try files(of: "ggoo", in: set.gamesDirectory(of: .alpha))
            let got = try files(of: "ggoo", in: set.gamesDirectory(of: .charlie))
            #expect(want.count > 1)
            #expect(got == want)
            let root = try Beneath.openDirectory(try charlie.games(), Array("ggoo".utf8))
            #expect(try Beneath.status(root, Array("local".utf8)).kind == .directory)
            #expect(throws: LinuxError.self) { try Beneath.status(root, Array("local/.lanspread_owned".utf8)) }
            let info = try await charlie.done("info", "ggoo")
            #expect(info["installed"]?.bool == true)
            #expect(info["availability"]?.string == "ready")
            #expect(await charlie.stop() == 0)
            #expect(await alpha.stop() == 0)
            for host in [alpha, charlie] {
                #expect(!host.log.text.contains(FixtureCatalog.secretPrefix), "the log holds a game_key")
            }
        }
    }

    @Test func `share the work when both have the game`() async throws {
        try await within(.seconds(240)) {
            let fixture = try TemporaryDirectory()
            var options = FixtureOptions()
            options.largeBytes = 256 << 20
            let set = try FixtureSet.write(to: fixture.path, options: options)
            let alpha = try await TestHost.start(.alpha, of: set)
            let bravo = try await TestHost.start(.bravo, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            try await charlie.done("connect", try await bravo.address())
            try await charlie.done("wait-peers", "2", "--timeout", "20")
            // Both must vote before the start, or the first one to be hashed does all the work.
            for host in [alpha, bravo] {
                #expect(await host.log.wait(for: "game=large"), "the manifest is built")
            }
            let operation = try await charlie.operation("download", "large", "--no-install")
            #expect(operation["state"]?.string == "finished", "\(operation)")
            #expect(
                try files(of: "large", in: set.gamesDirectory(of: .charlie))
                    == files(of: "large", in: set.gamesDirectory(of: .alpha)))
            let deliveries = charlie.log.text.split(separator: "\n").filter { $0.contains("A source delivered.") }
            #expect(deliveries.count == 2, "\(deliveries)")
        }
    }

    @Test func `spread ten thousand small files`() async throws {
        try await within(.seconds(240)) {
            let fixture = try TemporaryDirectory()
            var options = FixtureOptions()
            options.manyFiles = 10_000
            options.manyHosts = [.alpha]
            let set = try FixtureSet.write(to: fixture.path, options: options)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            try await charlie.done("download", "many", "--no-install")
            let got = try files(of: "many", in: set.gamesDirectory(of: .charlie))
            #expect(got.count >= 10_000)
            #expect(try got == files(of: "many", in: set.gamesDirectory(of: .alpha)))
        }
    }
}
