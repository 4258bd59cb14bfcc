import Control
import Model

// The verbs that look at games and at what moves between hosts.

extension Program {
    // MARK: - list

    func list() throws(Failure) -> ExitCode {
        try options.expect(0...1)
        let result = try open().list(.gameList, try filter())
        if options.json {
            document(result)
            return .done
        }
        let games = result["games"]?.array ?? []
        let isWide = terminal.outputColumns.map { $0 >= Self.wide } ?? true
        var columns: [Table.Column] = [
            .init(title: "GAME"), .init(title: "TITLE", canShrink: true), .init(title: "VERSION"),
            .init(title: "STATE"), .init(title: "SIZE", isNumber: true), .init(title: "SOURCES", isNumber: true),
        ]
        if isWide { columns += [.init(title: "PLAYERS"), .init(title: "GENRE", canShrink: true)] }
        var table = Table(columns)
        for game in games {
            let (state, style) = gameState(game)
            var row: [Table.Cell] = [
                .init(game.shown("game")), .init(game.shown("title")), .init(game.shown("version")),
                .init(state, style), .init(size(game)), .init(game.shown("sources")),
            ]
            if isWide { row += [.init(game.shown("players")), .init(game.shown("genre"))] }
            table.rows.append(row)
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        let hidden = (result["catalog_games"]?.int ?? 0) - Int64(games.count)
        if hidden > 0, isUnfiltered, terminal.outputColumns != nil, !options.noLegend {
            terminal.message("\(Figures.count(hidden, "more game")) of the catalog: lanspreadctl list --all")
        }
        return .done
    }

    /// From here on a terminal has room for the columns that are nice to have.
    private static let wide = 110

    private var isUnfiltered: Bool {
        options.words.isEmpty && !["genre", "players", "installed", "available", "all"].contains(where: options.has)
    }

    private func filter() throws(Failure) -> JSONValue {
        var filter: [String: JSONValue] = ["nearby": .bool(!options.has("all"))]
        if let text = options.words.first { filter["text"] = .string(text) }
        if let genre = options.value("genre") { filter["genre"] = .string(genre) }
        if let players = options.value("players") {
            guard let count = Int32(players), count >= 0 else {
                throw Failure(.usage, "The flag --players wants a number of players.", subject: players)
            }
            filter["players"] = .int(Int64(count))
        }
        if options.has("installed") { filter["installed"] = true }
        if options.has("available") { filter["available"] = true }
        return .object(filter)
    }

    private func gameState(_ game: JSONValue) -> (String, Terminal.Style) {
        let availability = game["availability"]?.string.flatMap(Availability.init(rawValue:))
        if game["installed"]?.bool == true {
            switch availability {
            case .outdated: return ("installed, outdated", .yellow)
            case .differs: return ("installed, differs", .yellow)
            default: return ("installed", .green)
            }
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

    // MARK: - info

    func info() throws(Failure) -> ExitCode {
        try options.expect(1...1)
        let connection = try open()
        let game = try GameArgument.resolve(options.words[0], connection)
        let result = try connection.call(.gameInfo, ["game": .string(game.text)])
        if options.json {
            document(result)
            return .done
        }
        let (state, _) = gameState(result)
        let title = terminal.paint(result.shown("title"), .bold)
        terminal.data("\(title) (\(game)) is \(state == "-" ? "not here" : state)\n")
        terminal.data(rows(facts(result)))
        for root in disputed(result) { terminal.data("  " + root + "\n") }
        let remote = result["remote"]?.array ?? []
        guard !remote.isEmpty else { return .done }
        var table = Table([
            .init(title: "PEER"), .init(title: "NAME", canShrink: true), .init(title: "VERSION"),
            .init(title: "STATE"), .init(title: "VERDICT"), .init(title: "WHY", canShrink: true),
            .init(title: "ROOT", canShrink: true),
        ])
        for row in remote {
            let verdict = row.shown("verdict")
            table.rows.append([
                .init(short(row, "peer")), .init(row.shown("name")), .init(row.shown("version")),
                .init(row.shown("availability")), .init(verdict, verdict == "source" ? .green : .plain),
                .init(row.shown("reason")), .init(short(row, "root")),
            ])
        }
        terminal.data("\n" + table.text(terminal, legend: !options.noLegend))
        return .done
    }

    private func facts(_ result: JSONValue) -> [(String, String)] {
        let files = result["files"]?.int.map { $0 > 0 ? " in \(Figures.count($0, "file"))" : "" } ?? ""
        let installed = result["installed_version"]?.string ?? result["local_version"]?.string
        var facts = [
            ("version", result.shown("version")),
            ("genre", result.shown("genre")), ("players", result.shown("players")),
            ("downloaded", result.shown("local_version")),
            ("installed", result["installed"]?.bool == true ? Text.escaped(installed ?? "yes") : "-"),
            ("size", size(result) + files), ("root", result.shown("root")), ("verified", result.shown("verified")),
            ("served", result["reason"]?.string.map { "no: " + Text.escaped($0, limit: 1_024) } ?? "yes"),
        ]
        if let view = result["operation"].flatMap({ OperationView($0) }) {
            let percent = view.percent.map { ", \($0) %" } ?? ""
            facts.append(("operation", "\(view.number), \(Text.escaped(view.kind)): \(view.phaseText)\(percent)"))
        }
        let peers = Figures.count(result["peers"]?.int ?? 0, "peer")
        let why = result["no_source"]?.string.map { ". " + Text.escaped($0, limit: 1_024) } ?? ""
        facts.append(("sources", "\(result.shown("sources")) of \(peers)\(why)"))
        let versions = (result["versions"]?.array ?? []).map { row in
            "\(row.shown("version")) (\(Figures.count(row["peers"]?.int ?? 0, "peer")))"
        }
        if versions.count > 1 { facts.append(("versions", versions.joined(separator: ", "))) }
        return facts
    }

    /// Whole, for `download --root`; only where there is a choice.
    private func disputed(_ result: JSONValue) -> [String] {
        let roots = result["roots"]?.array ?? []
        guard roots.count > 1 else { return [] }
        return roots.map { root in
            Table.padded("", 14) + "\(root.shown("root")) (\(Figures.count(root["votes"]?.int ?? 0, "vote")))"
        }
    }

    // MARK: - transfers

    func transfers() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let result = try open().list(.transferList)
        if options.json {
            document(result)
            return .done
        }
        var table = Table([
            .init(title: "WAY"), .init(title: "GAME"), .init(title: "PEER"), .init(title: "NAME", canShrink: true),
            .init(title: "BYTES", isNumber: true), .init(title: "RATE", isNumber: true), .init(title: "SINCE"),
            .init(title: "OPERATION", isNumber: true), .init(title: "LIMIT"),
        ])
        for row in result["transfers"]?.array ?? [] {
            let (bytes, rate) = (row["bytes"]?.int ?? 0, row["rate"]?.int ?? 0)
            table.rows.append([
                .init(row.shown("direction")), .init(row.shown("game")), .init(short(row, "peer")),
                .init(row.shown("name")), .init(Figures.bytes(bytes)),
                .init(Figures.rate(rate), rate > 0 ? .green : .dim), .init(row.shown("since")),
                .init(row.shown("operation_id")), .init(row.shown("limit")),
            ])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        return .done
    }
}
