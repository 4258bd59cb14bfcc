import Content
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

    @Test func `has one answer for whoever asks, hashed or ready`() async throws {
        let shelf = try await Shelf(.alpha)
        let (game, other) = (try shelf.id("ggoo"), try shelf.id("cnc4"))
        guard case .hashing(done: 0, total: _)? = await shelf.library.standing(of: game) else {
            Issue.record("it waits for its turn")
            return
        }
        try await shelf.build()
        guard case .built(let manifest)? = await shelf.library.standing(of: game) else {
            Issue.record("it is ready")
            return
        }
        #expect(try await shelf.entry("ggoo").root == manifest.root)
        if await shelf.library.standing(of: other) != nil { Issue.record("it is not here") }
    }

    @Test(arguments: [false, true])
    func `says at every moment that a game is hashed, also when its files change`(isLate: Bool) async throws {
        let (works, add) = AsyncStream.makeStream(of: (@Sendable () -> Void).self, bufferingPolicy: .unbounded)
        let shelf = try await Shelf(.alpha, disk: DiskPool { add.yield($0) }, isOpen: false)
        let games = try shelf.games()
        let game = try shelf.id("ggoo")
        try await within {
            try await withThrowingTaskGroup { group in
                group.addTask {
                    await shelf.library.open(games, catalog: shelf.catalog)
                    try? await shelf.library.buildManifests()
                }
                group.addTask {
                    await shelf.until { await $0.entry(of: game)?.availability == .ready }
                    add.finish()
                }
                var (hasBegun, hasWritten, gaps) = (false, false, 0)
                // Nothing goes on while one of them is held: each is a moment at which a peer may ask.
                for await work in works {
                    let hashing = await shelf.library.hashing(game)
                    if hasBegun, hashing == nil, await shelf.library.entry(of: game)?.root == nil { gaps += 1 }
                    if let hashing {
                        hasBegun = true
                        if !hasWritten, !isLate || hashing.done > 0 {
                            hasWritten = true
                            try shelf.write("ggoo/zz", "It is still being copied.\n")
                        }
                    }
                    work()
                }
                #expect(gaps == 0)
                #expect(hasWritten)
                #expect(try await shelf.entry("ggoo").files == 6)
                group.cancelAll()
            }
        }
    }
}
