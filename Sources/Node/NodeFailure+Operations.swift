import Control
import Model

// What is said when an operation cannot do what was asked of it.

extension Failure {
    static func busy(_ running: OperationSnapshot) -> Failure {
        let (id, isPaused) = (running.id, running.standing == .paused)
        return Failure(
            .busy,
            "The game \(running.game) is busy: its \(running.kind.rawValue) is "
                + "\(isPaused ? "paused" : "running") (operation \(id)).",
            subject: running.game.text,
            hint: isPaused
                ? "Go on with it: lanspreadctl resume \(id); or end it with: lanspreadctl cancel \(id)"
                : "Wait for it, or cancel it with: lanspreadctl cancel \(id)", retryable: true)
    }

    /// Somebody else was a moment earlier, and its operation has no number yet.
    static func busy(_ game: GameID, _ kind: OperationKind) -> Failure {
        Failure(
            .busy, "The game \(game) is busy: another \(kind.rawValue) begins.", subject: game.text, retryable: true)
    }

    static let tooManyOperations = Failure(
        .busy, "\(Limits.operationsActive) operations wait or run, and more are not begun.",
        hint: "Wait for some to end: lanspreadctl operations", retryable: true)

    static func notPausable(_ operation: OperationSnapshot) -> Failure {
        Failure(
            .notPausable,
            "Operation \(operation.id) installs \(operation.game), and an install is not paused half-way.",
            subject: operation.id.description,
            hint: "Wait for it, or cancel it with: lanspreadctl cancel \(operation.id)")
    }

    static func notPaused(_ operation: OperationSnapshot) -> Failure {
        Failure(
            .notPausable, "Operation \(operation.id) of \(operation.game) is not paused.",
            subject: operation.id.description, hint: "See how it is with: lanspreadctl operations")
    }

    static func hasEnded(_ operation: OperationSnapshot) -> Failure {
        Failure(
            .notPausable, "Operation \(operation.id) of \(operation.game) has ended, or is about to.",
            subject: operation.id.description,
            hint: "Begin again with: lanspreadctl \(operation.kind.rawValue) \(operation.game)")
    }

    static func catalogChanged(_ game: GameID, _ version: GameVersion) -> Failure {
        Failure(
            .catalogChanged, "\(game) does not go on: the catalog does not name version \(version) any more.",
            subject: game.text, hint: "Download it again with: lanspreadctl download \(game)", retryable: true)
    }

    /// Recovery has finished or undone it before.
    static func interrupted(_ operation: OperationSnapshot) -> Failure {
        Failure(
            .interrupted,
            "The \(operation.kind.rawValue) of \(operation.game) was cut short by a restart of the daemon.",
            subject: operation.game.text,
            hint: "See how it is with: lanspreadctl info \(operation.game); try again with: lanspreadctl "
                + "\(operation.kind.rawValue) \(operation.game)", retryable: true)
    }
}
