package import Model

/// Which change of a game was begun: written before its first step, removed after its last.
package struct Intent: Hashable, Sendable, Codable {
    package enum Change: String, Sendable, Codable {
        case install, update, uninstall, remove
    }

    /// The format that this code writes; another one is left alone.
    package static let format = 1

    package let format: Int
    package let change: Change
    package let game: String
    package let version: String
    /// The root of the package in hexadecimal, where it is known.
    package let root: String?

    package init(_ change: Change, game: GameID, version: GameVersion, root: Root?) {
        format = Intent.format
        self.change = change
        self.game = game.text
        self.version = version.text
        self.root = root?.hex
    }
}

/// What an intent file holds.
package enum IntentState: Hashable, Sendable {
    case none
    case begun(Intent)
    /// Not ours to touch: another format, another game, or no sense at all.
    case unreadable
}

extension GameRoot {
    package func intent() throws(StorageError) -> IntentState {
        let bytes: [UInt8]?
        do {
            bytes = try AtomicFile.read(Array(ReservedNames.intent.utf8), in: directory, limit: Limits.intentBytes)
        } catch {
            if case .unreadable = error { return .unreadable }
            throw error
        }
        guard let bytes else { return exists(ReservedNames.intent) ? .unreadable : .none }
        guard let intent = try? JSON.decode(Intent.self, from: bytes, limit: Limits.intentBytes),
            intent.format == Intent.format, intent.game == game.text
        else { return .unreadable }
        return .begun(intent)
    }

    /// Begins a change: from here on the reserved directories are ours, because no others can be there.
    ///
    /// - Throws: `.unreadable` when an intent stands there that we do not understand (I14), `.notOurs` when a reserved
    ///   directory does that nobody can prove to be ours (I10).
    package func writeIntent(_ intent: Intent) throws(StorageError) {
        switch try self.intent() {
        case .unreadable: throw .unreadable(name: ReservedNames.intent)
        case .begun: break
        case .none:
            for reserved in ReservedDirectory.allCases where exists(reserved.rawValue) {
                guard try proveOwnership(of: reserved) != nil else { throw .notOurs(name: reserved.rawValue) }
            }
        }
        try AtomicFile.write(
            JSON.encode(intent), to: Array(ReservedNames.intent.utf8),
            through: Array((ReservedNames.intent + ".tmp").utf8), in: directory, disk)
    }

    /// The end of a change: durable, so that recovery never undoes what was promised.
    package func clearIntent() throws(StorageError) {
        try AtomicFile.remove(Array(ReservedNames.intent.utf8), in: directory, disk)
        do {
            try disk.sync(directory)
        } catch {
            throw StorageError(error)
        }
    }
}
