import Control
import Model

// The verbs that begin an operation and wait for it.

extension Program {
    func download() throws(Failure) -> ExitCode {
        try options.expect(1...64)
        var extra: [String: JSONValue] = [
            "install": .bool(!options.has("no-install")), "overwrite": .bool(options.has("overwrite")),
        ]
        if let root = options.value("root") {
            guard Root(hex: root) != nil else {
                throw Failure(.usage, "The flag --root wants 64 hexadecimal digits, as lanspreadctl info shows them.")
            }
            guard options.words.count == 1 else { throw Failure(.usage, "The flag --root goes with one game.") }
            extra["root"] = .string(root)
        }
        return try fetch(.gameDownload, extra)
    }

    func install() throws(Failure) -> ExitCode {
        try options.expect(1...64)
        return try fetch(.gameInstall, [:])
    }

    private func fetch(_ method: ControlMethod, _ extra: [String: JSONValue]) throws(Failure) -> ExitCode {
        let limit = try options.duration("timeout")
        let connection = try open()
        var tally = Tally()
        if options.has("no-block") {
            let numbers = try begin(method, extra, connection, &tally)
            if options.json {
                document(["operation_ids": .array(numbers.map(JSONValue.int))])
            } else {
                for number in numbers { terminal.data("\(number)\n") }
            }
            return tally.exitCode
        }
        var follower = try Follower(connection, options, terminal)
        for number in try begin(method, extra, connection, &tally) { try follower.add(number) }
        let ending = try follower.follow(until: Deadline(limit))
        return report(ending, follower.views, &tally)
    }

    /// The numbers of what began. One game that cannot begin fails the call, one of several only itself.
    private func begin(
        _ method: ControlMethod, _ extra: [String: JSONValue], _ connection: DaemonConnection, _ tally: inout Tally
    ) throws(Failure) -> [Int64] {
        var numbers: [Int64] = []
        for word in options.words {
            do throws(Failure) {
                var parameters = extra
                parameters["game"] = .string(try GameArgument.resolve(word, connection).text)
                let result = try connection.call(method, .object(parameters))
                guard let number = result["operation_id"]?.int else {
                    throw Failure(.internalFault, "The daemon did not say which operation it began.")
                }
                numbers.append(number)
                if options.has("no-block") { tally.add(.done) }
            } catch {
                guard options.words.count > 1 else { throw error }
                Terminal.complain(error)
                tally.add(ExitCode.of(error.kind))
            }
        }
        return numbers
    }

    private func report(_ ending: Follower.Ending, _ views: [OperationView], _ tally: inout Tally) -> ExitCode {
        if options.json { document(["operations": .array(views.map(\.json))]) }
        for view in views where view.isEnded {
            let code = view.exitCode
            if code == .done { terminal.message(view.ending + ".") } else { Terminal.complain(view.ending) }
            tally.add(code)
        }
        switch ending {
        case .ended: return tally.exitCode
        case .left: return .interrupted
        case .timedOut:
            for view in views where !view.isEnded { terminal.message(Follower.continues(view.number)) }
            return .timeout
        }
    }
}
