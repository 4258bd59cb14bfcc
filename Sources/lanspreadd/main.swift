import Control
import Linux
import Model
import Node
import Runtime
import Settings

// Parses, builds and waits; the daemon itself is Daemon.swift. Everything that ends the start ends it here, with the
// exit status of control.md.

nonisolated func complain(_ sentence: String, _ hint: String? = nil) {
    StandardStream.writeError("lanspreadd: \(sentence)\n" + (hint.map { "\($0)\n" } ?? ""))
}

let invocation: DaemonInvocation
do {
    let stateDirectory = Machine.environment("STATE_DIRECTORY").map { ["STATE_DIRECTORY": $0] } ?? [:]
    invocation = try DaemonInvocation.parse(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: stateDirectory)
} catch {
    complain(error.sentence)
    Machine.exit(error.exitStatus)
}

switch invocation {
case .help(let text):
    StandardStream.writeOutput(text)
    Machine.exit(0)
case .version:
    StandardStream.writeOutput("lanspreadd \(Release.version)\n")
    Machine.exit(0)
case .check(_, let warnings):
    for warning in warnings { complain(warning.text) }
    StandardStream.writeOutput("The configuration is sound.\n")
    Machine.exit(0)
case .run(let settings, let warnings):
    for warning in warnings { complain(warning.text) }
    let signals: ProcessSignals
    do {
        signals = try ProcessSignals([ProcessSignals.terminate, ProcessSignals.interrupt, ProcessSignals.hangup])
    } catch {
        complain("The daemon cannot listen to signals: \(error.text).")
        Machine.exit(StartFailure.Exit.unavailable.rawValue)
    }
    // Not `await` here: Swift would give this thread to libdispatch, which waits in it with every signal unblocked
    // (`_dispatch_sigsuspend`), and SIGTERM would end the process on the spot.
    Task.detached {
        do throws(StartFailure) {
            Machine.exit(try await Daemon(settings: settings, signals: signals).run())
        } catch {
            complain(error.sentence, error.hint)
            Machine.exit(error.exit.rawValue)
        }
    }
    let forever = Semaphore()
    while true { forever.wait() }
}
