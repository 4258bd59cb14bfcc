import Control
import Model

// The verb events: what happens, as it happens.

extension Program {
    func events() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        var position = try since()
        var connection = try open()
        while true {
            do {
                try watch(connection, &position)
            } catch {
                guard error.isLostConnection else { throw error }
                connection = try Reattachment(options, terminal).attach(nil)
            }
        }
    }

    private func since() throws(Failure) -> EventPosition? {
        guard let text = options.value("since") else { return nil }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let number = UInt64(parts[1]), Int64(exactly: number) != nil else {
            throw Failure(.usage, "The flag --since wants EPOCH:NUMBER, as the snapshot shows them.")
        }
        return EventPosition(epoch: String(parts[0]), number: number)
    }

    /// Ends by throwing, or when events were lost: it begins again with a snapshot then.
    private func watch(_ connection: DaemonConnection, _ position: inout EventPosition?) throws(Failure) {
        let parameters: JSONValue = position.map { ["since": $0.json] } ?? [:]
        let result = try connection.call(.eventsSubscribe, parameters)
        var last = EventPosition(json: result) ?? EventPosition(epoch: "", number: 0)
        position = last
        show(snapshot: result, at: last)
        while true {
            while let event = connection.takeEvent() {
                // Of the subscription before: the snapshot is newer.
                guard event.number > last.number else { continue }
                last = EventPosition(epoch: last.epoch, number: event.number)
                position = last
                show(event)
                if event.name == EventName.gap {
                    position = nil
                    return
                }
            }
            if case .readable = connection.wait(nil, until: Deadline(nil)) { try connection.receiveEvents() }
        }
    }

    private var isJSON: Bool { options.jsonLines || options.json }

    private func show(snapshot result: JSONValue, at position: EventPosition) {
        if isJSON {
            var fields = result.object ?? [:]
            fields["event"] = "snapshot"
            return document(.object(fields))
        }
        terminal.message("Events after \(Text.escaped(position.epoch)):\(position.number).")
    }

    private func show(_ event: ControlEvent) {
        if isJSON {
            var fields = event.fields
            fields["number"] = .bytes(event.number)
            fields["event"] = .string(event.name)
            return terminal.data(JSON.encode(JSONValue.object(fields)) + [UInt8(ascii: "\n")])
        }
        let words = event.fields.sorted { $0.key < $1.key }.map { self.words($0.key, $0.value) }
        let head = [String(event.number), terminal.paint(Text.escaped(event.name), .bold)]
        terminal.data((head + words.filter { !$0.isEmpty }).joined(separator: "  ") + "\n")
    }

    private func words(_ key: String, _ value: JSONValue) -> String {
        if let view = OperationView(value) {
            let percent = view.percent.map { " \($0) %" } ?? ""
            return "op=\(view.number) game=\(view.game) \(view.isEnded ? view.stateText : view.phaseText + percent)"
        }
        switch value {
        case .null: return ""
        case .array(let rows): return "\(Text.escaped(key))=(\(rows.count))"
        case .object(let fields):
            return fields.sorted { $0.key < $1.key }.map { words($0.key, $0.value) }.joined(separator: " ")
        default: return "\(Text.escaped(key))=\(JSONValue.object([key: value]).shown(key))"
        }
    }
}
