import Content
import Database
import Fixture
import Library
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing

@Suite struct `A game library` {
    // MARK: - States

    @Test func `shows games as hashing and then as ready, with one root on every host`() async throws {
        let bravo = try await Shelf(.bravo)
        #expect(try await bravo.entry("ggoo").availability == .hashing)
        #expect(try await bravo.entry("ggoo").root == nil)
        #expect(try await bravo.summary("ggoo")?.availability == .hashing)
        try await bravo.build()
        let ready = try await bravo.entry("ggoo")
        #expect(ready.availability == .ready)
        #expect(ready.title == "Great Game of Oogle")
        #expect(ready.files == 5)
        #expect(ready.localVersion == ready.catalogVersion)
        #expect(try await bravo.summary("ggoo")?.root == ready.root)

        let alpha = try await Shelf(.alpha)
        try await alpha.build()
        #expect(try await alpha.entry("ggoo").root == ready.root)
        #expect(try await alpha.entry("cnc4").availability == nil)
        #expect(try await alpha.summary("cnc4") == nil)
    }

    @Test func `keeps its manifests over a restart and builds only what changed`() async throws {
        let first = try await Shelf()
        try await first.build()
        let root = try await first.entry("ggoo").root
        try await first.database.close()

        try first.write("cnc4/readme.txt", "Another text.\n")
        let second = try await Shelf(in: first.directory)
        #expect(try await second.entry("ggoo").availability == .ready)
        #expect(try await second.entry("ggoo").root == root)
        #expect(try await second.entry("cnc4").availability == .hashing)
        let manifest = try #require(await second.library.manifest(try second.id("ggoo")))
        #expect(manifest.root == root)
        #expect(manifest.manifest.files.contains { $0.path.text == "extras/Handbuch Größe.txt" })
    }

    @Test func `shows another version as outdated, and to peers with that version`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        try shelf.write("ggoo/version.ini", "19991231\n")
        try await shelf.library.refresh(try shelf.id("ggoo"))
        let entry = try await shelf.entry("ggoo")
        #expect(entry.availability == .outdated)
        #expect(entry.root == nil)
        #expect(entry.localVersion?.text == "19991231")
        #expect(try await shelf.summary("ggoo")?.version.text == "19991231")
        try shelf.write("ggoo/version.ini", "no version at all\n")
        try await shelf.library.refresh(try shelf.id("ggoo"))
        #expect(try await shelf.entry("ggoo").availability == .outdated)
        #expect(try await shelf.summary("ggoo") == nil)
    }

    @Test func `sees a version of the same length written within one tick of the clock`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let path = shelf.root("ggoo") + "/version.ini"
        let before = try Files.status(atPath: path)
        try FixtureFile.rewriteUnseen(path, Array("20240502\n".utf8))
        let after = try Files.status(atPath: path)
        #expect(before == after)
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == .outdated)
        try FixtureFile.rewriteUnseen(path, Array("20240501\n".utf8))
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == .ready)
    }

    @Test func `takes no manifest of another version, though all files but version.ini are the same`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let game = try shelf.id("ggoo")
        let root = try await shelf.entry("ggoo").root
        try FixtureFile.rewriteUnseen(shelf.root("ggoo") + "/version.ini", Array("20240502\n".utf8))
        let version = try #require(GameVersion("20240502"))
        let newer = CatalogEntry(game: game, title: "G", version: version, bytes: 0)
        await shelf.library.setCatalog(Catalog(entries: [game: newer]))
        #expect(try await shelf.entry("ggoo").availability == .hashing)
        try await shelf.build()
        #expect(try await shelf.entry("ggoo").root != root)
    }

    @Test func `shows what is only installed as local only, and to peers when it knows the version`() async throws {
        let shelf = try await Shelf()
        let root = try shelf.games().root(try shelf.id("ggoo"))
        try FixtureFile.makeDirectories(shelf.root("ggoo") + "/local")
        try Files.removeFile(atPath: shelf.root("ggoo") + "/version.ini")
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == .localOnly)
        #expect(try await shelf.entry("ggoo").installed)
        #expect(try await shelf.summary("ggoo") == nil)
        let version = try #require(GameVersion("20240501"))
        try root.writeInstalledRecord(InstalledRecord(version: version, root: nil, paths: []))
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").installedVersion == version)
        #expect(try await shelf.summary("ggoo")?.availability == .localOnly)
        try Files.removeDirectoryOnly(shelf.root("ggoo") + "/local")
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == nil)
    }

    @Test func `knows its games while their directory is away, and tells peers of none`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let games = shelf.set.gamesDirectory(of: .bravo)
        try Files.rename(games, to: games + ".away")
        await #expect(throws: LibraryError.unavailable) { try await shelf.library.scan() }
        #expect(try await shelf.entry("ggoo").availability == .unavailable)
        #expect(await shelf.library.summaries().games.isEmpty)
        try Files.rename(games + ".away", to: games)
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == .ready)
    }

    @Test func `starts without its directory and remembers what was there`() async throws {
        let first = try await Shelf()
        try await first.build()
        try await first.database.close()
        let second = try await Shelf(in: first.directory, isOpen: false)
        await second.library.open(nil, key: Shelf.key, catalog: second.catalog)
        #expect(try await second.entry("ggoo").availability == .unavailable)
        #expect(await second.library.summaries().games.isEmpty)
    }

    @Test func `tells of another catalog while its directory is away`() async throws {
        let shelf = try await Shelf(isOpen: false)
        await shelf.library.open(nil, key: Shelf.key, catalog: shelf.catalog)
        let before = await shelf.library.change
        await shelf.library.setCatalog(.empty)
        #expect(await shelf.library.entries().isEmpty)
        #expect(await shelf.library.change.local == before.local + 1)
    }

    @Test func `shows only games of the catalog`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        try FixtureFile.makeDirectories(shelf.root("stranger"))
        try shelf.write("stranger/version.ini", "20240501\n")
        try await shelf.library.scan()
        #expect(await shelf.library.entries().map(\.game.text) == ["cnc4", "ggoo"])
        let revision = await shelf.library.summaries().revision
        await shelf.library.setCatalog(.empty)
        #expect(await shelf.library.summaries().games.isEmpty)
        #expect(await shelf.library.summaries().revision == revision + 1)
    }

    // MARK: - Operations

    @Test func `hides an active game from peers and keeps it for this host`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let game = try shelf.id("ggoo")
        let revision = await shelf.library.summaries().revision
        await shelf.library.setActive(game, true)
        #expect(try await shelf.summary("ggoo") == nil)
        #expect(try await shelf.summary("cnc4") != nil)
        #expect(await shelf.library.summaries().revision == revision + 1)
        #expect(try await shelf.entry("ggoo").availability == .ready)

        // A scan does not look at it, and what was noticed meanwhile is looked at afterwards.
        try shelf.write("ggoo/version.ini", "19991231\n")
        try await shelf.library.scan()
        #expect(try await shelf.entry("ggoo").availability == .ready)
        await shelf.library.setActive(game, false)
        #expect(try await shelf.entry("ggoo").availability == .outdated)
    }

    @Test func `settles a game while its operation is still active`() async throws {
        let shelf = try await Shelf()
        let game = try shelf.id("ggoo")
        await shelf.library.setActive(game, true)
        try FixtureFile.makeDirectories(shelf.root("ggoo") + "/local")
        try await shelf.library.refresh(game)
        #expect(try await shelf.entry("ggoo").installed)
        #expect(try await shelf.summary("ggoo") == nil)
        await shelf.library.setActive(game, false)
        #expect(try await shelf.summary("ggoo") != nil)
    }

    @Test func `does not hash what was verified on its way to the disk`() async throws {
        let source = try await Shelf(.alpha)
        try await source.build()
        let manifest = try #require(await source.library.manifest(try source.id("ggoo")))
        let target = try await Shelf(.bravo)
        let game = try target.id("ggoo")
        try await target.library.refresh(game, verified: manifest)
        #expect(try await target.entry("ggoo").availability == .ready)
        #expect(await target.library.hashing(game) == nil)
        #expect(try await target.database.indexEntry(of: game, in: Shelf.key)?.root == manifest.root)

        // What an older version left behind makes no other game of it, also after a restart.
        try target.write("ggoo/patch.dat", "Of the version before.\n")
        try await target.library.refresh(game, verified: manifest)
        #expect(try await target.entry("ggoo").root == manifest.root)
        try await target.library.scan()
        #expect(try await target.entry("ggoo").availability == .ready)

        // Other files than the manifest's are not taken for them.
        try target.write("ggoo/readme.txt", "Longer or shorter than before.\n")
        try await target.library.refresh(game, verified: manifest)
        #expect(try await target.entry("ggoo").availability == .hashing)
    }

    // MARK: - Hashing

    @Test func `says how far it is, and stops when the game gets a writer`() async throws {
        let shelf = try await Shelf()
        let game = try shelf.id("ggoo")
        let waiting = try #require(await shelf.library.hashing(game))
        #expect(waiting.done == 0)
        #expect(waiting.total > 9_000_000)
        #expect(await shelf.library.manifest(game) == nil)
        await shelf.library.setActive(game, true)
        #expect(await shelf.library.hashing(game) == nil)
        try await within {
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                await shelf.until { library in
                    await library.summaries().games.contains { $0.game.text == "cnc4" && $0.availability == .ready }
                }
                group.cancelAll()
            }
        }
        #expect(try await shelf.entry("ggoo").availability == .hashing)
        await shelf.library.setActive(game, false)
        try await shelf.build()
        #expect(try await shelf.entry("ggoo").availability == .ready)
    }

    @Test func `tries a game that no manifest can describe again only when its files change`() async throws {
        let shelf = try await Shelf(.alpha)
        let game = try shelf.id("ggoo")
        try shelf.write("ggoo/README.TXT", "Differs from readme.txt in case only.\n")
        try await shelf.library.scan()
        try await within {
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                while await shelf.library.hashing(game) != nil, !Task.isCancelled { await Task.yield() }
                group.cancelAll()
            }
        }
        try await shelf.library.scan()
        #expect(await shelf.library.hashing(game) == nil)
        #expect(try await shelf.entry("ggoo").availability == .hashing)
        try Files.removeFile(atPath: shelf.root("ggoo") + "/README.TXT")
        try await shelf.library.scan()
        try await shelf.build()
        #expect(try await shelf.entry("ggoo").availability == .ready)
    }

    // MARK: - Serving

    @Test func `gives a reader for exactly the content that it has`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let game = try shelf.id("ggoo")
        let root = try #require(try await shelf.entry("ggoo").root)
        let other = try #require(try await shelf.entry("cnc4").root)
        let reader = try await shelf.library.reader(game, root: root)
        let block = try await shelf.pool.acquire()
        #expect(try await reader.read(0, into: block) == Grid.chunkBytes)
        await #expect(throws: LibraryError.unknown(game)) { try await shelf.library.reader(game, root: other) }
        #expect(try await shelf.library.reader(game, root: root) === reader)
    }

    @Test func `asks version.ini on the disk before it serves`() async throws {
        let shelf = try await Shelf()
        try await shelf.build()
        let game = try shelf.id("ggoo")
        let root = try #require(try await shelf.entry("ggoo").root)
        _ = try await shelf.library.reader(game, root: root)
        try FixtureFile.rewriteUnseen(shelf.root("ggoo") + "/version.ini", Array("20240502\n".utf8))
        await #expect(throws: LibraryError.versionMismatch(game)) { try await shelf.library.reader(game, root: root) }
        #expect(try await shelf.entry("ggoo").availability == .outdated)
    }

    @Test func `serves no game whose files are not those of its index`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(time: clock)
        try await shelf.build()
        let game = try shelf.id("ggoo")
        let root = try #require(try await shelf.entry("ggoo").root)
        _ = try await shelf.library.reader(game, root: root)
        try shelf.write("ggoo/readme.txt", "Changed behind our back.\n")
        _ = try await shelf.library.reader(game, root: root)
        clock.advance(by: Limits.indexTrust)
        await #expect(throws: LibraryError.changed(game)) { try await shelf.library.reader(game, root: root) }
        #expect(try await shelf.entry("ggoo").availability == .hashing)
        await #expect(throws: LibraryError.unknown(game)) { try await shelf.library.reader(game, root: root) }
    }

    @Test func `builds again what the database lost`() async throws {
        let first = try await Shelf()
        try await first.build()
        let game = try first.id("ggoo")
        let entry = try #require(try await first.database.indexEntry(of: game, in: Shelf.key))
        try await first.database.save(
            IndexEntry(
                game: game, version: entry.version, fingerprint: entry.fingerprint, root: entry.root,
                manifest: Array("damaged".utf8)), in: Shelf.key)
        try await first.database.close()
        let second = try await Shelf(in: first.directory)
        #expect(try await second.entry("ggoo").availability == .ready)
        #expect(await second.library.manifest(game) == nil)
        #expect(try await second.entry("ggoo").availability == .hashing)
        try await second.build()
        #expect(await second.library.manifest(game)?.root == entry.root)
    }
}

extension Files {
    /// An empty directory.
    static func removeDirectoryOnly(_ path: String) throws {
        let slash = try #require(path.lastIndex(of: "/"))
        let parent = try openDirectory(atPath: String(path[..<slash]))
        try Beneath.removeDirectory(parent, Array(path[path.index(after: slash)...].utf8))
    }
}
