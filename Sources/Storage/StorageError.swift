package import Linux
package import Model

/// Why the disk did not do it, sorted by what the caller can do.
package enum StorageError: Error, Hashable, Sendable {
    /// The games directory is not there, or lost its marker (an unmounted disk): nothing is written or recovered.
    /// The path is empty where it was not known.
    case unavailable(path: String)
    /// Nothing can be written in the games directory; it is only served from.
    case readOnly
    /// The directory is none of those that may be chosen.
    case notAllowed(path: String)
    /// Another daemon writes there.
    case held(path: String, by: GamesHolder?)
    case noSuchGame(GameID)
    case diskFull
    /// An intent or record that this version cannot read; it is left alone.
    case unreadable(name: String)
    /// A thing stands where ours should go, and nothing proves that it is ours.
    case notOurs(name: String)
    case tooManyFiles(GameID)
    case system(LinuxError)

    package var sentence: String {
        switch self {
        case .unavailable(let path): "the games directory \(path.isEmpty ? "" : path + " ")is not there"
        case .readOnly: "the games directory is read-only"
        case .notAllowed(let path): "\(path) lies beneath no directory of games_roots"
        case .held(let path, let holder):
            "another lanspreadd (\(holder?.text ?? "it does not say which")) holds the games directory \(path)"
        case .noSuchGame(let game): "the game \(game) has no directory"
        case .diskFull: "the disk is full"
        case .unreadable(let name): "\(name) cannot be read and is left alone"
        case .notOurs(let name): "\(name) is in the way and nothing proves that it is ours"
        case .tooManyFiles(let game): "the game \(game) holds more than \(Limits.manifestFiles) files"
        case .system(let error): "\(error.call) says: \(error.text)"
        }
    }

    package init(_ error: LinuxError) {
        if error.isNoSpace {
            self = .diskFull
        } else if error.isStale {
            self = .unavailable(path: "")
        } else if error.isReadOnly {
            self = .readOnly
        } else {
            self = .system(error)
        }
    }
}

/// Runs C-storey calls and gives their error the storey's own form.
func asStorage<Value: ~Copyable>(_ body: () throws(LinuxError) -> Value) throws(StorageError) -> Value {
    do {
        return try body()
    } catch {
        throw StorageError(error)
    }
}
