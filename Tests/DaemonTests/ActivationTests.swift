import Linux
import Model
import Runtime
import TestKit
import Testing

/// lanspreadd as systemd starts it: sockets from descriptor 3 on, and a place to tell how it is.
@Suite(.serialized) struct `A daemon under systemd` {
    /// The shell knows the number of the process that it becomes.
    private func start(
        in directory: TemporaryDirectory, games: TemporaryDirectory, names: String, environment: [String] = [],
        sockets: [Descriptor]
    ) throws -> ChildProcess {
        let null = try Files.openRead(atPath: "/dev/null")
        let program = "\(Programs.directory)/lanspreadd"
        let arguments = [
            "--config", "/dev/null", "--games-dir", games.path, "--state-dir", "\(directory.path)/state",
            "--socket", "\(directory.path)/not-used", "--listen", "127.0.0.1:0", "--no-mdns",
        ]
        return try ChildProcess.spawn(
            "/bin/sh", arguments: ["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\"", program] + arguments,
            environment: ["PATH=/usr/bin:/bin", "LISTEN_FDS=\(sockets.count)", "LISTEN_FDNAMES=\(names)"] + environment,
            descriptors: [null, null, null] + sockets, on: TestLoops.shared)
    }

    @Test func `takes the control socket that is handed over by its name, and leaves it for the next one`() async throws
    {
        try await within(.seconds(30)) {
            let (directory, games) = (try TemporaryDirectory(), try TemporaryDirectory())
            let paths = ["\(directory.path)/other", "\(directory.path)/control"]
            let sockets = try paths.map { try UnixSocket.listen(path: $0, mode: 0o600) }
            for _ in 0..<2 {
                // Nobody answers yet; the kernel keeps the client until somebody does.
                let early = Task {
                    try await TestHost.run("lanspreadctl", ["--socket", paths[1], "status"], in: directory)
                }
                let daemon = try start(in: directory, games: games, names: "other:control", sockets: sockets)
                defer { daemon.kill() }
                let status = try await early.value
                #expect(status.status == 0, "\(status.errors)")
                let shutdown = try await TestHost.run(
                    "lanspreadctl", ["--socket", paths[1], "shutdown"], in: directory)
                #expect(shutdown.status == 0, "\(shutdown.errors)")
                #expect(await daemon.wait() == .exited(status: 0))
            }
            #expect(directory.exists("control") && !directory.exists("not-used"))
        }
    }

    @Test func `says that it is ready, how it is and that it stops`() async throws {
        try await within(.seconds(30)) {
            let (directory, games) = (try TemporaryDirectory(), try TemporaryDirectory())
            let manager = try NotifySocket()
            let socket = try UnixSocket.listen(path: "\(directory.path)/control", mode: 0o600)
            let daemon = try start(
                in: directory, games: games, names: "control", environment: ["NOTIFY_SOCKET=\(manager.path)"],
                sockets: [socket])
            defer { daemon.kill() }
            let ready = try await manager.wait(for: "READY=1", on: TestLoops.shared)
            #expect(ready.contains("STATUS=0 peers, 0 games, no catalog"), "\(ready)")
            daemon.terminate()
            #expect(
                try await manager.wait(for: "STOPPING=1", on: TestLoops.shared).contains("STATUS=Stopping"))
            #expect(await daemon.wait() == .exited(status: 0))
        }
    }
}
