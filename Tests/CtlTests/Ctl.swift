import Control
import Linux
import Model
import Runtime
import Synchronization
import TestKit

/// One run of the real lanspreadctl, which is built beside the tests.
final class Ctl: Sendable {
    struct Output: Sendable {
        let status: Int32
        let stdout: String
        let stderr: String

        var json: JSONValue? {
            try? JSON.decode(JSONValue.self, from: Array(stdout.utf8), limit: Limits.controlReplyBytes)
        }
    }

    private let process: SpawnedProcess
    private let ended: Readiness
    private let stdout: Pipe
    private let stderr: Pipe

    /// - Parameter terminal: what stands for the keyboard and, in place of stderr, for the screen.
    init(_ arguments: [String], environment: [String], loop: EventLoop, terminal: Descriptor? = nil) throws {
        let nothing = try Descriptor.pipe()
        let (stdout, outputEnd) = try Pipe.make(loop)
        let (stderr, errorEnd) = try Pipe.make(loop)
        process = try Spawn.start(
            Machine.programDirectory + "/lanspreadctl", arguments: arguments, environment: environment,
            descriptors: [terminal ?? nothing.read, outputEnd, terminal ?? errorEnd])
        ended = Readiness(process.pidDescriptor, on: loop)
        self.stdout = stdout
        self.stderr = stderr
    }

    func signal(_ number: Int32) throws { try Spawn.signal(process, number) }

    /// Waits until stderr holds the text.
    func says(_ text: String) async throws { try await stderr.read { $0.contains(text) } }

    /// Waits until stdout holds so many lines.
    func prints(lines: Int) async throws -> String {
        try await stdout.read { $0.split(separator: "\n").count >= lines }
    }

    /// Waits for the end.
    func output() async throws -> Output {
        let out = try await stdout.read { _ in false }
        let err = try await stderr.read { _ in false }
        try await ended.readable()
        switch try Spawn.reap(process) {
        case .exited(let status): return Output(status: status, stdout: out, stderr: err)
        case .signalled(let number): return Output(status: 128 + number, stdout: out, stderr: err)
        case nil: return Output(status: -1, stdout: out, stderr: err)
        }
    }

    private final class Pipe: Sendable {
        private let descriptor: Descriptor
        private let readiness: Readiness
        private let seen = Mutex("")

        static func make(_ loop: EventLoop) throws -> (Pipe, Descriptor) {
            let ends = try Descriptor.pipe()
            try ends.read.setNonblocking(true)
            return (Pipe(ends.read, loop), ends.write)
        }

        private init(_ descriptor: Descriptor, _ loop: EventLoop) {
            self.descriptor = descriptor
            readiness = Readiness(descriptor, on: loop)
        }

        /// Reads until `isEnough` or the end; everything that ever came.
        @discardableResult
        func read(until isEnough: (String) -> Bool) async throws -> String {
            var room = [UInt8](repeating: 0, count: 65_536)
            while true {
                let text = seen.withLock { $0 }
                if isEnough(text) { return text }
                guard let count = try room.withUnsafeMutableBytes({ try descriptor.read(into: $0) }) else {
                    try await readiness.readable()
                    continue
                }
                if count == 0 { return text }
                seen.withLock { $0 += String(decoding: room[..<count], as: UTF8.self) }
            }
        }
    }
}
