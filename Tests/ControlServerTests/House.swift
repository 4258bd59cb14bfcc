import Control
import ControlServer
import Linux
import Model
import Runtime
import Synchronization
import TestKit

/// A control server with a handler whose waits a test ends.
final class House: Sendable {
    let path: String
    let handler = ScriptedHandler()
    let records = TraceSink()
    let loop: EventLoop
    private let server: ControlServer
    private let directory: TemporaryDirectory

    init(_ settings: ControlServerSettings = ControlServerSettings(), inherited: Descriptor? = nil) throws {
        directory = try TemporaryDirectory()
        path = directory.path + "/control.sock"
        loop = try EventLoop(name: "control-test")
        server = ControlServer(
            socketPath: path, inherited: inherited, handler: handler, loop: loop,
            log: Log(component: "control", sink: records, level: .debug), settings: settings)
    }

    deinit {
        loop.stop()
    }

    /// Runs the server, then `body` while it is up, then stops the server; all within 20 seconds.
    func open(_ body: @escaping @Sendable (House) async throws -> Void) async throws {
        try await within(.seconds(20)) {
            let up = OneShot<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        try await self.server.run(up: { up.give() })
                    } catch {
                        // A server that failed to come up must not leave the test waiting.
                        up.give()
                        throw error
                    }
                }
                await up.take()
                do {
                    try await body(self)
                } catch {
                    group.cancelAll()
                    throw error
                }
                group.cancelAll()
                do {
                    while try await group.next() != nil {}
                } catch is CancellationError {
                    return
                }
            }
        }
    }

    func write(_ name: String, _ text: String) throws { try directory.write(name, Array(text.utf8)) }

    /// The permissions of a file beside the socket; nil when it is not there.
    func mode(_ name: String = "control.sock") -> UInt32? {
        guard directory.exists(name) else { return nil }
        return try? Beneath.status(directory.descriptor, Array(name.utf8)).mode & 0o7777
    }

    /// Waits until the log holds the sentence.
    func says(_ sentence: String) async {
        _ = await records.trace.wait(until: { $0.contains { $0.sentence == sentence } })
    }

    func client() throws -> Client { try Client(path, loop) }
}

/// Answers as a test tells it; remembers what was called.
final class ScriptedHandler: ControlHandler {
    struct State {
        var calls: [String] = []
        var cancelled: [String] = []
        var reply: JSONValue = [:]
        var feeds: [EventFeed] = []
        var snapshot: JSONValue = ["games": []]
    }

    let state = Mutex(State())
    /// `operation.wait` and `game.install` wait here.
    let gate = AsyncGate()
    let began = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(256))
    let ended = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(256))

    func call(
        _ method: ControlMethod, _ parameters: JSONValue, from client: ControlClient
    ) async throws(Failure) -> JSONValue {
        state.withLock { $0.calls.append(method.name) }
        began.continuation.yield(method.name)
        defer { ended.continuation.yield(method.name) }
        switch method {
        case .operationWait, .gameInstall:
            do {
                try await gate.wait()
            } catch {
                state.withLock { $0.cancelled.append(method.name) }
                throw Failure(.cancelled, "Told to stop.")
            }
            return ["waited": true]
        case .operationCancel:
            gate.open()
            return [:]
        case .gameInfo:
            throw Failure(.noSuchGame, "There is no such game.", subject: parameters["game"]?.string, hint: "Look.")
        default: return state.withLock { $0.reply }
        }
    }

    func subscribe(since: EventPosition?) async throws(Failure) -> EventSubscription {
        let feed = EventFeed()
        let snapshot = state.withLock { state in
            state.feeds.append(feed)
            return state.snapshot
        }
        return EventSubscription(
            position: EventPosition(epoch: "e", number: since?.number ?? 10), snapshot: snapshot, feed: feed)
    }

    func next(_ stream: AsyncStream<String>) async -> String? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }
}
