import Database
import Fixture
import Linux
import Model
import TestKit
import Testing

@Suite struct `A catalog of one's own` {
    private let place: CatalogPlace
    private let own: OwnCatalog

    init() throws {
        place = try CatalogPlace()
        own = OwnCatalog(directory: place.directory.path)
    }

    private func game(_ text: String) throws -> GameID { try #require(GameID(text)) }
    private func version(_ text: String) throws -> GameVersion { try #require(GameVersion(text)) }

    @Test func `is made empty, changed and read again, with all that was said`() throws {
        #expect(try own.standing() == .absent)
        #expect(throws: DatabaseError.cannotOpen(path: own.path, code: 2)) { try own.edit { _ in } }
        #expect(try own.edit(renews: true) { _ in }.1 == CatalogReader.load(path: own.path))
        #expect(try own.standing() == .ours)
        let (quake, one, two) = (try game("quake"), try version("1"), try version("2"))
        var facts = CatalogFacts()
        facts.title = "Quake's \"best\"\nmod"
        facts.bytes = 12_345_678_901
        facts.genre = "Shooter"
        facts.players = "2 (+ 6 CPU)"
        facts.publisher = "id"
        facts.released = "1996"
        _ = try own.edit { [facts] in $0.add(quake, one, facts) }
        let entry = try #require(try CatalogReader.load(path: own.path).catalog[quake])
        #expect(
            entry
                == CatalogEntry(
                    game: quake, title: "Quake's \"best\" mod", version: one, bytes: 12_345_678_901,
                    genres: CatalogText(english: "Shooter"), publisher: "id", released: "1996",
                    playersLimit: "2 (+ 6 CPU)"))
        // What is not said again stays.
        _ = try own.edit { $0.add(quake, two, CatalogFacts()) }
        let newer = try #require(try CatalogReader.load(path: own.path).catalog[quake])
        #expect(newer.version == two)
        #expect(newer.title == entry.title)
        #expect(newer.bytes == entry.bytes)
        #expect(try own.edit { $0.remove(quake) }.0)
        #expect(try !own.edit { $0.remove(quake) }.0)
        #expect(try CatalogReader.load(path: own.path).catalog.entries.isEmpty)
        #expect(!place.directory.exists("game.db.tmp"))
    }

    @Test func `keeps genres, readmes and withdrawn games of a file that others wrote into`() throws {
        let set = FixtureSet(directory: place.directory.path)
        try set.write(.bravo)
        _ = try own.edit(renews: true) { _ in }
        let statements = [
            "DELETE FROM games", "INSERT INTO genre VALUES (7, 'Deutsch', 'English', NULL)",
            """
            INSERT INTO games (game_id, game_version, genre_id, game_readme_de, game_master_req, game_size)
                VALUES ('a', '1', 7, 'Eins<br>Zwei', 1, '0,3'), ('b', '1', 7, NULL, 0, NULL), ('c', '1', 1, NULL, 0, 1)
            """, "INSERT INTO discarded (game_id) VALUES ('c')",
        ]
        try FixtureCatalog.change(own.path, statements: statements)
        let before = try CatalogReader.load(path: own.path)
        #expect(before.withdrawn.map(\.text) == ["c"])
        _ = try own.edit { [d = try game("d"), one = try version("1")] in $0.add(d, one, CatalogFacts()) }
        let after = try CatalogReader.load(path: own.path)
        for id in ["a", "b"] { #expect(try after.catalog[game(id)] == before.catalog[game(id)]) }
        #expect(after.catalog.entries.count == 3)
        // A game that was taken back is not offered again by a change of another one, and is by its own.
        _ = try own.edit { [c = try game("c"), one = try version("1")] in $0.add(c, one, CatalogFacts()) }
        let again = try CatalogReader.load(path: own.path)
        #expect(again.withdrawn.isEmpty)
        #expect(try again.catalog[game("c")] != nil)
    }

    @Test func `is never one that somebody else wrote`() throws {
        try FixtureCatalog.write([CatalogPlace.row()], to: place.path)
        let before = try place.directory.read("game.db")
        #expect(try own.standing() == .foreign)
        #expect(throws: DatabaseError.notOurs(path: own.path)) { try own.edit(renews: true) { _ in } }
        #expect(try place.directory.read("game.db") == before)
        #expect(try !CatalogReader.load(path: own.path).isOurs)
        try place.directory.write("game.db", [1, 2, 3])
        #expect(try own.standing() == .foreign)
    }

    @Test func `is made anew in the place of a damaged one, and only when that is asked for`() throws {
        _ = try own.edit(renews: true) { _ in }
        var bytes = try #require(try place.directory.read("game.db"))
        bytes.replaceSubrange(100..<200, with: [UInt8](repeating: 0xff, count: 100))
        try place.directory.write("game.db", bytes)
        #expect(throws: DatabaseError.self) { try own.edit { _ in } }
        #expect(try place.directory.read("game.db") == bytes)
        #expect(try own.edit(renews: true) { _ in }.1.isOurs)
    }

    @Test func `takes as many games as a catalog may have, and is then full`() throws {
        let one = try version("1")
        let games = (0..<Limits.catalogRows).compactMap { GameID("g\($0)") }
        let (isFull, reading) = try own.edit(renews: true) { draft in
            for game in games { draft.add(game, one, CatalogFacts()) }
            return draft.isFull
        }
        #expect(isFull)
        #expect(reading.catalog.entries.count == Limits.catalogRows)
    }

    @Test func `is not written in a directory that is not there`() throws {
        let lost = OwnCatalog(directory: place.directory.path + "/none")
        #expect(throws: DatabaseError.cannotOpen(path: lost.path, code: 2)) { try lost.edit(renews: true) { _ in } }
    }
}
