import Control
import ControlServer
import Linux
import Model
import Runtime
import Synchronization
import TestKit

/// A real control server whose games and operations a test moves by hand.
final class StubDaemon: ControlHandler {
    struct State {
        var games: [JSONValue] = [
            StubDaemon.game("quake", "Quake"), StubDaemon.game("quake2", "Quake II"),
            StubDaemon.game("cnc4", "Command & Conquer 4: Tiberian Twilight"), StubDaemon.game("ggoo", "Goo"),
        ]
        var operations: [Int64: [String: JSONValue]] = [:]
        var nextOperation: Int64 = 42
        var epoch = "e1"
        var number: UInt64 = 0
        var feeds: [EventFeed] = []
        /// What a call that begins something is answered with instead.
        var refusals: [String: Failure] = [:]
        var parameters: [JSONValue] = []
        var reload: JSONValue = ["changed": [], "needs_restart": [], "warnings": []]
        var settings: JSONValue = ["settings": []]
        var renewals = 0
        var transfers: [JSONValue] = []
        var components: [JSONValue] = []
        var gamesDirectory = "/srv/lanspread"
        /// Operations end as soon as they begin, before the reply goes out.
        var ending: [String: JSONValue]?
    }

    let state = Mutex(State())
    let calls = Trace<ControlMethod>()

    static func game(_ id: String, _ title: String) -> JSONValue {
        [
            "game": .string(id), "title": .string(title), "version": "20240131", "local_version": .null,
            "availability": .null, "installed": false, "bytes": 734_003_200, "sources": 2, "peers": 2,
        ]
    }

    static func transfer(_ direction: String, _ operation: Int64?) -> JSONValue {
        [
            "transfer": .string("\(direction)/quake"), "direction": .string(direction), "game": "quake",
            "peer": "5f5f", "name": "bravo", "operation_id": .optional(operation), "bytes": 367_001_600,
            "rate": 117_000_000, "since": "2026-11-20T18:00:00Z", "limit": .null,
        ]
    }

    func call(
        _ method: ControlMethod, _ parameters: JSONValue, from client: ControlClient
    ) async throws(Failure) -> JSONValue {
        let result = try state.withLock { state throws(Failure) in
            state.parameters.append(parameters)
            return try Self.answer(method, parameters, &state)
        }
        calls.record(method)
        return result
    }

    func subscribe(since: EventPosition?) async throws(Failure) -> EventSubscription {
        let feed = EventFeed()
        let position = state.withLock { state in
            state.feeds.append(feed)
            return EventPosition(epoch: state.epoch, number: state.number)
        }
        calls.record(.eventsSubscribe)
        let snapshot: JSONValue = ["games": [], "operations": [], "peers": []]
        return EventSubscription(position: position, snapshot: snapshot, feed: feed)
    }

    private static func answer(
        _ method: ControlMethod, _ parameters: JSONValue, _ state: inout State
    ) throws(Failure) -> JSONValue {
        switch method {
        case .daemonStatus:
            var fields = status.object ?? [:]
            fields["components"] = .array(state.components)
            fields["games_dir"] = .string(state.gamesDirectory)
            return .object(fields)
        case .gameList: return ["games": .array(state.games)]
        case .transferList: return ["transfers": .array(state.transfers)]
        case .peerList: return ["peers": [peer, offline]]
        case .peerForget, .peerBlock:
            guard ["bravo", "5f5f"].contains(parameters["peer"]?.string) else {
                throw Failure(.noSuchPeer, "No peer zulu is known.")
            }
            return ["peer": peer["peer"] ?? .null, "blocked": parameters["blocked"] ?? .null]
        case .gameInfo:
            guard let row = state.games.first(where: { $0["game"] == parameters["game"] }) else {
                throw Failure(.noSuchGame, "There is no such game.")
            }
            return row
        case .gameDownload, .gameInstall: return try begin(method, parameters, &state)
        case .operationList: return ["operations": .array(state.operations.values.map(JSONValue.object))]
        case .operationGet, .operationWait, .operationCancel:
            let number = parameters["operation_id"]?.int ?? 0
            guard let operation = state.operations[number] else {
                throw Failure(.noSuchOperation, "There is no operation \(number).")
            }
            if method == .operationCancel {
                change(number, ["state": "cancelled", "phase": "done"], EventName.operationFailed, &state)
            }
            return .object(state.operations[number] ?? operation)
        case .daemonReload: return state.reload
        case .configShow: return state.settings
        case .identityRenew:
            state.renewals += 1
            return [
                "identity": .string(String(repeating: "a1", count: 32)),
                "next": .string(String(repeating: "b2", count: 32)),
                "kept": "/var/lib/lanspread/identity.pem.old",
            ]
        case .peerConnect: return ["peer": .string(String(repeating: "5f", count: 32))]
        case .peerWait:
            if (parameters["count"]?.int ?? 0) > 2 { throw Failure(.timeout, "Only 2 peers came.") }
            return ["peers": 2]
        case .libraryRescan:
            return ["changed": ["quake"], "deferred": ["ggoo"], "games_dir": "/srv/lanspread"]
        case .gamesDirSet:
            let isChanged = parameters["path"]?.string != "/srv/lanspread"
            return ["games_dir": parameters["path"] ?? .null, "changed": .bool(isChanged)]
        default: return [:]
        }
    }

    private static func begin(
        _ method: ControlMethod, _ parameters: JSONValue, _ state: inout State
    ) throws(Failure) -> JSONValue {
        let game = parameters["game"]?.string ?? ""
        if let refusal = state.refusals[game] { throw refusal }
        let number = state.nextOperation
        state.nextOperation += 1
        state.operations[number] = [
            "operation_id": .int(number), "game": .string(game),
            "kind": method == .gameDownload ? "download" : "install", "phase": "waiting_for_source",
            "state": "running", "bytes_done": 0, "bytes_total": 734_003_200, "rate": 0, "sources": 0,
            "started": "2026-11-20T18:00:00Z", "ended": .null, "failure": .null, "outcome": .null,
        ]
        if let ending = state.ending { change(number, ending, EventName.operationFinished, &state) }
        return ["operation_id": .int(number)]
    }

    // MARK: - Moved by a test

    func change(_ number: Int64, _ fields: [String: JSONValue], _ event: String = EventName.operationProgress) {
        state.withLock { Self.change(number, fields, event, &$0) }
    }

    func finish(_ number: Int64) {
        change(
            number, ["state": "finished", "phase": "done", "bytes_done": 734_003_200, "outcome": "installed"],
            EventName.operationFinished)
    }

    private static func change(_ number: Int64, _ fields: [String: JSONValue], _ event: String, _ state: inout State) {
        state.operations[number]?.merge(fields, uniquingKeysWith: { $1 })
        state.number += 1
        let operation = JSONValue.object(state.operations[number] ?? [:])
        let event = ControlEvent(number: state.number, name: event, fields: ["operation": operation])
        state.feeds.removeAll { !$0.offer(event) }
    }

    private static let status: JSONValue = [
        "name": "alpha", "identity": .string(String(repeating: "a1", count: 32)), "version": "0.1.0",
        "uptime_seconds": 3_725, "listen": ["192.168.1.10:47600"], "games_dir": "/srv/lanspread", "state": "degraded",
        "catalog": ["path": "/srv/lanspread/game.db", "games": 412], "peers": 1, "games": 4, "operations": 0,
        "outbound_transfers": 0, "components": [],
        "degraded": [["component": "Discovery", "reason": "Avahi is not running.", "hint": "Start avahi-daemon."]],
    ]

    private static let peer: JSONValue = [
        "peer": .string(String(repeating: "5f", count: 32)), "name": "bra\u{1b}[31mvo", "address": "192.168.1.20:47600",
        "state": "connected", "games": 7, "connected_seconds": 125, "last_seen": "2026-11-20T18:02:05Z",
    ]
    private static let offline: JSONValue = [
        "peer": .string(String(repeating: "6a", count: 32)), "name": "charlie", "address": "192.168.1.30:47600",
        "state": "offline", "games": 0, "connected_seconds": .null, "last_seen": "2026-11-20T18:00:00Z",
    ]
}

/// The server around a stub, in a directory of its own.
final class StubHouse: Sendable {
    let daemon = StubDaemon()
    let directory: TemporaryDirectory
    let loop: EventLoop

    var socketPath: String { directory.path + "/control.sock" }

    init() throws {
        directory = try TemporaryDirectory()
        loop = try EventLoop(name: "ctl-test")
    }

    deinit { loop.stop() }

    /// Runs the server while `body` runs.
    func up(_ body: @escaping @Sendable (StubHouse) async throws -> Void) async throws {
        let server = ControlServer(socketPath: socketPath, handler: daemon, loop: loop, log: .silent)
        let isUp = OneShot<Void>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { isUp.give() }
                do {
                    try await server.run(up: { isUp.give() })
                } catch is CancellationError {
                    return
                }
            }
            await isUp.take()
            defer { group.cancelAll() }
            try await body(self)
        }
    }

    /// `up` in a test that has 20 seconds.
    func open(_ body: @escaping @Sendable (StubHouse) async throws -> Void) async throws {
        try await within(.seconds(20)) { try await self.up(body) }
    }

    func ctl(_ arguments: String..., environment: [String] = []) throws -> Ctl {
        try Ctl(["--socket", socketPath] + arguments, environment: environment, loop: loop)
    }

    func run(_ arguments: String...) async throws -> Ctl.Output {
        try await Ctl(["--socket", socketPath] + arguments, environment: [], loop: loop).output()
    }
}
