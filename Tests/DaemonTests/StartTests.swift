import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite(.serialized) struct `The start of a daemon` {
    private func start(_ arguments: String..., in directory: TemporaryDirectory) async throws -> Outcome {
        try await TestHost.run("lanspreadd", ["--config", "/dev/null", "--no-mdns"] + arguments, in: directory)
    }

    @Test func `without a catalog is ready but degraded, and says what to do`() async throws {
        try await within(.seconds(30)) {
            let games = try TemporaryDirectory()
            let host = try await TestHost.start(name: "alone", games: games.path, catalog: nil)
            let status = try await host.done("status")
            #expect(status["state"]?.string == "degraded")
            #expect(status["degraded"]?.array?.first?["hint"]?.string?.contains("lanspreadctl catalog init") == true)
            let download = try await host.ctl("download", "quake")
            #expect(download.status == 78)
            #expect(download.errors.contains("The daemon has no catalog"))
            #expect(await host.stop() == 0)
        }
    }

    @Test func `is refused where another one holds the state directory`() async throws {
        try await within(.seconds(30)) {
            let games = try TemporaryDirectory()
            let host = try await TestHost.start(name: "first", games: games.path, catalog: nil)
            let second = try await start(
                "--games-dir", games.path, "--state-dir", "\(host.directory.path)/state",
                "--socket", "\(games.path)/other.sock", "--listen", "127.0.0.1:0", in: games)
            #expect(second.status == 69)
            #expect(second.errors.contains("process \(host.process.pid)"), "\(second.errors)")
            #expect(second.errors.contains("--state-dir"))
        }
    }

    @Test func `is refused where another one holds the games directory, and only as long as that lives`() async throws {
        try await within(.seconds(30)) {
            let (games, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
            let host = try await TestHost.start(name: "first", games: games.path, catalog: nil)
            let second = try await start(
                "--games-dir", games.path, "--state-dir", "\(directory.path)/state",
                "--socket", "\(directory.path)/s", "--listen", "127.0.0.1:0", in: directory)
            #expect(second.status == 69)
            #expect(second.errors.contains("process \(host.process.pid) on "), "\(second.errors)")
            #expect(second.errors.contains("state directory \(host.directory.path)/state"), "\(second.errors)")
            #expect(second.errors.contains("--games-dir"))
            // Nobody tidies up after SIGKILL but the kernel.
            host.process.kill()
            _ = await host.process.wait()
            let third = try await TestHost.start(name: "third", games: games.path, catalog: nil, directory: directory)
            #expect(await third.stop() == 0)
        }
    }

    @Test func `is refused where another one answers on the socket or holds the port`() async throws {
        try await within(.seconds(30)) {
            let (games, others) = (try TemporaryDirectory(), try TemporaryDirectory())
            let host = try await TestHost.start(name: "first", games: others.path, catalog: nil)
            let socket = try await start(
                "--games-dir", games.path, "--state-dir", "\(games.path)/state", "--socket", host.socket,
                "--listen", "127.0.0.1:0", in: games)
            #expect(socket.status == 69)
            #expect(socket.errors.contains("another daemon answers there"), "\(socket.errors)")
            // Who ends an error logs it, and logs it once.
            let lines = socket.errors.split(separator: "\n").filter { $0.contains("another daemon answers there") }
            #expect(lines.count == 1, "\(lines)")
            let port = try await start(
                "--games-dir", games.path, "--state-dir", "\(games.path)/state", "--socket", "\(games.path)/s",
                "--listen", try await host.address(), in: games)
            #expect(port.status == 69)
            #expect(port.errors.contains("--listen"), "\(port.errors)")
        }
    }

    @Test func `without its games directory says which one is missing`() async throws {
        let directory = try TemporaryDirectory()
        let outcome = try await start(
            "--games-dir", "\(directory.path)/missing", "--state-dir", "\(directory.path)/state",
            "--socket", "\(directory.path)/s", "--listen", "127.0.0.1:0", in: directory)
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("\(directory.path)/missing"))
        #expect(outcome.errors.contains("--games-dir"))
    }

    @Test func `with another directory in the place of its games is degraded and writes nothing there`() async throws {
        try await within(.seconds(30)) {
            let (disk, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
            let games = "\(disk.path)/games"
            try Files.makeDirectory(atPath: games, mode: 0o755)
            let first = try await TestHost.start(name: "one", games: games, catalog: nil, directory: directory)
            #expect(await first.stop() == 0)
            // As when the disk is not mounted: the mount point is an empty directory.
            try Files.rename(games, to: "\(disk.path)/elsewhere")
            try Files.makeDirectory(atPath: games, mode: 0o755)
            let again = try await TestHost.start(name: "two", games: games, catalog: nil, directory: directory)
            let degraded = try await again.done("status")["degraded"]?.array ?? []
            #expect(degraded.contains { $0["component"]?.string == "Library" }, "\(degraded)")
            #expect(try Beneath.list(try Files.openDirectory(atPath: games)).isEmpty)
        }
    }

    @Test func `with an unknown option points at the help`() async throws {
        let outcome = try await start("--frob", in: try TemporaryDirectory())
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("lanspreadd --help"))
    }

    @Test func `keeps its identity over a restart`() async throws {
        try await within(.seconds(30)) {
            let (games, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
            let first = try await TestHost.start(name: "one", games: games.path, catalog: nil, directory: directory)
            let identity = try await first.done("status")["identity"]?.string
            #expect(await first.stop() == 0)
            let again = try await TestHost.start(name: "two", games: games.path, catalog: nil, directory: directory)
            #expect(try await again.done("status")["identity"]?.string == identity)
            #expect(identity != nil)
        }
    }
}
