import Control
import Model

/// One call of lanspreadctl: reads the command line, runs the verb, says what went wrong.
struct Program {
    let options: Options
    let terminal: Terminal

    static func run(_ arguments: [String]) -> ExitCode {
        let options: Options
        do {
            options = try Options(arguments)
        } catch {
            Terminal.complain(error)
            return ExitCode.of(error.kind)
        }
        let program = Program(options: options, terminal: Terminal(options))
        do {
            return try program.perform()
        } catch {
            return program.fail(error)
        }
    }

    private func perform() throws(Failure) -> ExitCode {
        if options.wantsHelp {
            terminal.data(options.verb.help)
            return .done
        }
        switch options.verb {
        case .status: return try status()
        case .list: return try list()
        case .info: return try info()
        case .peers: return try peers()
        case .peer: return try peer()
        case .connect: return try connectPeer()
        case .waitPeers: return try waitPeers()
        case .download: return try download()
        case .install: return try install()
        case .rescan: return try rescan()
        case .gamesDir: return try gamesDirectory()
        case .operations: return try operations()
        case .transfers: return try transfers()
        case .cancel: return try cancel()
        case .pause: return try pause()
        case .resume: return try resume()
        case .history: return try history()
        case .events: return try events()
        case .logs: return try logs()
        case .catalog: return try catalog()
        case .config: return try config()
        case .reload: return try reload()
        case .identity: return try identity()
        case .shutdown: return try shutdown()
        case .help: return try help()
        case .version: return try version()
        }
    }

    /// The sentence on stderr, the document on stdout for those who asked for one.
    func fail(_ failure: Failure) -> ExitCode {
        if options.json { document(["error": failure.json]) }
        Terminal.complain(failure)
        return ExitCode.of(failure.kind)
    }

    func open() throws(Failure) -> DaemonConnection { try DaemonConnection(options.socketPath) }

    /// One JSON document, on one line.
    func document(_ result: JSONValue) {
        var fields = result.object ?? [:]
        fields["schema_version"] = .int(RPC.schemaVersion)
        terminal.data(JSON.encode(JSONValue.object(fields)) + [UInt8(ascii: "\n")])
    }

    // MARK: - Small verbs

    private func help() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        guard let word = options.words.first else {
            terminal.data(Verb.overview)
            return .done
        }
        guard let verb = Verb(rawValue: word) else {
            let near = Suggestion.nearest(to: word, among: Verb.allCases.map(\.rawValue))
            throw Failure(
                .usage, "lanspreadctl has no verb \(Text.escaped(word)).", subject: word,
                hint: near.map { "Did you mean \($0)?" } ?? "See: lanspreadctl help")
        }
        terminal.data(verb.help)
        return .done
    }

    /// The daemon's version only when it runs; that it does not is no failure here.
    private func version() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        var daemon: String?
        do {
            daemon = try open().call(.daemonStatus)["version"]?.string
        } catch {
            daemon = nil
        }
        if options.json {
            document(["lanspreadctl": .string(Release.version), "lanspreadd": .optional(daemon)])
        } else {
            terminal.data("lanspreadctl \(Release.version)\n")
            terminal.data("lanspreadd \(daemon.map { Text.escaped($0) } ?? "(not running)")\n")
        }
        return .done
    }

    private func connectPeer() throws(Failure) -> ExitCode {
        try options.expect(1...1)
        // A handshake and a hello have their own deadlines, well below this one.
        let result = try open().call(.peerConnect, ["address": .string(options.words[0])], within: .seconds(60))
        if options.json { document(result) } else { terminal.data(result.shown("peer") + "\n") }
        return .done
    }

    private func waitPeers() throws(Failure) -> ExitCode {
        try options.expect(1...1)
        guard let count = Int64(options.words[0]), count >= 0 else {
            throw Failure(.usage, "lanspreadctl wait-peers wants a number of peers.", subject: options.words[0])
        }
        let limit = try options.duration("timeout") ?? .seconds(60)
        let deadline = Deadline(limit)
        var connection = try open()
        while true {
            do {
                let left = JSONValue.double(Double(max(0, deadline.milliseconds)) / 1_000)
                let result = try connection.call(.peerWait, ["count": .int(count), "timeout": left])
                if options.json { document(result) }
                terminal.message("\(Figures.count(result["peers"]?.int ?? count, "peer")) connected.")
                return .done
            } catch {
                guard error.isLostConnection else { throw error }
                connection = try Reattachment(options, terminal).attach(nil, until: deadline)
            }
        }
    }
}

/// How several things that were asked for at once ended together.
struct Tally {
    private var codes: [ExitCode] = []

    mutating func add(_ code: ExitCode) { codes.append(code) }

    /// All the same: that; some well and some not: 2; failed differently: 1.
    var exitCode: ExitCode {
        guard let first = codes.first else { return .done }
        if codes.allSatisfy({ $0 == first }) { return first }
        return codes.contains(.done) ? .someFailed : .failed
    }
}

extension Terminal {
    static func complain(_ failure: Failure) {
        let sentence = Text.escaped(failure.sentence, limit: 4_096)
        let hint = failure.hint.map { " " + Text.escaped($0, limit: 4_096) } ?? ""
        complain(sentence + hint)
    }
}

extension JSONValue {
    /// A field for a terminal: escaped, since titles and names come from other machines; "-" when there is none.
    func shown(_ key: String, limit: Int = 256) -> String {
        switch self[key] {
        case .string(let text): Text.escaped(text, limit: limit)
        case .int(let number): String(number)
        case .double(let number): String(number)
        case .bool(let flag): flag ? "yes" : "no"
        default: "-"
        }
    }
}
