import Linux
import Model
import Storage
import TestKit
import Testing

@Suite struct `A games directory` {
    @Test func `gets its id once and keeps it`() throws {
        let temporary = try TemporaryDirectory()
        let first = try GamesDirectory.open(path: temporary.path, newID: Place.id)
        let other = String(repeating: "a", count: 32)
        let second = try GamesDirectory.open(path: temporary.path, newID: other, remembered: Place.id)
        #expect(first.id == Place.id)
        #expect(second.id == Place.id)
        #expect(try temporary.tree() == [".lanspread_games"])
    }

    @Test func `that lost its id is unavailable and stays as it is`() throws {
        let temporary = try TemporaryDirectory()
        #expect(storageError { try open(temporary, remembered: Place.id) } == .unavailable(path: temporary.path))
        #expect(try temporary.tree() == [])
    }

    @Test func `that is another disk is unavailable`() throws {
        let temporary = try TemporaryDirectory()
        try temporary.write(".lanspread_games", "\(String(repeating: "b", count: 32))\n".utf8)
        #expect(storageError { try open(temporary, remembered: Place.id) } == .unavailable(path: temporary.path))
    }

    @Test func `that is not there is unavailable`() throws {
        let path = try TemporaryDirectory().path + "/nowhere"
        let error = storageError { _ = try GamesDirectory.open(path: path, newID: Place.id) }
        #expect(error == .unavailable(path: path))
    }

    @Test func `with an id that makes no sense is left alone`() throws {
        let temporary = try TemporaryDirectory()
        try temporary.write(".lanspread_games", " ".utf8)
        #expect(storageError { try open(temporary) } == .unreadable(name: ".lanspread_games"))
        #expect(try temporary.read(".lanspread_games") == [0x20])
    }

    @Test func `notices that its path leads elsewhere`() throws {
        let place = try Place()
        #expect(place.games.isThere)
        try Files.rename(place.temporary.path, to: place.temporary.path + ".moved")
        defer { try? Files.rename(place.temporary.path + ".moved", to: place.temporary.path) }
        #expect(!place.games.isThere)
        #expect(storageError { _ = try place.games.games() } == .unavailable(path: place.temporary.path))
        #expect(storageError { _ = try place.games.makeRoot(place.game) } == .unavailable(path: place.temporary.path))
    }

    @Test func `lists real directories with the names of games`() throws {
        let place = try Place()
        for name in ["doom/a", "Upper/a", ".hidden/a", "bad name/a"] { try place.temporary.write(name, []) }
        try place.temporary.write("file", [])
        try Beneath.symlink(target: Array("doom".utf8), place.temporary.descriptor, Array("linked".utf8))
        #expect(try place.games.games().map(\.text) == ["doom", "quake"])
    }

    @Test func `follows no link to a game`() throws {
        let place = try Place()
        try Beneath.symlink(target: Array("quake".utf8), place.temporary.descriptor, Array("linked".utf8))
        let linked = try #require(GameID("linked"))
        #expect(storageError { _ = try place.games.root(linked) } == .noSuchGame(linked))
        #expect(storageError { _ = try place.games.makeRoot(linked) } == .noSuchGame(linked))
    }

    private func open(_ temporary: TemporaryDirectory, remembered: String? = nil) throws {
        _ = try GamesDirectory.open(path: temporary.path, newID: Place.id, remembered: remembered)
    }
}
