import Linux
import Model
import Storage
import TestKit
import Testing

/// A games directory with one game in it, in a temporary directory.
struct Place {
    static let id = String(repeating: "0f", count: 16)

    let temporary: TemporaryDirectory
    let games: GamesDirectory
    let root: GameRoot
    let game: GameID

    init() throws {
        temporary = try TemporaryDirectory()
        let disk = try FaultyDisk()
        games = try GamesDirectory.open(path: temporary.path, newID: Place.id, disk: disk)
        game = try #require(GameID("quake"))
        root = try games.makeRoot(game)
    }

    /// The same game through another disk.
    func root(_ disk: any Disk) throws -> GameRoot {
        try GamesDirectory.open(path: temporary.path, newID: Place.id, disk: disk).root(game)
    }

    func write(_ name: String, _ text: String) throws { try temporary.write("quake/\(name)", text.utf8) }
    func exists(_ name: String) -> Bool { temporary.exists("quake/\(name)") }
    func link(_ name: String, to target: String) throws {
        try Beneath.symlink(target: Array(target.utf8), root.directory, Array(name.utf8))
    }
    func makeDirectory(_ name: String) throws { try Beneath.makeDirectory(root.directory, Array(name.utf8)) }

    func text(_ name: String) throws -> String {
        String(decoding: try #require(try temporary.read("quake/\(name)")), as: UTF8.self)
    }
}

/// The error that the body ends with; nil when it does not.
func storageError(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StorageError
    }
}
