import Control
import Linux
import Model
import Storage

// What is said about the games directory, in one place.

extension Failure {
    static func noGamesDirectory(_ path: String, _ reason: String) -> Failure {
        Failure(
            .gamesDirectoryUnavailable, "The games directory \(path) is away: \(reason).", subject: path,
            hint: "Mount its disk, and it is used again by itself; or choose another one with: "
                + "lanspreadctl games-dir PATH",
            retryable: true)
    }

    static func readOnlyGames(_ path: String, _ error: LinuxError) -> Failure {
        let reason = error.isReadOnly ? "its disk is mounted read-only" : "the daemon may not write there"
        return Failure(
            .gamesDirectoryUnavailable,
            "The games directory \(path) is only served from: \(reason), so nothing is downloaded or installed.",
            subject: path,
            hint: error.isReadOnly
                ? "Mount it for writing with: mount -o remount,rw \(path)"
                : "Give it to the user of the daemon, and then: lanspreadctl rescan")
    }

    static let gamesDirectoryInUse = Failure(
        .busy, "The games directory stays as it is while operations run.",
        hint: "See them with: lanspreadctl operations", retryable: true)

    static let gamesDirectoryChanges = Failure(
        .busy, "Another games directory is being chosen, and nothing begins meanwhile.",
        hint: "Try again in a moment.", retryable: true)

    /// Another one was asked for, and cannot be used.
    static func gamesDirectoryKept(_ path: String, _ asked: String, _ error: StorageError) -> Failure {
        let opening = "The games directory stays \(path):"
        switch error {
        case .notAllowed:
            return Failure(
                .notAllowed, "\(opening) \(asked) lies beneath no directory of games_roots.", subject: asked,
                hint: "Name a directory above it as games_roots in lanspreadd.conf, and then: lanspreadctl reload")
        case .held(_, let holder):
            return Failure(
                .busy, "\(opening) another lanspreadd (\(holder?.text ?? "it does not say which")) holds \(asked).",
                subject: asked, hint: "Stop it, or choose another directory.")
        case .unavailable:
            return Failure(
                .gamesDirectoryUnavailable,
                "\(opening) \(asked) is no directory, or not the one that was there before.", subject: asked,
                hint: "Mount its disk, or make it with its right owner.")
        default:
            return Failure(
                .gamesDirectoryUnavailable, "\(opening) of \(asked) the disk says that \(error.sentence).",
                subject: asked)
        }
    }
}
