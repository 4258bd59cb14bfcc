import Fixture
import Glibc
import Linux
import Model
import TestKit
import Testing

@Suite(.serialized) struct `The games directory of a running daemon` {
    private func degraded(_ host: TestHost) async throws -> [String] {
        (try await host.done("status")["degraded"]?.array ?? []).filter { $0["component"]?.string == "Library" }
            .map { "\($0["reason"]?.string ?? "") \($0["hint"]?.string ?? "")" }
    }

    private func availability(_ host: TestHost, _ game: String) async throws -> String? {
        try await host.done("info", game)["availability"]?.string
    }

    /// Waits until a look finds nothing to wait for any more.
    private func settled(_ host: TestHost, _ game: String, _ want: String?) async throws {
        while try await availability(host, game) != want { try Task.checkCancellation() }
    }

    private func write(_ fixture: TemporaryDirectory) throws -> FixtureSet {
        let set = FixtureSet(directory: fixture.path)
        try set.write(.bravo)
        return set
    }

    @Test func `may go and come back, and nobody starts anything again`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try write(fixture)
        let library = HeardLibrary()
        let ggoo = try #require(GameID("ggoo"))
        try await within(.seconds(60)) {
            try await TestPeer.living(heard: { library.hear($0) }) { peer in
                let host = try await TestHost.start(.bravo, of: set)
                try await host.done("connect", try await peer.address())
                await library.wait { $0[ggoo]?.availability == .ready }
                let games = set.gamesDirectory(of: .bravo)
                try Files.rename(games, to: games + ".away")
                #expect(await host.log.wait(for: "The games directory is away"))
                await library.wait { $0.isEmpty }
                #expect(try await degraded(host).first?.contains("lanspreadctl games-dir") == true)
                #expect(try await availability(host, "ggoo") == "unavailable")
                for verb in ["rescan", "download", "install"] {
                    let refused = try await host.ctl(verb, "ggoo")
                    #expect(refused.status == 1)
                    #expect(refused.errors.contains("The games directory \(games) is away"), "\(refused.errors)")
                }
                // As an unmounted disk leaves it: nothing is written to what stands there now.
                try Files.makeDirectory(atPath: games, mode: 0o755)
                #expect(try await host.ctl("rescan").status == 1)
                #expect(try Beneath.list(try Files.openDirectory(atPath: games)).isEmpty)
                try Files.removeDirectory(atPath: games)
                try Files.rename(games + ".away", to: games)
                // Found by the look that comes now and then while it is away.
                #expect(await host.log.wait(for: "The games directory is there."))
                await library.wait { $0[ggoo]?.availability == .ready }
                #expect(try await degraded(host).isEmpty)
                #expect(host.log.text.components(of: "The manifest is built.") == 2, "nothing was hashed again")
                #expect(await host.stop() == 0)
            }
        }
    }

    @Test func `that lost its marker is not used`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try write(fixture)
        try await within(.seconds(60)) {
            let host = try await TestHost.start(.bravo, of: set)
            try await settled(host, "ggoo", "ready")
            let marker = "\(set.gamesDirectory(of: .bravo))/.lanspread_games"
            try Files.rename(marker, to: marker + ".kept")
            #expect(await host.log.wait(for: "The games directory is away"))
            try await settled(host, "ggoo", "unavailable")
            try Files.rename(marker + ".kept", to: marker)
            try await host.done("rescan")
            #expect(try await availability(host, "ggoo") == "ready")
            #expect(await host.stop() == 0)
        }
    }

    // long: one disk through all that can happen to it.
    @Test(.enabled(if: getuid() == 0, "needs root"))
    func `on a disk that is unmounted, mounted read-only and for writing again follows it`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try write(fixture)
        let (disk, games) = ("\(fixture.path)/disk", set.gamesDirectory(of: .bravo))
        @Sendable func mount(_ arguments: String...) async throws {
            let outcome = try await TestHost.run("/bin/mount", arguments, in: fixture)
            guard outcome.status == 0 else { throw TestFailure("mount \(arguments): \(outcome.errors)") }
        }
        @Sendable func unmount(_ path: String) async throws {
            let outcome = try await TestHost.run("/bin/umount", ["-l", path], in: fixture)
            guard outcome.status == 0 else { throw TestFailure("umount \(path): \(outcome.errors)") }
        }
        try Files.makeDirectory(atPath: disk, mode: 0o755)
        try await mount("-t", "tmpfs", "lanspread-test", disk)
        do {
            try await within(.seconds(60)) {
                for game in set.games(of: .bravo) { try game.write(to: "\(disk)/\(game.id)") }
                try await mount("--bind", disk, games)
                let host = try await TestHost.start(.bravo, of: set)
                try await settled(host, "ggoo", "ready")

                try await unmount(games)
                #expect(await host.log.wait(for: "The games directory is away"))
                try await settled(host, "ggoo", "unavailable")

                try await mount("--bind", disk, games)
                #expect(await host.log.wait(for: "The games directory is there."))
                try await settled(host, "ggoo", "ready")

                try await mount("-o", "remount,bind,ro", games)
                while try await degraded(host).isEmpty { try Task.checkCancellation() }
                #expect(try await degraded(host).first?.contains("remount,rw \(games)") == true)
                #expect(try await availability(host, "ggoo") == "ready", "it is still served")
                let refused = try await host.ctl("install", "ggoo")
                #expect(refused.status == 1)
                #expect(refused.errors.contains("mounted read-only"), "\(refused.errors)")

                try await mount("-o", "remount,bind,rw", games)
                while try await !degraded(host).isEmpty { try Task.checkCancellation() }
                let installed = try await host.operation("install", "ggoo")
                #expect(installed["state"]?.string == "finished", "\(installed)")
                #expect(await host.stop() == 0)
            }
        } catch {
            try? await unmount(games)
            try? await unmount(disk)
            throw error
        }
        try await unmount(games)
        try await unmount(disk)
    }

    @Test(.enabled(if: getuid() == 0, "needs root"))
    func `that was always read-only is served from, and nothing is asked of it`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try write(fixture)
        let games = set.gamesDirectory(of: .bravo)
        @Sendable func run(_ program: String, _ arguments: String...) async throws {
            let outcome = try await TestHost.run(program, arguments, in: fixture)
            guard outcome.status == 0 else { throw TestFailure("\(program) \(arguments): \(outcome.errors)") }
        }
        try await run("/bin/mount", "--bind", games, games)
        do {
            try await run("/bin/mount", "-o", "remount,bind,ro", games)
            try await within(.seconds(60)) {
                let host = try await TestHost.start(.bravo, of: set)
                try await settled(host, "ggoo", "ready")
                #expect(try await degraded(host).first?.contains("is only served from") == true)
                #expect(throws: LinuxError.self) { try Files.status(atPath: "\(games)/.lanspread_games") }
                let refused = try await host.ctl("download", "ggoo")
                #expect(refused.status == 1)
                let directory = host.directory
                #expect(await host.stop() == 0)
                // What was hashed is known again.
                let again = try await TestHost.start(
                    name: "bravo", games: games, catalog: set.catalog(of: .bravo), directory: directory)
                #expect(try await availability(again, "ggoo") == "ready")
                #expect(await again.stop() == 0)
            }
        } catch {
            try? await run("/bin/umount", "-l", games)
            throw error
        }
        try await run("/bin/umount", "-l", games)
    }

    @Test func `that goes in the middle of a download ends it, and has what has landed when it is back`() async throws {
        try await within(.seconds(90)) {
            let game = try LargeGame()
            let hosts = try await game.underWay()
            let charlie = hosts.receiver
            let games = charlie.gamesDirectory
            try Files.rename(games, to: games + ".away")
            #expect(try await charlie.waitForEnd() == "failed")
            let operation = try await charlie.done("operations")["operations"]?.array?.last
            #expect(operation?["failure"]?["kind"]?.string == "games_directory_unavailable", "\(operation ?? .null)")
            #expect(throws: LinuxError.self) { try Files.status(atPath: games) }
            #expect(throws: LinuxError.self) { try Files.status(atPath: "\(games).away/large/version.ini") }
            try Files.rename(games + ".away", to: games)
            try await charlie.done("rescan")
            let again = try await charlie.operation("download", "large", "--no-install")
            #expect(again["state"]?.string == "finished", "\(again)")
        }
    }

    @Test func `is another one when somebody chooses it, also after a restart`() async throws {
        let (fixture, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
        let set = try write(fixture)
        let (first, second) = (set.gamesDirectory(of: .bravo), "\(fixture.path)/roots/second")
        try FixtureFile.makeDirectories(second)
        try FixtureFile.makeDirectories("\(fixture.path)/outside")
        try set.cnc4.write(to: "\(second)/cnc4")
        @Sendable func start() async throws -> TestHost {
            try await TestHost.start(
                name: "bravo", games: first, catalog: set.catalog(of: .bravo),
                extra: ["--games-roots", "\(fixture.path)/roots:\(first)"], directory: directory)
        }
        try await within(.seconds(60)) {
            let host = try await start()
            try await settled(host, "ggoo", "ready")
            try await settled(host, "cnc4", "ready")
            let outside = try await host.ctl("games-dir", "\(fixture.path)/outside")
            #expect(outside.status == 77)
            #expect(outside.errors.contains("games_roots"), "\(outside.errors)")
            let missing = try await host.ctl("games-dir", "\(fixture.path)/roots/missing")
            #expect(missing.status == 1)
            // The same one under another name: told here, and nothing changes.
            try await TestHost.link(first, "\(fixture.path)/link", in: fixture)
            let same = try await host.done("games-dir", "\(fixture.path)/link/")
            #expect(same["changed"]?.bool == false)
            #expect(same["games_dir"]?.string == first)

            let chosen = try await host.done("games-dir", second)
            #expect(chosen["changed"]?.bool == true)
            #expect(try await availability(host, "ggoo") == nil)
            try await settled(host, "cnc4", "ready")
            #expect(await host.stop() == 0)

            let again = try await start()
            #expect(try await again.done("games-dir")["games_dir"]?.string == second)
            #expect(try await availability(again, "cnc4") == "ready", "nothing is hashed again")
            // Back to the first, whose index was kept.
            #expect(try await again.done("games-dir", first)["changed"]?.bool == true)
            #expect(try await availability(again, "ggoo") == "ready")
            #expect(!again.log.text.contains("The manifest is built."))
            #expect(await again.stop() == 0)
        }
    }
}

extension String {
    /// How often the text stands in it.
    func components(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: text) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}

extension TestHost {
    static func link(_ target: String, _ path: String, in directory: TemporaryDirectory) async throws {
        let outcome = try await run("/bin/ln", ["-s", target, path], in: directory)
        guard outcome.status == 0 else { throw TestFailure("ln: \(outcome.errors)") }
    }
}
