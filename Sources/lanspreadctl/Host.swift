import Control
import Linux
import Model

// The verbs about the daemon itself: its settings, its identity, its end.

extension Program {
    // MARK: - Settings

    func reload() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let result = try open().call(.daemonReload)
        if options.json { document(result) }
        for warning in result["warnings"]?.array ?? [] {
            Terminal.complain(Text.escaped(warning.string ?? "", limit: 4_096))
        }
        let changed = words(result, "changed")
        terminal.message(
            changed.isEmpty
                ? "The settings were read again; nothing changes."
                : "New values now: \(changed.joined(separator: ", ")).")
        let waiting = words(result, "needs_restart")
        if !waiting.isEmpty {
            let verb = waiting.count == 1 ? "needs" : "need"
            terminal.message("\(waiting.joined(separator: ", ")) \(verb) a restart: systemctl restart lanspreadd")
        }
        return .done
    }

    private func words(_ result: JSONValue, _ key: String) -> [String] {
        (result[key]?.array ?? []).compactMap { $0.string.map { Text.escaped($0) } }
    }

    func config() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        try subverb(among: ["show"])
        let result = try open().call(.configShow)
        if options.json {
            document(result)
            return .done
        }
        let rows = result["settings"]?.array ?? []
        terminal.data(options.has("origin") ? origins(rows) : file(rows))
        return .done
    }

    /// As a file that lanspreadd takes.
    private func file(_ rows: [JSONValue]) -> String {
        var lines = ["[lanspreadd]"]
        for row in rows {
            let key = row.shown("key")
            lines.append("\(key) = \(row.shown("value", limit: 16_384))")
            guard let next = row["next"], next != .null else { continue }
            lines.append("# After a restart: \(key) = \(next.shown("value", limit: 16_384))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func origins(_ rows: [JSONValue]) -> String {
        var table = Table([
            .init(title: "SETTING"), .init(title: "VALUE", canShrink: true), .init(title: "ORIGIN", canShrink: true),
            .init(title: "AFTER A RESTART", canShrink: true),
        ])
        for row in rows {
            var later = "-"
            if let next = row["next"], next != .null {
                later = "\(next.shown("value", limit: 16_384)) (\(next.shown("origin", limit: 4_096)))"
            }
            let value = row.shown("value", limit: 16_384)
            table.rows.append([
                .init(row.shown("key")), .init(value.isEmpty ? "-" : value),
                .init(row.shown("origin", limit: 4_096)), .init(later, later == "-" ? .dim : .yellow),
            ])
        }
        return table.text(terminal, legend: !options.noLegend)
    }

    /// The word after the verb, or the first of those that there are.
    @discardableResult
    private func subverb(among known: [String]) throws(Failure) -> String {
        guard let word = options.words.first else { return known[0] }
        guard known.contains(word) else {
            let near = Suggestion.nearest(to: word, among: known)
            throw Failure(
                .usage, "lanspreadctl \(options.verb.rawValue) does not know \(Text.escaped(word)).", subject: word,
                hint: near.map { "Did you mean \($0)?" } ?? "See: lanspreadctl \(options.verb.rawValue) --help")
        }
        return word
    }

    // MARK: - Identity

    func identity() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        if try subverb(among: ["show", "renew"]) == "renew" { return try renewIdentity() }
        let identity = try open().call(.daemonStatus)["identity"] ?? .null
        if options.json {
            document(["identity": identity])
        } else {
            terminal.data((identity.string.map { Text.escaped($0) } ?? "-") + "\n")
        }
        return .done
    }

    private func renewIdentity() throws(Failure) -> ExitCode {
        // Whether there is somebody to do it, before anybody is asked.
        let connection = try open()
        try confirm(
            "After the next start peers will know this host by another identity, and take it for another host.",
            refused: "The identity stays as it is.")
        let result = try connection.call(.identityRenew)
        if options.json { document(result) } else { terminal.data(result.shown("next") + "\n") }
        terminal.message(
            "It is used after the next start: systemctl restart lanspreadd. "
                + "The old key is kept as \(result.shown("kept", limit: 4_096)).")
        return .done
    }

    /// Goes on when `--yes` was given or a person says so.
    private func confirm(_ consequence: String, refused: String) throws(Failure) {
        guard !options.has("yes") else { return }
        guard Terminal.hasPerson else {
            throw Failure(.usage, "Nobody can be asked here. \(consequence)", hint: "Give --yes to go on all the same.")
        }
        guard terminal.asks("\(consequence) Go on?") else { throw Failure(.cancelled, refused) }
    }

    // MARK: - The end

    func shutdown() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let connection = try open()
        let status = try connection.call(.daemonStatus)
        let running = (try connection.list(.operationList)["operations"]?.array ?? [])
            .compactMap(OperationView.init).filter { !$0.isEnded }
        // Taken before the daemon is told, while the number can be no other process's.
        let process = status["pid"]?.int.flatMap { Int32(exactly: $0) }.flatMap(Spawn.watch)
        _ = try connection.call(.daemonShutdown)
        terminal.message("The daemon is stopping.")
        // An orderly stop takes five seconds at most.
        let deadline = Deadline(.seconds(10))
        let hasEnded = connection.waitForEnd(until: deadline) && process.map { deadline.waits(for: $0) } ?? true
        if options.json {
            document([
                "stopped": .bool(hasEnded), "operations": .array(running.map(\.json)),
                "outbound_transfers": status["outbound_transfers"] ?? 0,
            ])
        }
        tellCut(running, transfers: status["outbound_transfers"]?.int ?? 0)
        guard hasEnded else {
            throw Failure(.timeout, "The daemon has not ended in 10 s.", hint: "See: lanspreadctl logs --no-follow")
        }
        terminal.message("The daemon has stopped.")
        return .done
    }

    private func tellCut(_ running: [OperationView], transfers: Int64) {
        for view in running {
            let fate = view.kind == "download" ? "goes on at" : "is cut short and reported at"
            terminal.message("Operation \(view.number) (\(view.game)) \(fate) the next start.")
        }
        guard transfers > 0 else { return }
        terminal.message("\(Figures.count(transfers, "transfer")) to peers cut off; the peers ask other sources.")
    }
}
