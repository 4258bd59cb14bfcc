package import Model
package import Storage
import Unpack

/// Why a game was not installed, by what its owner can do.
package enum InstallError: Error, Hashable, Sendable {
    case alreadyInstalled(GameID)
    /// No `<id>.eti` in the game's directory.
    case archiveMissing(GameID)
    /// More than one file is `<id>.eti` but for the case of its letters.
    case archiveAmbiguous(GameID)
    /// The package is bad or not for this unpacker. One clause, escaped; `local/` was not touched.
    case refused(GameID, String)
    /// The helper cannot run here: the installation is broken, not the package.
    case unpackerBroken(GameID, String)
    case diskFull(GameID, free: UInt64)
    /// An intent that this version cannot read, or a directory of unknown origin, is in the way.
    case inTheWay(GameID, name: String)
    case storage(GameID, StorageError)
    /// Nobody wants this version any more; nothing was changed.
    case superseded(GameID)
    case cancelled(GameID)

    package var sentence: String {
        switch self {
        case .alreadyInstalled(let game): "\(game) is installed already."
        case .archiveMissing(let game):
            "\(game) was not installed: its directory holds no package \(game).eti."
        case .archiveAmbiguous(let game):
            "\(game) was not installed: several files are its package but for upper and lower case; keep one as "
                + "\(game).eti."
        case .refused(let game, let clause): "\(game) was not installed: its package is refused because \(clause)."
        case .unpackerBroken(let game, let clause):
            "\(game) was not installed: \(clause); install lanspread again."
        case .diskFull(let game, let free):
            "\(game) was not installed: the disk is full with \(free >> 20) MiB left. Free space under the games "
                + "directory."
        case .inTheWay(let game, let name):
            "\(game) was not installed: \(name) is in the way and nothing proves that it is ours. Look at it and "
                + "move it."
        case .storage(let game, let error): "\(game) was not installed: \(error.sentence)."
        case .superseded(let game):
            "\(game) was not installed: the catalog does not name this version any more."
        case .cancelled(let game): "The install of \(game) was cancelled."
        }
    }

    /// - Parameter free: what the disk still holds, asked when the error came.
    init(_ error: StorageError, _ game: GameID, free: UInt64) {
        switch error {
        case .diskFull: self = .diskFull(game, free: free)
        case .unreadable(let name), .notOurs(let name): self = .inTheWay(game, name: name)
        default: self = .storage(game, error)
        }
    }

    init(_ error: UnpackError, _ game: GameID) {
        switch error {
        case .refused, .died, .misbehaved, .tooSlow: self = .refused(game, error.reason)
        case .notStarted, .noSandbox, .pipeFailed: self = .unpackerBroken(game, error.reason)
        case .cancelled: self = .cancelled(game)
        }
    }
}
