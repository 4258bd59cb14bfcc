import ControlServer
import Linux
import Model
import Node
import Runtime
import Settings
import Supervision
import Systemd

/// The composition root: makes the threads, the house and its supervisor, and waits for the end.
struct Daemon: Sendable {
    let loaded: LoadedSettings
    /// Reads the settings again.
    let source: SettingsSource
    /// Blocked in the main thread before any other thread was made: a thread inherits what is blocked.
    let signals: ProcessSignals

    private var settings: DaemonSettings { loaded.settings }

    /// Returns the exit status: 0 told to stop, 1 a Required subsystem failed, 69 one of them could not begin.
    func run() async throws(StartFailure) -> Int32 {
        let lines = OperationLog(StderrSink.isJournal ? JournalSink() : StderrSink())
        let log = Log(
            component: "lanspreadd", sink: lines,
            level: LogLevel(settings.logLevel.value) ?? .info)
        for warning in loaded.warnings { log.warning(warning.text, kind: "settings_warning") }
        let loops = try threads()
        let (wishes, reloads) = (Wishes(), Reloads())
        let stream = signals.stream(on: loops.net[0])
        let outcome = await withTaskGroup(of: Result<Int32, StartFailure>?.self) { group in
            group.addTask {
                await wishes.follow(stream) { reloads.ask() }
                return nil
            }
            group.addTask {
                do throws(StartFailure) {
                    return .success(try await obey(wishes, reloads, loops, log, lines))
                } catch {
                    return .failure(error)
                }
            }
            var outcome = Result<Int32, StartFailure>.success(0)
            for await case let end? in group {
                outcome = end
                group.cancelAll()
            }
            return outcome
        }
        log.flush()
        return try outcome.get()
    }

    /// The start and the life, each obeying the wishes while it lasts.
    private func obey(
        _ wishes: Wishes, _ reloads: Reloads, _ loops: Loops, _ log: Log, _ lines: OperationLog
    ) async throws(StartFailure) -> Int32 {
        let listeners = ServiceManager.takeListeners()
        // By its name in lanspreadd.socket; a unit of somebody's own need not give it one.
        let control = listeners.first { $0.name == "control" } ?? listeners.first
        let (time, report, helperPath) = (MonotonicTime(), StatusReport(), try helperPath())
        let start = Start(wishes: wishes, report: report, time: time, log: log)
        let node = try await start.run { () throws(StartFailure) in
            try await Node.build(
                settings: settings, helperPath: helperPath, loops: loops, time: time, random: .system, log: log,
                lines: lines)
        }
        guard let node else {
            log.notice("The daemon has stopped before it was ready.", kind: "stopped")
            return 0
        }
        let server = ControlServer(
            socketPath: settings.socket.value, inherited: control?.socket, handler: node, loop: loops.net[0],
            log: log.component("ControlServer"))
        let supervisor = Supervisor(
            children: node.children + [
                Child("ControlServer", .required, stopLimit: .seconds(1)) { up in try await server.run(up: up) }
            ],
            time: time, random: .system, log: log.component("Supervisor"),
            describe: { ($0 as? ControlServerError)?.sentence ?? Node.sentence(of: $0) },
            changed: { node.house.events.publish(.componentChanged($0)) },
            // While the control socket still stands, so that subscribers hear of it.
            failed: { node.house.events.publish(.runtimeFailed(component: $0, reason: $1)) })
        report.ask { node.house.catalog.isThere }
        let stop: @Sendable () -> Void = {
            report.stopping()
            supervisor.stop()
        }
        var ports = Node.SupervisionPorts()
        ports.stop = stop
        ports.reload = { await reloads.askAndWait() }
        ports.statuses = { await supervisor.statuses() }
        node.attach(ports)
        wishes.obeyed { number in
            if number > 1 { supervisor.hurry() }
            stop()
        }
        return await live(node, supervisor, reloads, report, log)
    }

    private func threads() throws(StartFailure) -> Loops {
        do {
            // Two disk threads beyond the processors: they wait for the disk more than they compute.
            return try Loops(netLoops: 1, diskWorkers: Machine.processorCount + 2)
        } catch {
            throw StartFailure(.unavailable, "The daemon's threads cannot be made: \(error.text).")
        }
    }

    private func live(
        _ node: Node, _ supervisor: Supervisor, _ reloads: Reloads, _ report: StatusReport, _ log: Log
    ) async -> Int32 {
        let isUp = AsyncGate()
        let exit = await withTaskGroup(of: SupervisorExit?.self) { group in
            group.addTask {
                // Cancelled is stopped before it was ready.
                guard (try? await isUp.wait()) != nil else { return nil }
                await reloads.run(node, source, report)
                return nil
            }
            group.addTask {
                await beat(node, supervisor, log)
                return nil
            }
            group.addTask {
                await report.run(node.house.events)
                return nil
            }
            group.addTask {
                for await word in node.degradations { await supervisor.degrade(word.component, reason: word.reason) }
                return nil
            }
            group.addTask {
                await supervisor.run {
                    report.ready()
                    isUp.open()
                    node.house.events.publish(.localReady)
                    log.notice("The daemon is ready.", kind: "ready", .path("games", settings.gamesDirectory.value))
                }
            }
            var exit = SupervisorExit.stopped
            for await case let end? in group {
                exit = end
                group.cancelAll()
            }
            return exit
        }
        node.house.events.finish()
        log.notice("The daemon has stopped.", kind: "stopped")
        // The supervisor has said who failed and why.
        guard case .failed = exit else { return 0 }
        return isUp.isOpen ? 1 : StartFailure.Exit.unavailable.rawValue
    }

    /// Tells systemd that we live, and only when every thread that the daemon needs, and every Required subsystem, has
    /// just answered.
    private func beat(_ node: Node, _ supervisor: Supervisor, _ log: Log) async {
        guard let limit = ServiceManager.watchdogLimit else { return }
        while !Task.isCancelled {
            await node.answer()
            _ = await supervisor.statuses()
            ServiceManager.watchdog()
            log.settle()
            // Cut short only when the daemon ends.
            try? await MonotonicTime().sleep(for: limit / 2)
        }
    }

    /// Beside lanspreadd, else where `make install` puts it.
    private func helperPath() throws(StartFailure) -> String {
        let name = "lanspread-unpack"
        let directory = Machine.programDirectory
        let places = ["\(directory)/\(name)", "\(directory)/../libexec/lanspread/\(name)"]
        for place in places where (try? Files.status(atPath: place))?.kind == .regular { return place }
        throw StartFailure(
            .configuration, "The helper \(name) is neither beside lanspreadd nor in ../libexec/lanspread.",
            hint: "Install lanspread again; both programs belong together.")
    }
}
