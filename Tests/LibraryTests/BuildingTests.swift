import Fixture
import Library
import Model
import Runtime
import TestKit
import Testing

@Suite struct `A library that builds manifests` {
    /// Games of one file each, so large; the larger ones are holes.
    private func shelf(
        _ games: [(id: String, bytes: UInt64)], time: any TimeSource, ports: LibraryPorts
    ) async throws -> Shelf {
        let directory = try TemporaryDirectory()
        let set = FixtureSet(directory: directory.path)
        for game in games {
            let root = set.root(of: game.id, at: .bravo)
            try FixtureFile.makeDirectories(root)
            try FixtureFile.write(.text("20240601\n"), to: "\(root)/version.ini")
            try FixtureFile.write(.text("The package of \(game.id).\n"), to: "\(root)/\(game.id).eti")
            try FixtureFile.stretch("\(root)/\(game.id).eti", to: game.bytes)
        }
        try FixtureCatalog.write(
            games.map { FixtureCatalogRow($0.id, title: "Title of \($0.id)", version: "20240601") },
            to: set.catalog(of: .bravo))
        return try await Shelf(in: directory, time: time, ports: ports)
    }

    @Test func `tells of a small game before it hashes a large one`() async throws {
        let (hasBegun, mayGo) = (OneShot<Void>(), OneShot<Void>())
        var ports = LibraryPorts()
        ports.knownManifests = { game, _ in
            if game.text == "large" {
                hasBegun.give()
                await mayGo.take(orGive: ())
            }
            return []
        }
        // The clock stands: the last snapshot is always just told.
        let shelf = try await shelf([("a", 100), ("large", 64 << 20)], time: ManualClock(), ports: ports)
        let before = await shelf.library.summaries().revision
        try await within {
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                await hasBegun.take(orGive: ())
                #expect(await shelf.library.summaries().revision == before + 1)
                group.cancelAll()
            }
        }
    }

    @Test func `has a game that a peer asks for meanwhile told at once`() async throws {
        let (hasBegun, mayGo, isNext) = (OneShot<Void>(), OneShot<Void>(), OneShot<Void>())
        var ports = LibraryPorts()
        ports.knownManifests = { game, _ in
            if game.text == "a" {
                hasBegun.give()
                await mayGo.take(orGive: ())
            } else {
                isNext.give()
                await OneShot<Void>().take(orGive: ())
            }
            return []
        }
        let shelf = try await shelf([("a", 100), ("b", 100)], time: ManualClock(), ports: ports)
        let before = await shelf.library.summaries().revision
        try await within {
            let game = try shelf.id("a")
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                await hasBegun.take(orGive: ())
                #expect(await shelf.library.manifest(game) == nil)
                mayGo.give()
                await isNext.take(orGive: ())
                #expect(await shelf.library.summaries().revision == before + 1)
                group.cancelAll()
            }
        }
    }
}
