import Fixture
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite(.serialized) struct `The library of a running daemon` {
    /// A daemon, and a peer that hears what it has.
    private func heard(
        _ set: FixtureSet, _ body: @escaping @Sendable (TestHost, HeardLibrary) async throws -> Void
    ) async throws {
        let library = HeardLibrary()
        try await within(.seconds(120)) {
            try await TestPeer.living(heard: { library.hear($0) }) { peer in
                let host = try await TestHost.start(.bravo, of: set)
                try await host.done("connect", try await peer.address())
                try await body(host, library)
                #expect(await host.stop() == 0)
            }
        }
    }

    private func id(_ text: String) throws -> GameID { try #require(GameID(text)) }

    @Test func `settles to what is on the disk, with one delta for a change, and peers hear it`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try FixtureSet.write(to: fixture.path)
        let (ggoo, cnc4) = (try id("ggoo"), try id("cnc4"))
        try await heard(set) { host, library in
            await library.wait { $0[ggoo]?.availability == .ready && $0[cnc4]?.availability == .ready }
            var seen = library.changes.count
            func news() -> [HeardLibrary.Change] {
                defer { seen = library.changes.count }
                return Array(library.changes.dropFirst(seen))
            }

            // A file dropped into a root: it is hashed, and then it is another root.
            let before = library.changes.last?.games[ggoo]
            try FixtureFile.write(.text("More.\n"), to: "\(set.root(of: "ggoo", at: .bravo))/more.txt")
            await library.wait { $0[ggoo]?.availability == .ready && $0[ggoo]?.files == 6 }
            let dropped = news()
            #expect(dropped.map(\.touched) == [[ggoo], [ggoo]])
            #expect(dropped.map { $0.games[ggoo]?.availability } == [.hashing, .ready])
            #expect(before?.root != dropped.last?.games[ggoo]?.root)

            // A rewrite that leaves length and time as they were: the version is another one.
            let sentinel = "\(set.root(of: "ggoo", at: .bravo))/version.ini"
            try FixtureFile.rewriteUnseen(sentinel, Array("20240502\n".utf8))
            await library.wait { $0[ggoo]?.availability == .outdated }
            #expect(news().map(\.touched) == [[ggoo]])
            try FixtureFile.rewriteUnseen(sentinel, Array("20240501\n".utf8))
            await library.wait { $0[ggoo]?.availability == .ready }
            #expect(news().map(\.touched) == [[ggoo]], "nothing was hashed: the files are those of the index")

            // A root that bears another name, and its own again.
            let root = set.root(of: "cnc4", at: .bravo)
            try Files.rename(root, to: root + "-away")
            await library.wait { $0[cnc4] == nil }
            #expect(news().map(\.touched) == [[cnc4]])
            try Files.rename(root + "-away", to: root)
            await library.wait { $0[cnc4]?.availability == .ready }
            let back = news()
            #expect(back.allSatisfy { $0.touched == [cnc4] } && back.count <= 2)

            // What lies deeper is seen by a look that somebody asks for.
            try FixtureFile.write(.text("Deep.\n"), to: "\(root)/extras/deep.txt")
            let rescan = try await host.done("rescan", "cnc4")
            #expect(rescan["changed"]?.array?.map(\.string) == ["cnc4"])
            await library.wait { $0[cnc4]?.availability == .ready && $0[cnc4]?.files == 6 }
            #expect(news().allSatisfy { $0.touched == [cnc4] })
            #expect(try await host.done("rescan")["changed"]?.array?.isEmpty == true)
            #expect(news().isEmpty)
        }
    }

    @Test func `takes a copy with more files beside it for the game that a peer has`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try FixtureSet.write(to: fixture.path)
        try await within(.seconds(60)) {
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            while try await alpha.done("info", "ggoo")["availability"]?.string != "ready" {
                try Task.checkCancellation()
            }
            let root = try await alpha.done("info", "ggoo")["root"]?.string
            try await charlie.connect(to: alpha)
            while try await charlie.done("info", "ggoo")["sources"]?.int != 1 { try Task.checkCancellation() }
            // In one step: copied by hand, with what an older version left.
            try set.ggoo.write(to: "\(fixture.path)/aside")
            try FixtureFile.write(.text("Old.\n"), to: "\(fixture.path)/aside/patch.dat")
            try Files.rename("\(fixture.path)/aside", to: set.root(of: "ggoo", at: .charlie))
            while try await charlie.done("info", "ggoo")["availability"]?.string != "ready" {
                try Task.checkCancellation()
            }
            #expect(root != nil)
            #expect(try await charlie.done("info", "ggoo")["root"]?.string == root)
            #expect(await charlie.stop() == 0)
            #expect(await alpha.stop() == 0)
        }
    }

    @Test func `settles when a thousand roots are touched at once, and tells each change once`() async throws {
        let fixture = try TemporaryDirectory()
        let set = FixtureSet(directory: fixture.path)
        let games = (0..<1_000).map { "game\($0)" }
        for game in games {
            let root = set.root(of: game, at: .bravo)
            try FixtureFile.makeDirectories(root)
            try FixtureFile.write(.text("20240101\n"), to: "\(root)/version.ini")
        }
        try FixtureCatalog.write(
            games.map { FixtureCatalogRow($0, title: "Title of \($0)", version: "20240601") },
            to: set.catalog(of: .bravo))
        try await heard(set) { host, library in
            await library.wait { $0.count == 1_000 }
            let seen = library.changes.count
            for game in games {
                try FixtureFile.write(.text("20240102\n"), to: "\(set.root(of: game, at: .bravo))/version.ini")
            }
            await library.wait { $0.count == 1_000 && $0.values.allSatisfy { $0.version.text == "20240102" } }
            let changes = library.changes.dropFirst(seen)
            var times: [GameID: Int] = [:]
            for change in changes { for game in change.touched { times[game, default: 0] += 1 } }
            #expect(times.count == 1_000)
            #expect(times.values.allSatisfy { $0 == 1 })
            // Together, not a message for each.
            #expect(changes.count <= 100, "\(changes.count)")
            // A touch that changes nothing tells nothing.
            let revision = library.changes.last?.revision
            for game in games {
                try Files.rename(
                    "\(set.root(of: game, at: .bravo))/version.ini", to: "\(set.root(of: game, at: .bravo))/v")
                try Files.rename(
                    "\(set.root(of: game, at: .bravo))/v", to: "\(set.root(of: game, at: .bravo))/version.ini")
            }
            #expect(try await host.done("rescan")["changed"]?.array?.isEmpty == true)
            #expect(library.changes.last?.revision == revision)
        }
    }

    /// Of a user namespace the limit can be chosen without changing that of the machine; below a changed root the
    /// kernel gives none.
    private static func canLimitWatches() async throws -> Bool {
        let limit = ["-Ur", "sh", "-c", "echo 1 > /proc/sys/user/max_inotify_watches"]
        return try await TestHost.run("/usr/bin/unshare", limit, in: try TemporaryDirectory()).status == 0
    }

    @Test(.enabled("needs a user namespace") { try await canLimitWatches() })
    func `is looked at now and then where the kernel watches too little, and says what to type`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try FixtureSet.write(to: fixture.path)
        try await within(.seconds(60)) {
            let script = "echo 1 > /proc/sys/user/max_inotify_watches && exec \"$@\""
            let host = try await TestHost.start(
                name: "bravo", games: set.gamesDirectory(of: .bravo), catalog: set.catalog(of: .bravo),
                through: ["/usr/bin/unshare", "-Ur", "sh", "-c", script, "sh"])
            while true {
                let degraded = try await host.done("status")["degraded"]?.array ?? []
                guard let monitor = degraded.first(where: { $0["component"]?.string == "LocalMonitor" }) else {
                    try Task.checkCancellation()
                    continue
                }
                #expect(monitor["reason"]?.string?.contains("sysctl fs.inotify.max_user_watches=") == true)
                break
            }
            try FixtureFile.write(.text("More.\n"), to: "\(set.root(of: "ggoo", at: .bravo))/more.txt")
            try await host.done("rescan")
            #expect(try await host.done("info", "ggoo")["files"]?.int == 6)
            #expect(await host.stop() == 0)
        }
    }

    @Test func `is whole again after a time with too many files open`() async throws {
        let fixture = try TemporaryDirectory()
        let set = try FixtureSet.write(to: fixture.path)
        let cnc4 = try id("cnc4")
        try await heard(set) { host, library in
            await library.wait { $0[cnc4]?.availability == .ready }
            func limit(_ files: String) async throws {
                let outcome = try await TestHost.run(
                    "/usr/bin/prlimit", ["--pid", "\(host.process.pid)", "--nofile=\(files):"], in: host.directory)
                guard outcome.status == 0 else { throw TestFailure("prlimit: \(outcome.errors)") }
            }
            try await limit("3")
            try FixtureFile.write(.text("19990101\n"), to: "\(set.root(of: "cnc4", at: .bravo))/version.ini")
            #expect(await host.log.wait(for: "Too many open files"))
            try await limit("1024")
            // Looked at again by itself, long before the next scan.
            await library.wait { $0[cnc4]?.availability == .outdated }
        }
    }
}
