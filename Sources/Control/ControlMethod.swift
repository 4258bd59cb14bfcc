package import Model

/// Every method of the control socket. What each one takes, answers and may refuse stands in `entry`: the server's
/// checks, `rpc.discover` and docs/control.md come from there.
package enum ControlMethod: String, CaseIterable, Sendable {
    case daemonStatus = "daemon.status"
    case daemonShutdown = "daemon.shutdown"
    case daemonReload = "daemon.reload"
    case configShow = "config.show"
    case identityRenew = "identity.renew"
    case peerList = "peer.list"
    case peerConnect = "peer.connect"
    case peerWait = "peer.wait"
    case peerForget = "peer.forget"
    case peerBlock = "peer.block"
    case catalogShow = "catalog.show"
    case catalogInit = "catalog.init"
    case catalogAdd = "catalog.add"
    case catalogRemove = "catalog.remove"
    case gameList = "game.list"
    case gameInfo = "game.info"
    case gameDownload = "game.download"
    case gameInstall = "game.install"
    case libraryRescan = "library.rescan"
    case gamesDirSet = "games_dir.set"
    case operationList = "operation.list"
    case operationGet = "operation.get"
    case operationWait = "operation.wait"
    case operationCancel = "operation.cancel"
    case operationPause = "operation.pause"
    case operationResume = "operation.resume"
    case historyList = "history.list"
    case historyGet = "history.get"
    case transferList = "transfer.list"
    case eventsSubscribe = "events.subscribe"
    case rpcVersion = "rpc.version"
    case rpcDiscover = "rpc.discover"

    package var name: String { rawValue }

    /// False for what waits for somebody else, or looks at every file of the games before it answers.
    package var answersAtOnce: Bool {
        switch self {
        case .daemonReload, .peerConnect, .peerWait, .catalogInit, .catalogAdd, .catalogRemove, .libraryRescan,
            .gamesDirSet, .operationWait:
            false
        default: true
        }
    }
}

extension ControlMethod {
    /// One line of the verb table.
    package struct Entry: Sendable {
        package let summary: String
        package let parameters: [ControlParameter]
        /// What the result holds, in one sentence.
        package let result: String
        /// A call that changes something is logged with who made it.
        package var mutates = false
        /// The list of the result and its key, when the result is paged.
        package var page: ControlPage?
        /// What it may refuse beyond `usage`, `busy` and `shutting_down`, which every method may.
        package var failures: [Failure.Kind] = []
        /// Events that follow from the call.
        package var events: [String] = []
        package let example: ControlExample
    }

    /// Checks `parameters` against the table, fills in defaults and drops nulls.
    ///
    /// An unknown parameter is refused and not ignored: a script that misspells `overwrite` has to hear of it.
    package func check(_ parameters: JSONValue) throws(Failure) -> JSONValue {
        guard let given = parameters.object else {
            throw Failure(.usage, "The parameters of \(name) are not an object.", subject: name)
        }
        let known = entry.parameters
        for key in given.keys.sorted() where !known.contains(where: { $0.name == key }) {
            let names = known.map(\.name).joined(separator: ", ")
            throw Failure(
                .usage, "\(name) has no parameter \(Text.escaped(key)).", subject: key,
                hint: known.isEmpty ? "It has no parameters." : "It has: \(names).")
        }
        var checked: [String: JSONValue] = [:]
        for parameter in known {
            if let value = given[parameter.name], value != .null {
                guard parameter.kind.admits(value) else {
                    throw Failure(
                        .usage, "\(name) wants \(parameter.name) to be \(parameter.kind.description).",
                        subject: parameter.name)
                }
                checked[parameter.name] = value
            } else {
                switch parameter.need {
                case .required:
                    throw Failure(.usage, "\(name) needs the parameter \(parameter.name).", subject: parameter.name)
                case .optional: continue
                case .preset(let value): checked[parameter.name] = value
                }
            }
        }
        return .object(checked)
    }
}

/// One parameter of a method.
package struct ControlParameter: Sendable {
    package enum Need: Hashable, Sendable {
        case required, optional
        /// Optional, and what it is when it is not given.
        case preset(JSONValue)
    }

    package let name: String
    package let kind: Kind
    package let need: Need
    package let summary: String

    init(_ name: String, _ kind: Kind, _ need: Need, _ summary: String) {
        self.name = name
        self.kind = kind
        self.need = need
        self.summary = summary
    }
}

extension ControlParameter {
    package enum Kind: Sendable {
        case game, version, operation, root, address, count, bytes, seconds, flag, text, path, position

        package func admits(_ value: JSONValue) -> Bool {
            switch self {
            case .game: value.string.flatMap { GameID($0) } != nil
            case .version: value.string.flatMap { GameVersion($0) } != nil
            case .operation: value.int.map { $0 > 0 } ?? false
            case .root: value.string.flatMap { Root(hex: $0) } != nil
            case .address, .text: value.string.map { $0.utf8.count <= Limits.controlTextBytes } ?? false
            case .path:
                value.string.map {
                    $0.hasPrefix("/") && $0.utf8.count < Limits.controlPathBytes && !$0.utf8.contains(0)
                } ?? false
            case .count: value.int.map { (0...Int64(Int32.max)).contains($0) } ?? false
            case .bytes: value.int.map { (0...Int64(Limits.gameBytes)).contains($0) } ?? false
            case .seconds: value.seconds != nil
            case .flag: value.bool != nil
            case .position: EventPosition(json: value) != nil
            }
        }

        /// As it follows "to be".
        package var description: String {
            switch self {
            case .game: "a game id (a-z, 0-9, _ and -, at most \(Limits.gameIDBytes))"
            case .version: "a version (ASCII without blanks, at most \(Limits.versionBytes) bytes)"
            case .operation: "the number of an operation"
            case .root: "a root (64 hexadecimal digits, lower case)"
            case .address: "an address and a port, as 192.168.1.20:47600 or [fe80::1%eth0]:47600"
            case .count: "a whole number, 0 or more"
            case .bytes: "bytes, 0 to \(Limits.gameBytes)"
            case .seconds: "seconds, 0 or more"
            case .flag: "true or false"
            case .text: "a text of at most \(Limits.controlTextBytes) bytes"
            case .path: "an absolute path of less than \(Limits.controlPathBytes) bytes"
            case .position: "an object with epoch and number"
            }
        }

        /// JSON Schema, for `rpc.discover`.
        package var schema: JSONValue {
            switch self {
            case .game: ["type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"]
            case .version: ["type": "string", "pattern": "^[!-~]{1,64}$"]
            case .operation: ["type": "integer", "minimum": 1]
            case .root: ["type": "string", "pattern": "^[0-9a-f]{64}$"]
            case .address, .text: ["type": "string", "maxLength": .count(Limits.controlTextBytes)]
            case .path: ["type": "string", "pattern": "^/", "maxLength": .count(Limits.controlPathBytes - 1)]
            case .count: ["type": "integer", "minimum": 0]
            case .bytes: ["type": "integer", "minimum": 0, "maximum": .bytes(Limits.gameBytes)]
            case .seconds: ["type": "number", "minimum": 0, "maximum": .double(Limits.controlWaitSeconds)]
            case .flag: ["type": "boolean"]
            case .position:
                [
                    "type": "object", "required": ["epoch", "number"],
                    "properties": ["epoch": ["type": "string"], "number": ["type": "integer", "minimum": 0]],
                ]
            }
        }
    }
}

extension JSONValue {
    /// A duration in seconds, whole or not; nil when it is no number, negative or beyond a year.
    package var seconds: Duration? {
        let number: Double
        switch self {
        case .int(let value): number = Double(value)
        case .double(let value): number = value
        default: return nil
        }
        guard number >= 0, number <= Limits.controlWaitSeconds else { return nil }
        return .milliseconds(Int64(number * 1_000))
    }
}

/// A call and its answer, for the manual and `rpc.discover`.
package struct ControlExample: Sendable {
    package let parameters: JSONValue
    package let result: JSONValue

    init(_ parameters: JSONValue, _ result: JSONValue) {
        self.parameters = parameters
        self.result = result
    }
}
