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

/// Warnings and errors as an editor jumps to them: "file:line: sentence".
nonisolated func list(_ warnings: [SettingsWarning], _ errors: [SettingsError] = []) {
    for text in warnings.map(\.text) + errors.map(\.sentence) { StandardStream.writeError(text + "\n") }
}

let invocation: DaemonInvocation
do {
    let stateDirectory = Machine.environment("STATE_DIRECTORY").map { ["STATE_DIRECTORY": $0] } ?? [:]
    invocation = try DaemonInvocation.parse(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: stateDirectory)
} catch {
    list(error.warnings, error.errors)
    Machine.exit(error.exitStatus)
}

switch invocation {
case .help(let text):
    StandardStream.writeOutput(text)
    Machine.exit(0)
case .version:
    StandardStream.writeOutput("lanspreadd \(Release.version)\n")
    Machine.exit(0)
case .check(let loaded):
    list(loaded.warnings)
    StandardStream.writeOutput("The configuration is sound.\n")
    Machine.exit(0)
case .run(let loaded, let source):
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
            Machine.exit(try await Daemon(loaded: loaded, source: source, signals: signals).run())
        } catch {
            complain(error.sentence, error.hint)
            Machine.exit(error.exit.rawValue)
        }
    }
    let forever = Semaphore()
    while true { forever.wait() }
}
