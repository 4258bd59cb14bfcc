import Fixture
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite(.serialized) struct `The stop of a daemon` {
    /// What is promised for an orderly stop, whoever stalls.
    private static let promise = Duration.seconds(5)

    /// Of fcntl(2), which Swift does not see: F_LINUX_SPECIFIC_BASE and the next.
    private static let (setLease, getLease): (Int32, Int32) = (1_024, 1_025)

    private func stop(_ host: TestHost) async -> (status: Int32?, took: Duration) {
        let time = MonotonicTime()
        let begin = time.now
        let status = await host.stop()
        return (status, time.now - begin)
    }

    /// A source and two receivers in mid-download.
    private func stalling(
        _ body: @escaping @Sendable (_ source: TestHost, _ receivers: [TestHost]) async throws -> Void
    ) async throws {
        try await within(.seconds(90)) {
            let game = try LargeGame(bytes: 1 << 30)
            let alpha = try await game.source()
            var receivers: [TestHost] = []
            for name in ["charlie", "delta"] {
                let host = try await game.guest(name)
                try await host.connect(to: alpha)
                try await host.beginLarge()
                receivers.append(host)
            }
            for host in receivers { try await host.waitForChunks() }
            try await body(alpha, receivers)
        }
    }

    @Test func `keeps its promise beside receivers that stand still`() async throws {
        try await stalling { alpha, receivers in
            for host in receivers { kill(host.process.pid, SIGSTOP) }
            let (status, took) = await stop(alpha)
            #expect(status == 0, "\(alpha.log.text)")
            #expect(took < Self.promise)
            #expect(alpha.log.text.contains("The daemon has stopped."))
            #expect(!alpha.log.text.contains("cannot be done without"))
        }
    }

    @Test func `keeps its promise beside a source that stands still`() async throws {
        try await stalling { alpha, receivers in
            kill(alpha.process.pid, SIGSTOP)
            for host in receivers {
                let (status, took) = await stop(host)
                #expect(status == 0, "\(host.log.text)")
                #expect(took < Self.promise)
                #expect(host.log.text.contains("goes on at its next start"))
            }
        }
    }

    /// Whenever it comes: before the signals are ours it ends the process, later it is remembered.
    @Test func `that is asked during the start is not lost`() async throws {
        try await within(.seconds(120)) {
            let games = try TemporaryDirectory()
            var ends: [String: Int] = [:]
            for step in 0..<40 {
                let log = try LogPipe()
                let process = try ChildProcess.spawn(
                    "\(Programs.directory)/lanspreadd",
                    arguments: [
                        "--config", "/dev/null", "--no-mdns", "--games-dir", games.path, "--state-dir",
                        "\(games.path)/.state", "--socket", "\(games.path)/.socket", "--listen", "127.0.0.1:0",
                    ], environment: ["PATH=/usr/bin:/bin"], descriptors: try log.descriptors(),
                    on: TestLoops.shared)
                try await MonotonicTime().sleep(for: .milliseconds(step * 4))
                process.terminate()
                switch await process.wait() {
                case .exited(0): ends["in order", default: 0] += 1
                case .signalled(SIGTERM): ends["at once", default: 0] += 1
                case let other: Issue.record("after \(step * 4) ms: \(other)\n\(log.text)")
                }
            }
            #expect((ends["in order"] ?? 0) > 0, "\(ends)")
        }
    }

    /// A daemon that need not become ready.
    private func spawn(
        _ games: String, state: String, log: LogPipe, _ manager: NotifySocket? = nil
    ) throws -> ChildProcess {
        try ChildProcess.spawn(
            "\(Programs.directory)/lanspreadd",
            arguments: [
                "--config", "/dev/null", "--no-mdns", "--games-dir", games, "--state-dir", state, "--socket",
                "\(state).sock", "--listen", "127.0.0.1:0",
            ], environment: ["PATH=/usr/bin:/bin"] + (manager.map { ["NOTIFY_SOCKET=\($0.path)"] } ?? []),
            descriptors: try log.descriptors(), on: TestLoops.shared)
    }

    @Test func `that is asked in the middle of a recovery leaves the rest of it to the next start`() async throws {
        try await within(.seconds(120)) {
            let (games, place) = (try TemporaryDirectory(), try TemporaryDirectory())
            let names = (1_000..<1_300).map { "game-\($0)" }
            for name in names {
                let intent = #"{"format":1,"change":"install","game":"\#(name)","version":"20240501"}"#
                try games.write("\(name)/.lanspread.json", intent.utf8)
                try games.write("\(name)/.local.installing/bin/run", [1])
            }
            func unfinished() -> Int { names.count { games.exists("\($0)/.lanspread.json") } }
            let log = try LogPipe()
            let process = try spawn(games.path, state: "\(place.path)/state", log: log)
            defer { process.kill() }
            #expect(await log.wait(for: "An unfinished install was undone."))
            process.terminate()
            #expect(await process.wait() == .exited(status: 0), "\(log.text)")
            #expect(unfinished() > 0, "it was heard only afterwards")
            #expect(!log.text.contains("The daemon is ready."))
            // Each game is whole, the one included that it was at.
            for name in names {
                #expect(games.exists("\(name)/.lanspread.json") || !games.exists("\(name)/.local.installing"))
            }
            let again = try await TestHost.start(name: "again", games: games.path, catalog: nil, directory: place)
            #expect(unfinished() == 0)
            #expect(await again.stop() == 0)
        }
    }

    @Test func `that is asked while the start hangs is obeyed in its time`() async throws {
        try await within(.seconds(40)) {
            let (games, place) = (try TemporaryDirectory(), try TemporaryDirectory())
            let first = try await TestHost.start(name: "first", games: games.path, catalog: nil, directory: place)
            #expect(await first.stop() == 0)
            // Whoever opens the file waits until the kernel takes the lease away, after 45 s; the signal that asks for
            // it back would end this process.
            signal(SIGIO, SIG_IGN)
            let file = try Files.openRead(atPath: "\(place.path)/state/state.db")
            try #require(fcntl(file.rawValue, Self.setLease, F_RDLCK) == 0)
            let (manager, log) = (try NotifySocket(), try LogPipe())
            let process = try spawn(games.path, state: "\(place.path)/state", log: log, manager)
            defer { process.kill() }
            // It is being asked back: the daemon stands in its open.
            while fcntl(file.rawValue, Self.getLease) == F_RDLCK { await Task.yield() }
            let (time, begin) = (MonotonicTime(), MonotonicTime().now)
            process.terminate()
            #expect(try await manager.wait(for: "STOPPING=1", on: TestLoops.shared).contains("STATUS=Stopping"))
            #expect(await process.wait() == .exited(status: 0), "\(log.text)")
            #expect(time.now - begin < Self.promise)
            #expect(log.text.contains("The start did not end in its time."))
        }
    }
}
