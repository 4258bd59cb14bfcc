import Control
import Model

// The verbs that only look.

extension Program {
    func status() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let status: JSONValue
        do {
            status = try open().call(.daemonStatus)
        } catch {
            guard error == DaemonConnection.notRunning else { throw error }
            if options.json { document(["state": "stopped", "error": error.json]) }
            Terminal.complain(error)
            return .notRunning
        }
        if options.json { document(status) } else { terminal.data(describe(status)) }
        return .done
    }

    private func describe(_ status: JSONValue) -> String {
        let degraded = status["degraded"]?.array ?? []
        let state = status.shown("state")
        var text = terminal.paint(status.shown("name"), .bold) + " is "
        text += terminal.paint(state, state == "ready" ? .green : .yellow) + "\n"
        let catalog = status["catalog"] ?? .null
        let all = catalog["games"]?.int.map { " of \($0) in the catalog" } ?? ""
        let listen = (status["listen"]?.array ?? []).compactMap(\.string).map { Text.escaped($0) }
        text += rows([
            ("version", "\(status.shown("version")), up \(Figures.seconds(status["uptime_seconds"]?.int ?? 0))"),
            ("identity", status.shown("identity")),
            ("listening on", listen.isEmpty ? "nothing" : listen.joined(separator: ", ")),
            ("games", "\(status.shown("games"))\(all), in \(status.shown("games_dir", limit: 4_096))"),
            ("catalog", catalog == .null ? "none" : catalog.shown("path", limit: 4_096)),
            ("peers", status.shown("peers")),
            ("operations", status.shown("operations")),
            ("sending", Figures.count(status["outbound_transfers"]?.int ?? 0, "transfer")),
        ])
        for row in degraded {
            text += terminal.paint("degraded", .yellow) + "  \(row.shown("component")): "
            text += row.shown("reason", limit: 1_024)
            text += row["hint"]?.string.map { " " + Text.escaped($0, limit: 1_024) } ?? ""
            text += "\n"
        }
        return text + components(status)
    }

    /// Those that do not simply run, or have not all the time; with `--all` every one.
    private func components(_ status: JSONValue) -> String {
        let isVerbose = options.has("all") || options.has("verbose")
        var table = Table([
            .init(title: "COMPONENT"), .init(title: "STATE"), .init(title: "RESTARTS", isNumber: true),
            .init(title: "REASON", canShrink: true),
        ])
        for row in status["components"]?.array ?? [] {
            let state = row.shown("state")
            let isPlain = state == "running" && row["restarts"]?.int ?? 0 == 0
            guard isVerbose || !isPlain else { continue }
            var reason = row.shown("reason", limit: 1_024)
            if reason == "-", let last = row["last_reason"]?.string {
                reason = "last: \(Text.escaped(last, limit: 1_024))"
            }
            table.rows.append([
                .init(row.shown("name")), .init(state, state == "running" ? .green : .yellow),
                .init(row.shown("restarts")), .init(reason),
            ])
        }
        return table.rows.isEmpty ? "" : "\n" + table.text(terminal, legend: !options.noLegend)
    }

    func rows(_ rows: [(String, String)]) -> String {
        rows.map { "  " + Table.padded($0.0, 14) + $0.1 + "\n" }.joined()
    }

    /// Eight digits are enough for eyes; `--json` has them all.
    func short(_ row: JSONValue, _ key: String) -> String {
        terminal.outputColumns == nil ? row.shown(key) : String(row.shown(key).prefix(8))
    }

    func operations() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let result = try open().list(.operationList)
        if options.json {
            document(result)
            return .done
        }
        var table = Table([
            .init(title: "OPERATION", isNumber: true), .init(title: "GAME"), .init(title: "KIND"),
            .init(title: "STATE"), .init(title: "DONE", isNumber: true), .init(title: "SIZE", isNumber: true),
            .init(title: "STARTED"), .init(title: "OUTCOME", canShrink: true),
        ])
        for row in result["operations"]?.array ?? [] {
            guard let view = OperationView(row) else { continue }
            let style: Terminal.Style = view.isEnded ? (view.state == "finished" ? .green : .red) : .plain
            table.rows.append([
                .init(String(view.number)), .init(view.game), .init(row.shown("kind")),
                .init(view.isEnded ? view.stateText : view.phaseText, style),
                .init(view.percent.map { "\($0) %" } ?? "-"),
                .init(view.total > 0 ? Figures.bytes(view.total) : "-"), .init(row.shown("started")),
                .init(view.failure?.sentence ?? row.shown("outcome")),
            ])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        return .done
    }
}
