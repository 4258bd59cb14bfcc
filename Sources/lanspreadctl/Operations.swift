import Control
import Model

// The verbs about operations that were begun before.

extension Program {
    func cancel() throws(Failure) -> ExitCode {
        try change(.operationCancel) { view in
            // The answer may come before the end, and the operation may still finish first.
            switch (view.isEnded, view.state) {
            case (true, "cancelled"): "is cancelled"
            case (true, _): "had ended already"
            default: "is being cancelled"
            }
        }
    }

    func pause() throws(Failure) -> ExitCode {
        try change(.operationPause) { $0.isPaused ? "is paused" : "pauses as soon as it can" }
    }

    func resume() throws(Failure) -> ExitCode {
        try change(.operationResume) { $0.phase == "queued" ? "waits for its turn" : "goes on" }
    }

    /// Calls `method` for each operation that was named, and says what became of it.
    private func change(_ method: ControlMethod, _ words: (OperationView) -> String) throws(Failure) -> ExitCode {
        try options.expect(1...64)
        let connection = try open()
        var results: [JSONValue] = []
        var tally = Tally()
        for word in options.words {
            do {
                let number = try OperationArgument.resolve(word, connection)
                let result = try connection.call(method, ["operation_id": .int(number)])
                results.append(result)
                if let view = OperationView(result) { terminal.message("Operation \(number) \(words(view)).") }
                tally.add(.done)
            } catch {
                guard options.words.count > 1 else { throw error }
                Terminal.complain(error)
                tally.add(ExitCode.of(error.kind))
            }
        }
        if options.json { document(["operations": .array(results)]) }
        return tally.exitCode
    }

    // MARK: - History

    func history() throws(Failure) -> ExitCode {
        guard let word = options.words.first else { return try listHistory() }
        try options.expect(2...2)
        guard word == "show" else {
            throw Failure(
                .usage, "lanspreadctl history does not know \(Text.escaped(word)).", subject: word,
                hint: "See: lanspreadctl history --help")
        }
        let connection = try open()
        let number = try OperationArgument.resolve(options.words[1], connection)
        let result = try connection.call(.historyGet, ["operation_id": .int(number)])
        if options.json {
            document(result)
            return .done
        }
        guard let view = OperationView(result) else {
            throw Failure(.internalFault, "The daemon did not say how operation \(number) went.")
        }
        var text = "Operation \(number), \(result.shown("kind")) of \(view.game): "
        text += (view.isEnded ? view.stateText : view.phaseText) + "\n"
        text += "Began \(result.shown("started"))"
        text += result["ended"]?.string.map { ", ended \(Text.escaped($0))" } ?? ""
        text += "\n"
        if view.isEnded { text += view.ending + "\n" }
        for line in result["lines"]?.array ?? [] {
            text +=
                "\n\(line.shown("time"))  \(Table.padded(line.shown("level"), 8))\(line.shown("text", limit: 4_096))"
        }
        terminal.data(text + (result["lines"]?.array?.isEmpty == false ? "\n" : ""))
        return .done
    }

    private func listHistory() throws(Failure) -> ExitCode {
        let result = try open().list(.historyList)
        if options.json {
            document(result)
            return .done
        }
        var table = Table([
            .init(title: "OPERATION", isNumber: true), .init(title: "GAME"), .init(title: "KIND"),
            .init(title: "STATE"), .init(title: "ENDED"), .init(title: "SIZE", isNumber: true),
            .init(title: "OUTCOME", canShrink: true),
        ])
        for row in result["operations"]?.array ?? [] {
            guard let view = OperationView(row) else { continue }
            table.rows.append([
                .init(String(view.number)), .init(view.game), .init(row.shown("kind")),
                .init(view.stateText, view.state == "finished" ? .green : .red), .init(row.shown("ended")),
                .init(view.total > 0 ? Figures.bytes(view.total) : "-"),
                .init(view.failure?.sentence ?? row.shown("outcome")),
            ])
        }
        terminal.data(table.text(terminal, legend: !options.noLegend))
        return .done
    }
}

/// What a person types for an operation becomes its number: the number, or the game that it is about and has not ended.
enum OperationArgument {
    static func resolve(_ word: String, _ connection: DaemonConnection) throws(Failure) -> Int64 {
        let views = try connection.list(.operationList)["operations"]?.array?.compactMap(OperationView.init) ?? []
        // A game may be called 1942.
        if let active = views.first(where: { !$0.isEnded && $0.game == word }) { return active.number }
        guard let number = Int64(word), number > 0 else {
            throw Failure(
                .noSuchOperation, "No operation of \(Text.escaped(word)) waits or runs.", subject: word,
                hint: "lanspreadctl operations shows the numbers.")
        }
        return number
    }
}
