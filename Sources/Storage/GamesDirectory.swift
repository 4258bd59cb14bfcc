import Linux
package import Model

/// The directory that holds a directory per game. It carries `.lanspread_games` with an id: a directory that lost it is
/// an unmounted disk, and nothing is written there.
package final class GamesDirectory: Sendable {
    package let path: String
    /// The id in `.lanspread_games`; the state remembers it.
    package let id: String
    package let disk: any Disk
    let directory: Descriptor
    private let lock: GamesLock?

    private init(path: String, id: String, directory: Descriptor, lock: GamesLock?, disk: any Disk) {
        self.path = path
        self.id = id
        self.directory = directory
        self.lock = lock
        self.disk = disk
    }

    /// Opens the directory; one that was never ours gets its marker, with `newID` (32 hexadecimal digits) in it.
    ///
    /// - Parameters:
    ///   - remembered: the id that the state has of this path, nil for a path that is new to it.
    ///   - holder: takes the directory's lock in this name; nil leaves it alone.
    /// - Throws: `.unavailable` when the directory is not there, or is not the one that is remembered; `.held` when
    ///   another daemon has the lock.
    package static func open(
        path: String, newID: String, remembered: String? = nil, holder: GamesHolder? = nil, disk: any Disk = RealDisk()
    ) throws(StorageError) -> GamesDirectory {
        let directory: Descriptor
        do {
            directory = try Files.openDirectory(atPath: path)
        } catch {
            throw error.isNoEntry || error.isNotDirectory ? .unavailable(path: path) : StorageError(error)
        }
        if let id = try readMarker(directory) {
            guard remembered == nil || remembered == id else { throw .unavailable(path: path) }
            let lock = try lock(directory, path, holder)
            return GamesDirectory(path: path, id: id, directory: directory, lock: lock, disk: disk)
        }
        // An empty mount point looks like a new directory; only the state knows better.
        guard remembered == nil else { throw .unavailable(path: path) }
        let lock = try lock(directory, path, holder)
        try AtomicFile.write(
            Array("\(newID)\n".utf8), to: Array(ReservedNames.gamesMarker.utf8),
            through: Array((ReservedNames.gamesMarker + ".tmp").utf8), in: directory, disk)
        return GamesDirectory(path: path, id: newID, directory: directory, lock: lock, disk: disk)
    }

    private static func lock(
        _ directory: Descriptor, _ path: String, _ holder: GamesHolder?
    ) throws(StorageError) -> GamesLock? {
        guard let holder else { return nil }
        return try GamesLock.take(directory, path: path, as: holder)
    }

    /// Why no lock could be taken although one was asked for; nil when all is well.
    package var unlocked: String? { lock?.impossible }

    private static func readMarker(_ directory: Descriptor) throws(StorageError) -> String? {
        guard
            let bytes = try AtomicFile.read(
                Array(ReservedNames.gamesMarker.utf8), in: directory, limit: Limits.markerBytes)
        else {
            return nil
        }
        let id = String(decoding: bytes.prefix { $0 > 0x20 && $0 < 0x7f }, as: UTF8.self)
        guard !id.isEmpty else { throw .unreadable(name: ReservedNames.gamesMarker) }
        return id
    }

    /// Whether the directory that was opened still stands at its path: a disk can be unmounted at any time.
    package var isThere: Bool {
        guard let now = try? Files.status(atPath: path), let then = try? Files.status(directory) else { return false }
        return now.device == then.device && now.inode == then.inode
    }

    /// Directories whose names are game ids; whether they hold a game is another question.
    package func games() throws(StorageError) -> [GameID] {
        guard isThere else { throw .unavailable(path: path) }
        return try asStorage { () throws(LinuxError) in
            try Beneath.list(directory).compactMap { entry in
                entry.kind == .directory ? GameID(String(decoding: entry.name, as: UTF8.self)) : nil
            }.sorted()
        }
    }

    package func root(_ game: GameID) throws(StorageError) -> GameRoot {
        do {
            let root = try Beneath.openDirectory(directory, Array(game.text.utf8))
            return GameRoot(game: game, directory: root, disk: disk)
        } catch {
            throw error.isNoEntry || error.isNotDirectory || error.isLoop ? .noSuchGame(game) : StorageError(error)
        }
    }

    /// Opens the game's directory, and makes it first when there is none.
    package func makeRoot(_ game: GameID) throws(StorageError) -> GameRoot {
        guard isThere else { throw .unavailable(path: path) }
        do {
            try disk.makeDirectory(directory, Array(game.text.utf8), mode: 0o755)
            try disk.sync(directory)
        } catch {
            guard error.isExists else { throw StorageError(error) }
        }
        return try root(game)
    }
}
