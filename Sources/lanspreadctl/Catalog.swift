import Control
import Database
import Model

// The verbs about the catalog.

extension Program {
    private static let catalogWords = ["show", "check", "init", "add", "remove"]

    func catalog() throws(Failure) -> ExitCode {
        switch options.words.first {
        case "show": return try catalogShow()
        case "check": return try catalogCheck()
        case "init": return try catalogInit()
        case "add": return try catalogAdd()
        case "remove": return try catalogRemove()
        case nil: try options.expect(1...3)
        case let word?:
            let near = Suggestion.nearest(to: word, among: Self.catalogWords)
            throw Failure(
                .usage, "lanspreadctl catalog does not know \(Text.escaped(word)).", subject: word,
                hint: near.map { "Did you mean \($0)?" } ?? "See: lanspreadctl catalog --help")
        }
        return .usage
    }

    private func catalogShow() throws(Failure) -> ExitCode {
        try expectWords(1)
        let result = try open().list(.catalogShow)
        if options.json {
            document(result)
            return .done
        }
        let games = result["games"]?.array ?? []
        terminal.data(catalogTable(games).text(terminal, legend: !options.noLegend))
        var lines: [String] = []
        switch result["owner"]?.string {
        case "lanspread": lines.append("\(result.shown("path", limit: 4_096)), this host's own")
        case nil: lines.append("No catalog is in force. Begin one with: lanspreadctl catalog init --from-library")
        default: lines.append("\(result.shown("path", limit: 4_096)), the administrator's")
        }
        if let problem = result["problem"]?.string { lines.append(Text.escaped(problem, limit: 4_096)) }
        lines.append(
            summary(
                games: games.count, dropped: Int(result["dropped_count"]?.int ?? 0),
                withdrawn: (result["withdrawn"]?.array ?? []).compactMap(\.string)))
        lines += (result["dropped"]?.array ?? []).map { $0.shown("sentence") }
        for line in lines { terminal.message(line) }
        return .done
    }

    private func catalogTable(_ games: [JSONValue]) -> Table {
        var table = Table([
            .init(title: "GAME"), .init(title: "TITLE", canShrink: true), .init(title: "VERSION"),
            .init(title: "SIZE", isNumber: true), .init(title: "PLAYERS"), .init(title: "GENRE", canShrink: true),
            .init(title: "RELEASED"), .init(title: "PUBLISHER", canShrink: true),
        ])
        for game in games {
            let bytes = game["bytes"]?.int ?? 0
            table.rows.append([
                .init(game.shown("game")), .init(game.shown("title")), .init(game.shown("version")),
                .init(bytes > 0 ? Figures.bytes(bytes) : "-"), .init(game.shown("players_limit")),
                .init(game.shown("genre")), .init(game.shown("released")), .init(game.shown("publisher")),
            ])
        }
        return table
    }

    private func summary(games: Int, dropped: Int, withdrawn: [String]) -> String {
        var parts = [Figures.count(Int64(games), "game")]
        if dropped > 0 { parts.append("\(Figures.count(Int64(dropped), "row")) left out") }
        if !withdrawn.isEmpty {
            let names = withdrawn.prefix(10).map { Text.escaped($0) }.joined(separator: ", ")
            parts.append("withdrawn: \(names)\(withdrawn.count > 10 ? " and \(withdrawn.count - 10) others" : "")")
        }
        return parts.joined(separator: ", ")
    }

    // MARK: - Without a daemon

    /// What the daemon would take of a file, found out here: nothing is asked and nothing is changed.
    private func catalogCheck() throws(Failure) -> ExitCode {
        try expectWords(2)
        let path = options.words[1]
        let reading: CatalogReading
        do {
            reading = try CatalogReader.load(path: path)
        } catch {
            throw Failure(.badConfiguration, error.sentence, subject: path)
        }
        let games = reading.catalog.sorted
        if options.json {
            document([
                "path": .string(path), "count": .count(games.count),
                "games": .array(games.map { ["game": .string($0.game.text), "version": .string($0.version.text)] }),
                "dropped_count": .count(reading.dropped.count),
                "dropped": .array(
                    reading.dropped.map { ["game": .string($0.game), "sentence": .string($0.sentence)] }),
                "withdrawn": .array(reading.withdrawn.map { .string($0.text) }),
            ])
            return .done
        }
        for row in reading.dropped { terminal.data(row.sentence + "\n") }
        let withdrawn = reading.withdrawn.map(\.text)
        let all = summary(games: games.count, dropped: reading.dropped.count, withdrawn: withdrawn)
        terminal.data("\(Text.escaped(path, limit: 4_096)) is a sound catalog: \(all).\n")
        return .done
    }

    // MARK: - This host's own

    private func catalogInit() throws(Failure) -> ExitCode {
        try expectWords(1)
        let result = try open().call(
            .catalogInit,
            ["from_library": .bool(options.has("from-library")), "force": .bool(options.has("force"))])
        if options.json { document(result) }
        for game in result["skipped"]?.array?.compactMap(\.string) ?? [] {
            terminal.message("\(Text.escaped(game)) is left out: it cannot be read, or the catalog is full.")
        }
        let more = (result["skipped_count"]?.int ?? 0) - Int64(result["skipped"]?.array?.count ?? 0)
        if more > 0 { terminal.message("\(Figures.count(more, "more game")) left out as well.") }
        let games = Figures.count(result["games"]?.int ?? 0, "game")
        terminal.message("\(result.shown("path", limit: 4_096)) is in force, with \(games).")
        return .done
    }

    private func catalogAdd() throws(Failure) -> ExitCode {
        try expectWords(3)
        var parameters: [String: JSONValue] = [
            "game": .string(options.words[1]), "version": .string(options.words[2]),
        ]
        for name in ["title", "genre", "players", "publisher", "released"] {
            if let text = options.value(name) { parameters[name] = .string(text) }
        }
        if let text = options.value("size") {
            guard let bytes = Self.bytes(text) else {
                throw Failure(.usage, "The flag --size wants bytes, as 734003200, 700MB or 1.5GB.", subject: text)
            }
            parameters["size"] = .int(bytes)
        }
        let result = try open().call(.catalogAdd, .object(parameters))
        if options.json { document(result) }
        let row = result["game"] ?? .null
        terminal.message(
            "\(row.shown("title")) counts in version \(row.shown("version"))"
                + (result["added"]?.bool == true ? "." : " now."))
        return .done
    }

    private func catalogRemove() throws(Failure) -> ExitCode {
        try expectWords(2)
        let result = try open().call(.catalogRemove, ["game": .string(options.words[1])])
        if options.json { document(result) }
        terminal.message("\(result.shown("game")) is not in the catalog any more. Its files were not touched.")
        return .done
    }

    private func expectWords(_ count: Int) throws(Failure) { try options.expect(count...count) }

    /// A number with kB, MB, GB or TB behind it, decimal as the catalog's own; nil for anything else.
    static func bytes(_ text: String) -> Int64? {
        let units: [(name: String, factor: Double)] = [
            ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
        ]
        let unit = units.first { text.lowercased().hasSuffix($0.name.lowercased()) }
        let number = text.dropLast(unit?.name.count ?? 0)
        guard number.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == 0x2e }),
            let value = Double(number), value * (unit?.factor ?? 1) <= Double(Limits.gameBytes)
        else { return nil }
        return Int64((value * (unit?.factor ?? 1)).rounded())
    }
}
