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

    private let holder = GamesHolder(process: 17, host: "alpha", stateDirectory: "/var/lib/a b")

    private func openLocked(_ temporary: TemporaryDirectory) throws -> GamesDirectory {
        try GamesDirectory.open(path: temporary.path, newID: Place.id, holder: holder)
    }

    @Test func `is held by one daemon at a time, which is named, and free when that has gone`() throws {
        let temporary = try TemporaryDirectory()
        var first: GamesDirectory? = try openLocked(temporary)
        #expect(first?.unlocked == nil)
        let error = storageError { _ = try openLocked(temporary) }
        #expect(error == .held(path: temporary.path, by: holder))
        #expect(error?.sentence.contains("process 17 on alpha, state directory /var/lib/a b") == true)
        // The one that was refused has not written over the words of the other.
        first = nil
        #expect(try openLocked(temporary).unlocked == nil)
        #expect(try temporary.tree() == [".lanspread_games", ".lanspread_lock"])
    }

    @Test func `is held without words when its lock has none`() throws {
        let temporary = try TemporaryDirectory()
        let games = try openLocked(temporary)
        try temporary.write(".lanspread_lock", "\u{1b}[31m".utf8)
        #expect(storageError { _ = try openLocked(temporary) } == .held(path: temporary.path, by: nil))
        withExtendedLifetime(games) {}
    }

    @Test func `that cannot be locked is used all the same`() throws {
        let temporary = try TemporaryDirectory()
        try Beneath.makeDirectory(temporary.descriptor, Array(".lanspread_lock".utf8))
        #expect(try openLocked(temporary).unlocked?.contains("Is a directory") == true)
    }

    @Test func `that is not the one remembered gets no lock`() throws {
        let temporary = try TemporaryDirectory()
        let error = storageError {
            _ = try GamesDirectory.open(path: temporary.path, newID: Place.id, remembered: Place.id, holder: holder)
        }
        #expect(error == .unavailable(path: temporary.path))
        #expect(try temporary.tree() == [])
    }

    @Test func `is seen when it is another one, lost its marker or went`() throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/games"
        try Files.makeDirectory(atPath: path, mode: 0o755)
        let games = try GamesDirectory.open(path: path, newID: Place.id)
        #expect(games.presence == .there)
        try temporary.write("games/.lanspread_games", "another\n".utf8)
        #expect(games.presence == .gone("its marker .lanspread_games is missing or another one"))
        #expect(storageError { _ = try games.games() } == .unavailable(path: path))
        try temporary.write("games/.lanspread_games", "\(Place.id)\n".utf8)
        #expect(games.presence == .there)
        try Files.rename(path, to: path + ".away")
        #expect(games.presence == .gone("there is no such directory"))
        try Files.makeDirectory(atPath: path, mode: 0o755)
        #expect(games.presence == .gone("another directory stands in its place"))
    }

    @Test func `is never written again once it was left, by whatever still holds it`() throws {
        let temporary = try TemporaryDirectory()
        let games = try openLocked(temporary)
        let root = try games.makeRoot(try #require(GameID("quake")))
        games.leave()
        let version = try #require(GameVersion("20240601"))
        #expect(storageError { try root.writeSentinel(version) } == .unavailable(path: ""))
        #expect(storageError { try root.sweepDownload() } == .unavailable(path: ""))
        #expect(storageError { _ = try games.makeRoot(root.game) } != nil)
        #expect(storageError { _ = try games.root(root.game) } == .unavailable(path: temporary.path))
        #expect(try temporary.tree().filter { $0.hasPrefix("quake") }.count == 1, "an empty directory")
        // The lock is free at once, though the old one still lives.
        #expect(try openLocked(temporary).unlocked == nil)
        withExtendedLifetime(games) {}
    }

    @Test func `may only be one of those that are allowed, wherever a link leads`() throws {
        let temporary = try TemporaryDirectory()
        let base = temporary.path
        for name in ["roots", "roots/a", "roots-not", "outside"] {
            try Beneath.makeDirectory(temporary.descriptor, Array(name.utf8))
        }
        try Beneath.symlink(
            target: Array("\(base)/outside".utf8), temporary.descriptor, Array("roots/link".utf8))
        for name in ["roots/link", "roots-not", "roots/../outside", ""] {
            let path = "\(base)/\(name)"
            let error = storageError {
                _ = try GamesDirectory.open(path: path, newID: Place.id, within: ["\(base)/roots/"])
            }
            #expect(error == .notAllowed(path: path), "\(name)")
        }
        #expect(try temporary.tree().contains { $0.hasSuffix(".lanspread_games") } == false)
        for name in ["roots", "roots/a", "roots/../roots/a/"] {
            _ = try GamesDirectory.open(path: "\(base)/\(name)", newID: Place.id, within: ["/x", "\(base)/roots"])
        }
    }

    private func open(_ temporary: TemporaryDirectory, remembered: String? = nil) throws {
        _ = try GamesDirectory.open(path: temporary.path, newID: Place.id, remembered: remembered)
    }
}
