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

    private func rows(_ rows: [(String, String)]) -> String {
        rows.map { "  " + Table.padded($0.0, 14) + $0.1 + "\n" }.joined()
    }

    func list() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let result = try open().list(.gameList)
        if options.json {
            document(result)
            return .done
        }
        let games = result["games"]?.array ?? []
        var table = Table([
            .init(title: "GAME"), .init(title: "TITLE", canShrink: true), .init(title: "VERSION"),
            .init(title: "STATE"), .init(title: "SIZE", isNumber: true), .init(title: "SOURCES", isNumber: true),
        ])
        for game in games where options.has("all") || isNear(game) {
            let (state, style) = gameState(game)
            table.rows.append([
                .init(game.shown("game")), .init(game.shown("title")), .init(game.shown("version")),
                .init(state, style), .init(size(game)), .init(game.shown("sources")),
            ])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        let hidden = games.count - table.rows.count
        if hidden > 0, terminal.outputColumns != nil, !options.noLegend {
            terminal.message("\(Figures.count(Int64(hidden), "more game")) of the catalog: lanspreadctl list --all")
        }
        return .done
    }

    /// Here, or where a peer is that has it.
    private func isNear(_ game: JSONValue) -> Bool {
        (game["peers"]?.int ?? 0) > 0 || game["installed"]?.bool == true || game["local_version"]?.string != nil
            || (game["availability"]?.string ?? "unavailable") != "unavailable"
    }

    private func gameState(_ game: JSONValue) -> (String, Terminal.Style) {
        let availability = game["availability"]?.string.flatMap(Availability.init(rawValue:))
        if game["installed"]?.bool == true {
            return availability == .outdated ? ("installed, outdated", .yellow) : ("installed", .green)
        }
        switch availability {
        case .ready: return ("downloaded", .green)
        case .hashing: return ("downloaded, hashing", .plain)
        case .outdated: return ("outdated", .yellow)
        case .differs: return ("differs", .yellow)
        case .partial: return ("partial", .plain)
        case .localOnly: return ("installed", .green)
        case .unavailable, nil: return (game["sources"]?.int ?? 0) > 0 ? ("available", .plain) : ("-", .dim)
        }
    }

    private func size(_ game: JSONValue) -> String {
        game["bytes"]?.int.map { $0 > 0 ? Figures.bytes($0) : "-" } ?? "-"
    }

    func info() throws(Failure) -> ExitCode {
        try options.expect(1...1)
        let connection = try open()
        let game = try GameArgument.resolve(options.words[0], connection)
        let result = try connection.call(.gameInfo, ["game": .string(game.text)])
        if options.json {
            document(result)
            return .done
        }
        let files = result["files"]?.int.map { $0 > 0 ? " in \(Figures.count($0, "file"))" : "" } ?? ""
        let installed = result["installed_version"]?.string ?? result["local_version"]?.string
        var text = terminal.paint(result.shown("title"), .bold) + " (\(game)) is \(gameState(result).0)\n"
        text += rows([
            ("version", result.shown("version")),
            ("downloaded", result.shown("local_version")),
            ("installed", result["installed"]?.bool == true ? Text.escaped(installed ?? "yes") : "-"),
            ("size", size(result) + files),
            ("root", result.shown("root")),
            ("verified", result.shown("verified")),
            ("sources", "\(result.shown("sources")) of \(Figures.count(result["peers"]?.int ?? 0, "peer"))"),
        ])
        terminal.data(text)
        let remote = result["remote"]?.array ?? []
        guard !remote.isEmpty else { return .done }
        var table = Table([
            .init(title: "PEER"), .init(title: "NAME", canShrink: true), .init(title: "VERSION"),
            .init(title: "STATE"), .init(title: "ROOT", canShrink: true),
        ])
        for row in remote {
            table.rows.append([
                .init(short(row, "peer")), .init(row.shown("name")), .init(row.shown("version")),
                .init(row.shown("availability")), .init(row.shown("root")),
            ])
        }
        terminal.data("\n" + table.text(terminal, legend: !options.noLegend))
        return .done
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
