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
            let (games, null) = (try TemporaryDirectory(), try Files.openRead(atPath: "/dev/null"))
            var ends: [String: Int] = [:]
            for step in 0..<40 {
                let log = try LogPipe()
                let process = try ChildProcess.spawn(
                    "\(Programs.directory)/lanspreadd",
                    arguments: [
                        "--config", "/dev/null", "--no-mdns", "--games-dir", games.path, "--state-dir",
                        "\(games.path)/.state", "--socket", "\(games.path)/.socket", "--listen", "127.0.0.1:0",
                    ], environment: ["PATH=/usr/bin:/bin"], descriptors: [null, log.writeEnd, log.writeEnd],
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
}
