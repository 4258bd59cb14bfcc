import Database
import Fixture
import Library
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing

@Suite struct `A library and its games directory` {
    @Test func `keeps the index of each directory apart`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let root = try await shelf.entry("ggoo").root
        let other = shelf.directory.path + "/other"
        try FixtureFile.makeDirectories(other)
        try shelf.set.cnc4.write(to: other + "/cnc4")
        let second = try GamesDirectory.open(path: other, newID: String(repeating: "b", count: 32))
        await shelf.library.setDirectory(second)
        #expect(try await shelf.entry("ggoo").availability == nil)
        #expect(try await shelf.entry("cnc4").availability == .hashing)
        try await shelf.build()
        #expect(try await shelf.entry("cnc4").availability == .ready)
        // Back again: nothing of it was forgotten, and nothing of the other is left.
        await shelf.library.setDirectory(try shelf.games())
        #expect(try await shelf.entry("ggoo").root == root)
        #expect(try await shelf.entry("cnc4").availability == .ready)
        #expect(try await shelf.database.indexedGames(in: second.key).count == 1)
    }

    @Test func `hashes what it could not while the directory was away`() async throws {
        let shelf = try await Shelf(.alpha, isOpen: false)
        let games = try shelf.games()
        await shelf.library.open(games, catalog: shelf.catalog)
        games.leave()
        // Also who is cancelled at once has begun with the first game.
        await withTaskGroup { group in
            group.addTask { try? await shelf.library.buildManifests() }
            group.cancelAll()
        }
        await shelf.library.setDirectory(nil)
        await shelf.library.setDirectory(try shelf.games())
        #expect(await shelf.library.hashing(try shelf.id("ggoo")) != nil)
        try await shelf.build()
        #expect(try await shelf.entry("ggoo").availability == .ready)
    }

    @Test func `looks at it when told, without a monitor, and says what has changed`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let (ggoo, cnc4) = (try shelf.id("ggoo"), try shelf.id("cnc4"))
        #expect(try await shelf.library.rescan(nil) == (changed: [], deferred: []))
        try shelf.write("ggoo/extras/more.txt", "Deeper than anybody watches.\n")
        #expect(try await shelf.library.rescan(cnc4) == (changed: [], deferred: []))
        #expect(try await shelf.library.rescan(ggoo) == (changed: [ggoo], deferred: []))
        await shelf.library.setActive(cnc4, true)
        try shelf.write("cnc4/version.ini", "19990101\n")
        #expect(try await shelf.library.rescan(nil) == (changed: [], deferred: [cnc4]))
        #expect(try await shelf.library.rescan(cnc4) == (changed: [], deferred: [cnc4]))
        await shelf.library.setActive(cnc4, false)
        #expect(try await shelf.entry("cnc4").availability == .outdated)
        await shelf.library.setDirectory(nil)
        await #expect(throws: LibraryError.unavailable) { try await shelf.library.rescan(nil) }
        await #expect(throws: LibraryError.unavailable) { try await shelf.library.rescan(ggoo) }
    }

    @Test func `tells many changes that come together as one`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(time: clock)
        let revision = await shelf.library.summaries().revision
        for game in ["ggoo", "cnc4"] { try shelf.write("\(game)/version.ini", "19990101\n") }
        await shelf.library.noticed([try shelf.id("cnc4"), try shelf.id("ggoo")])
        #expect(await shelf.library.summaries().revision == revision + 1)
        await shelf.library.noticed([try shelf.id("cnc4"), try shelf.id("ggoo")])
        #expect(await shelf.library.summaries().revision == revision + 1)
    }

    @Test func `has 200 games of known manifests ready at once, and hashes none of them`() async throws {
        let directory = try TemporaryDirectory()
        let set = FixtureSet(directory: directory.path)
        let games = (0..<200).map { "game\($0)" }
        for game in games {
            let root = set.root(of: game, at: .bravo)
            try FixtureFile.makeDirectories(root)
            try FixtureFile.write(.text("20240601\n"), to: "\(root)/version.ini")
            try FixtureFile.write(.text("The package of \(game).\n"), to: "\(root)/\(game).eti")
        }
        try FixtureCatalog.write(
            games.map { FixtureCatalogRow($0, title: "Title of \($0)", version: "20240601") },
            to: set.catalog(of: .bravo))
        let first = try await Shelf(in: directory)
        try await within(.seconds(60)) { try await first.build() }
        try await first.database.close()
        // Whoever opens one of these files waits for ever: only `version.ini` is read.
        let leases = try games.map { try Lease("\(set.root(of: $0, at: .bravo))/\($0).eti") }
        let sink = TraceSink()
        let second = try await Shelf(in: directory, log: Log(component: "Library", sink: sink, level: .debug))
        #expect(await second.library.entries().count { $0.availability == .ready } == 200)
        try await within(.seconds(10)) { try await second.build() }
        #expect(sink.trace.events.isEmpty)
        withExtendedLifetime(leases) {}
    }
}
