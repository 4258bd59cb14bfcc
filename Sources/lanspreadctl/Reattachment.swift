import Control
import Linux

/// Finds the daemon again after it went away: a restart takes seconds, an update of the package a few more.
struct Reattachment {
    private static let patience = Duration.seconds(30)
    private static let interval = Duration.milliseconds(250)

    private let options: Options
    private let terminal: Terminal

    init(_ options: Options, _ terminal: Terminal) {
        self.options = options
        self.terminal = terminal
    }

    /// - Parameter interrupted: asked between two tries; true gives up.
    func attach(
        _ interrupted: ((Deadline) -> Bool)?, until limit: Deadline = Deadline(nil)
    ) throws(Failure) -> DaemonConnection {
        terminal.message("The daemon went away; waiting for it to come back.")
        let deadline = Deadline.earlier(limit, Deadline(Self.patience))
        while true {
            do {
                let connection = try DaemonConnection(options.socketPath)
                _ = try connection.call(.rpcVersion)
                terminal.message("The daemon is back.")
                return connection
            } catch {
                guard error.kind == .unreachable || error.kind == .shuttingDown else { throw error }
            }
            if deadline.hasPassed {
                throw Failure(
                    .unreachable, "The daemon went away and did not come back.",
                    hint: "Start it with: systemctl start lanspreadd")
            }
            let pause = Deadline.earlier(deadline, Deadline(Self.interval))
            if let interrupted {
                if interrupted(pause) { throw Failure(.cancelled, "Interrupted.") }
            } else {
                pause.sleep()
            }
        }
    }
}
