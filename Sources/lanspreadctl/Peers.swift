import Control
import Model

// The verbs about peers.

extension Program {
    /// Those that are connected: what one wants to know on most days.
    func peers() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        let all = try open().list(.peerList)["peers"]?.array ?? []
        let rows = all.filter { ["connected", "suspect"].contains($0.shown("state")) }
        if options.json {
            document(["peers": .array(rows)])
            return .done
        }
        var table = Table([
            .init(title: "PEER"), .init(title: "NAME", canShrink: true), .init(title: "ADDRESS"),
            .init(title: "STATE"), .init(title: "GAMES", isNumber: true), .init(title: "CONNECTED", isNumber: true),
        ])
        for row in rows {
            table.rows.append(
                Self.opening(row, short(row, "peer")) + [
                    .init(row.shown("games")), .init(Figures.seconds(row["connected_seconds"]?.int ?? 0)),
                ])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        return .done
    }

    func peer() throws(Failure) -> ExitCode {
        switch options.words.first {
        case "list": return try peerList()
        case "forget": return try change(.peerForget, [:], "is forgotten")
        case "block": return try change(.peerBlock, ["blocked": true], "is blocked")
        case "unblock": return try change(.peerBlock, ["blocked": false], "is no longer blocked")
        case nil: try options.expect(1...2)
        case let word?:
            let near = Suggestion.nearest(to: word, among: ["list", "forget", "block", "unblock"])
            throw Failure(
                .usage, "lanspreadctl peer does not know \(Text.escaped(word)).", subject: word,
                hint: near.map { "Did you mean \($0)?" } ?? "See: lanspreadctl peer --help")
        }
        return .usage
    }

    /// The offline and the blocked too.
    private func peerList() throws(Failure) -> ExitCode {
        try options.expect(1...1)
        let result = try open().list(.peerList)
        if options.json {
            document(result)
            return .done
        }
        var table = Table([
            .init(title: "PEER"), .init(title: "NAME", canShrink: true), .init(title: "ADDRESS"),
            .init(title: "STATE"), .init(title: "LAST SEEN"),
        ])
        for row in result["peers"]?.array ?? [] {
            table.rows.append(Self.opening(row, short(row, "peer")) + [.init(row.shown("last_seen"))])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        return .done
    }

    private func change(
        _ method: ControlMethod, _ parameters: [String: JSONValue], _ done: String
    ) throws(Failure) -> ExitCode {
        try options.expect(2...2)
        var parameters = parameters
        parameters["peer"] = .string(options.words[1])
        let result = try open().call(method, .object(parameters))
        if options.json { document(result) }
        terminal.message("The peer \(result.shown("peer").prefix(8)) \(done).")
        return .done
    }

    private static func opening(_ row: JSONValue, _ peer: String) -> [Table.Cell] {
        let state = row.shown("state")
        let style: Terminal.Style = state == "connected" ? .green : state == "offline" ? .dim : .yellow
        return [
            .init(peer), .init(row.shown("name")), .init(row.shown("address")), .init(state, style),
        ]
    }
}
