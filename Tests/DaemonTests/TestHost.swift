import Fixture
import Linux
import Model
import Runtime
import Synchronization
import TestKit

/// Where the programs of this package are: beside the test bundle.
enum Programs {
    /// The executable of a test run lies in a directory of the toolchain, so the bundle's own path is asked for.
    static let directory: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return bundle.lastIndex(of: "/").map { String(bundle[..<$0]) } ?? "."
    }()
}

/// The threads that all daemon tests share.
enum TestLoops {
    static let shared: EventLoop = {
        do throws(LinuxError) {
            return try EventLoop(name: "test")
        } catch {
            preconditionFailure("no loop for the tests: \(error.text)")
        }
    }()
}

/// The log of a daemon as it comes, for tests that wait for a line.
final class LogPipe: Sendable {
    private struct State {
        var text = ""
        var isAtEnd = false
        var waiting: [(needle: String, shot: OneShot<Bool>)] = []
    }

    private let state = Mutex(State())
    private let writeEnd: Mutex<Descriptor?>

    init() throws {
        let (read, write) = try Descriptor.pipe()
        writeEnd = Mutex(write)
        let thread = try KernelThread("log") { [self] in drain(read) }
        thread.detach()
    }

    /// Standard input, output and errors of the one process whose log this is; when that has ended, so has the log.
    func descriptors() throws -> [Descriptor] {
        guard let write = writeEnd.withLock({ $0.take() }) else { throw TestFailure("a log of two processes") }
        return [try Files.openRead(atPath: "/dev/null"), write, write]
    }

    var text: String { state.withLock { $0.text } }

    /// Returns whether the text came; false when the daemon ended without it.
    func wait(for needle: String) async -> Bool {
        let shot = OneShot<Bool>()
        let known: Bool? = state.withLock { state in
            if state.text.contains(needle) { return true }
            if state.isAtEnd { return false }
            state.waiting.append((needle, shot))
            return nil
        }
        if let known { return known }
        return await shot.take(orGive: false)
    }

    /// The first line with the text, once it came; nil when the daemon ended without it.
    func line(with needle: String) async -> String? {
        guard await wait(for: needle) else { return nil }
        return text.split(separator: "\n").first { $0.contains(needle) }.map(String.init)
    }

    private func drain(_ pipe: Descriptor) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while let count = try? buffer.withUnsafeMutableBytes({ try pipe.read(into: $0) }), count > 0 {
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            state.withLock { state in
                state.text += text
                state.waiting.removeAll { waiter in
                    guard state.text.contains(waiter.needle) else { return false }
                    return waiter.shot.give(true) || true
                }
            }
        }
        state.withLock { state in
            state.isAtEnd = true
            for waiter in state.waiting { waiter.shot.give(false) }
            state.waiting.removeAll()
        }
    }
}

/// What a program printed and how it ended.
struct Outcome: Sendable {
    let status: Int32?
    let output: String
    let errors: String

    var json: JSONValue { (try? JSON.decode(JSONValue.self, from: Array(output.utf8), limit: 4 << 20)) ?? .null }
}

/// One real lanspreadd on loopback, with its own state and socket, over a fixture's games directory.
final class TestHost: Sendable {
    let directory: TemporaryDirectory
    let gamesDirectory: String
    let socket: String
    let log: LogPipe
    let process: ChildProcess
    /// Filled in once the daemon says that it is ready.
    private let listening = Mutex("")

    private init(directory: TemporaryDirectory, games: String, socket: String, log: LogPipe, process: ChildProcess) {
        self.directory = directory
        gamesDirectory = games
        self.socket = socket
        self.log = log
        self.process = process
    }

    deinit { process.kill() }

    /// Starts the daemon and waits until it is ready.
    ///
    /// - Parameters:
    ///   - manner: how tests have it as a rule; flags win over files, so whoever tests a file takes them away.
    ///   - through: a program that becomes the daemon, and its arguments.
    static func start(
        name: String, games: String, catalog: String?, extra: [String] = [], directory: TemporaryDirectory? = nil,
        manner: [String] = ["--source-grace", "2", "--log-level", "debug"], environment: [String] = [],
        through: [String] = []
    ) async throws -> TestHost {
        let directory = try directory ?? TemporaryDirectory()
        let socket = "\(directory.path)/control.sock"
        let log = try LogPipe()
        var arguments = [
            "--games-dir", games, "--state-dir", "\(directory.path)/state", "--socket", socket,
            "--listen", "127.0.0.1:0", "--name", name, "--no-mdns",
        ]
        arguments += manner
        if let catalog { arguments += ["--catalog", catalog] }
        // An empty configuration: the machine's own must not reach a test.
        arguments += ["--config", "/dev/null"]
        let command = through + ["\(Programs.directory)/lanspreadd"] + arguments + extra
        let process = try ChildProcess.spawn(
            command[0], arguments: Array(command.dropFirst()), environment: ["PATH=/usr/bin:/bin"] + environment,
            descriptors: try log.descriptors(), on: TestLoops.shared)
        let host = TestHost(directory: directory, games: games, socket: socket, log: log, process: process)
        guard await log.wait(for: "The daemon is ready.") else {
            throw TestFailure("\(name) did not start:\n\(log.text)")
        }
        return host
    }

    static func start(_ host: FixtureHost, of set: FixtureSet, extra: [String] = []) async throws -> TestHost {
        try await start(
            name: host.rawValue, games: set.gamesDirectory(of: host), catalog: set.catalog(of: host), extra: extra)
    }

    /// Runs lanspreadctl against this daemon.
    func ctl(_ arguments: String...) async throws -> Outcome {
        try await Self.run("lanspreadctl", ["--socket", socket] + arguments, in: directory)
    }

    /// The same, and anything but success fails the test.
    @discardableResult
    func done(_ arguments: String...) async throws -> JSONValue {
        let outcome = try await Self.run("lanspreadctl", ["--socket", socket, "--json"] + arguments, in: directory)
        guard outcome.status == 0 else {
            throw TestFailure(
                "lanspreadctl \(arguments) ended with \(outcome.status ?? -1): \(outcome.errors)\n\(log.text)")
        }
        return outcome.json
    }

    /// The one operation that a verb began and waited for.
    func operation(_ arguments: String...) async throws -> JSONValue {
        let outcome = try await Self.run("lanspreadctl", ["--socket", socket, "--json"] + arguments, in: directory)
        guard outcome.status == 0, let operation = outcome.json["operations"]?.array?.first else {
            throw TestFailure("lanspreadctl \(arguments) ended with \(outcome)\n\(log.text)")
        }
        return operation
    }

    func address() async throws -> String {
        guard let address = try await done("status")["listen"]?.array?.first?.string else {
            throw TestFailure("the daemon does not say where it listens")
        }
        return address
    }

    func connect(to other: TestHost) async throws {
        try await done("connect", try await other.address())
        try await done("wait-peers", "1", "--timeout", "20")
    }

    /// SIGTERM; the status is nil when a signal ended it.
    func stop() async -> Int32? {
        process.terminate()
        guard case .exited(let status) = await process.wait() else { return nil }
        return status
    }

    func games() throws -> Descriptor { try Files.openDirectory(atPath: gamesDirectory) }

    static func run(
        _ program: String, _ arguments: [String], in directory: TemporaryDirectory, input: String? = nil
    ) async throws -> Outcome {
        let mark = String(RandomSource.system.uint64(), radix: 36)
        let paths = ["\(directory.path)/out-\(mark)", "\(directory.path)/err-\(mark)"]
        let files = try paths.map { try Files.create(atPath: $0, mode: 0o600, exclusive: true) }
        let path = program.hasPrefix("/") ? program : "\(Programs.directory)/\(program)"
        let process = try ChildProcess.spawn(
            path, arguments: arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"],
            descriptors: [try Files.openRead(atPath: "/dev/null")] + files, on: TestLoops.shared)
        let ending = await process.wait()
        let texts = try paths.map { path in
            let bytes = try Files.readAll(try Files.openRead(atPath: path), limit: 16 << 20) ?? []
            try Files.removeFile(atPath: path)
            return String(decoding: bytes, as: UTF8.self)
        }
        var status: Int32?
        if case .exited(let code) = ending { status = code }
        return Outcome(status: status, output: texts[0], errors: texts[1])
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
