import Control
import Linux
import Model
import Runtime
import Settings
import TestKit
import Testing

@testable import Node

@Suite struct `A reload` {
    /// A house that does not run, and the one disk thread of it held.
    private struct Scene: Sendable {
        let node: Node
        let source: SettingsSource
        let clock = ManualClock()
        let loops: Loops
        let log = TraceSink()
        let directory: TemporaryDirectory

        init() async throws {
            directory = try TemporaryDirectory()
            let file = try directory.write("conf", "[lanspreadd]\nlog_level = notice\n".utf8)
            try directory.write("games/quake/readme", [1])
            let invocation = try DaemonInvocation.parse(
                arguments: [
                    "--config", file, "--games-dir", "\(directory.path)/games", "--state-dir",
                    "\(directory.path)/state", "--listen", "127.0.0.1:0", "--no-mdns",
                ], environment: [:])
            guard case .run(let loaded, let source) = invocation else { throw CancellationError() }
            self.source = source
            loops = try Loops(netLoops: 1, diskWorkers: 1)
            let lines = OperationLog(log)
            node = try await Node.build(
                settings: loaded.settings, helperPath: "/nowhere", loops: loops, time: clock, random: .system,
                log: Log(component: "test", sink: lines, level: .debug), lines: lines)
        }

        func reload() async -> Result<JSONValue, Failure> {
            do throws(Failure) {
                return .success(try await node.reload(source))
            } catch {
                return .failure(error)
            }
        }
    }

    private func kind(_ result: Result<JSONValue, Failure>) -> Failure.Kind? {
        if case .failure(let failure) = result { failure.kind } else { nil }
    }

    @Test func `that a hung disk holds up says so in its time, and a later one works`() async throws {
        try await within(.seconds(20)) {
            let scene = try await Scene()
            let held = Semaphore()
            scene.loops.disk.begin { held.wait() }
            for _ in 0..<Limits.settingsReadings {
                async let late = scene.reload()
                await scene.clock.sleepers(1)
                scene.clock.advance(by: Limits.reloadDeadline)
                #expect(kind(await late) == .timeout)
            }
            // So many hang that another one is not even begun.
            #expect(kind(await scene.reload()) == .timeout)
            #expect(scene.clock.sleeping == 0)
            #expect(scene.log.trace.events.contains { $0.kind == "reload_failed" && $0.level == .error })
            held.signal()
            try scene.directory.write("conf", "[lanspreadd]\nlog_level = debug\n".utf8)
            // Behind those that were late.
            await scene.loops.disk.run {}
            let result = try await scene.reload().get()
            #expect(result["changed"] == ["log_level"])
        }
    }

    @Test func `is no failure of the disk when the daemon stops meanwhile`() async throws {
        try await within(.seconds(20)) {
            let scene = try await Scene()
            let held = Semaphore()
            scene.loops.disk.begin { held.wait() }
            let reload = Task { await scene.reload() }
            await scene.clock.sleepers(1)
            reload.cancel()
            #expect(kind(await reload.value) == .shuttingDown)
            #expect(!scene.log.trace.events.contains { $0.kind == "reload_failed" })
            held.signal()
        }
    }
}
