package import Linux
package import Model

/// The directory that holds a directory per game. It carries `.lanspread_games` with an id: a directory that lost it is
/// an unmounted disk, and nothing is written there.
package final class GamesDirectory: Sendable {
    /// How it is at its path now.
    package enum Presence: Hashable, Sendable {
        case there
        /// There, but now it can be written and could not before, or the other way round: it is to be opened again.
        case turned
        /// A clause that says why it counts as gone.
        case gone(String)
    }

    package let path: String
    /// The id in `.lanspread_games`; the state remembers it. Nil for a directory that never got one, since nothing can
    /// be written there.
    package let id: String?
    package let disk: any Disk
    package let directory: Descriptor
    private let lock: GamesLock?
    private let gate: WriteGate

    private init(path: String, id: String?, directory: Descriptor, lock: GamesLock?, gate: WriteGate, disk: any Disk) {
        self.path = path
        self.id = id
        self.directory = directory
        self.lock = lock
        self.gate = gate
        self.disk = GuardedDisk(disk: disk, gate: gate)
    }

    /// Opens the directory; one that was never ours gets its marker, with `newID` (32 hexadecimal digits) in it, unless
    /// nothing can be written there.
    ///
    /// - Parameters:
    ///   - remembered: the id that the state has of this path, nil for a path that is new to it.
    ///   - roots: the directory has to be one of these or lie beneath one; nil admits any.
    ///   - holder: takes the directory's lock in this name; nil leaves it alone.
    /// - Throws: `.unavailable` when the directory is not there, or is not the one that is remembered; `.held` when
    ///   another daemon has the lock; `.notAllowed` when it is not beneath the roots.
    package static func open(
        path: String, newID: String, remembered: String? = nil, within roots: [String]? = nil,
        holder: GamesHolder? = nil, disk: any Disk = RealDisk()
    ) throws(StorageError) -> GamesDirectory {
        let directory: Descriptor
        do {
            directory = try Files.openDirectory(atPath: path)
        } catch {
            throw error.isNoEntry || error.isNotDirectory ? .unavailable(path: path) : StorageError(error)
        }
        // Of what is open, not of the path: a link that is changed meanwhile leads nowhere else.
        if let roots, !isBeneath(directory, roots) { throw .notAllowed(path: path) }
        let found = try readMarker(directory)
        // An empty mount point looks like a new directory; only the state knows better.
        guard remembered == nil || remembered == found else { throw .unavailable(path: path) }
        let readOnly = try asStorage { () throws(LinuxError) in try Files.whyReadOnly(directory) }
        let lock = try lock(directory, path, holder)
        if found == nil, readOnly == nil {
            try AtomicFile.write(
                Array("\(newID)\n".utf8), to: Array(ReservedNames.gamesMarker.utf8),
                through: Array((ReservedNames.gamesMarker + ".tmp").utf8), in: directory, disk)
        }
        let id = found ?? (readOnly == nil ? newID : nil)
        let gate = WriteGate(readOnly.map { .readOnly($0) } ?? .open)
        return GamesDirectory(path: path, id: id, directory: directory, lock: lock, gate: gate, disk: disk)
    }

    private static func lock(
        _ directory: Descriptor, _ path: String, _ holder: GamesHolder?
    ) throws(StorageError) -> GamesLock? {
        guard let holder else { return nil }
        return try GamesLock.take(directory, path: path, as: holder)
    }

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

    private static func isBeneath(_ directory: Descriptor, _ roots: [String]) -> Bool {
        guard let path = try? Files.path(of: directory) else { return false }
        return roots.contains { root in
            guard let opened = try? Files.openDirectory(atPath: root), let root = try? Files.path(of: opened) else {
                return false
            }
            return path == root || path.hasPrefix(root.hasSuffix("/") ? root : root + "/")
        }
    }

    // MARK: - What it is

    /// Why no lock could be taken although one was asked for; nil when all is well.
    package var unlocked: String? { lock?.impossible }

    /// Why nothing can be written there; nil when something can.
    package var readOnly: LinuxError? { gate.reason }

    /// What belongs to this directory and to no other goes by this.
    package var key: String { id ?? path }

    /// Where it stands, without links.
    package var resolvedPath: String { (try? Files.path(of: directory)) ?? path }

    /// Whether the path leads to this directory.
    package func stands(at path: String) -> Bool {
        guard let now = try? Files.status(atPath: path), let then = try? Files.status(directory) else { return false }
        return now.device == then.device && now.inode == then.inode
    }

    /// Whether the directory that was opened still stands at its path: a disk can be unmounted at any time.
    package var isThere: Bool { stands(at: path) }

    /// Whether it is still the directory that it was, marker and all.
    package var presence: Presence {
        do throws(LinuxError) {
            let (now, then) = (try Files.status(atPath: path), try Files.status(directory))
            guard now.device == then.device, now.inode == then.inode else {
                return .gone("another directory stands in its place")
            }
        } catch {
            return .gone(error.isNoEntry ? "there is no such directory" : "\(error.call) says: \(error.text)")
        }
        do throws(StorageError) {
            if let id, try GamesDirectory.readMarker(directory) != id {
                return .gone("its marker \(ReservedNames.gamesMarker) is missing or another one")
            }
        } catch .system(let error) where error.isTooManyOpen {
            // That says nothing about the directory.
            return .there
        } catch {
            return .gone(error.sentence)
        }
        let reason = try? Files.whyReadOnly(directory)
        return (reason == nil) == (readOnly == nil) ? .there : .turned
    }

    /// Never again is anything written through this value, and the lock is free for others.
    package func leave() {
        gate.leave()
        lock?.release()
    }

    // MARK: - Games

    /// Directories whose names are game ids; whether they hold a game is another question.
    package func games() throws(StorageError) -> [GameID] {
        if case .gone = presence { throw .unavailable(path: path) }
        return try asStorage { () throws(LinuxError) in
            try Beneath.list(directory).compactMap { entry in
                entry.kind == .directory ? GameID(String(decoding: entry.name, as: UTF8.self)) : nil
            }.sorted()
        }
    }

    package func root(_ game: GameID) throws(StorageError) -> GameRoot {
        guard !gate.isLeft else { throw .unavailable(path: path) }
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
