package import Model

/// Typed access to parameters that passed `ControlMethod.check`; a missing one that is needed is a `usage` failure.
package struct ControlArguments: Sendable {
    private let values: JSONValue

    package init(_ checked: JSONValue) { values = checked }

    package func game(_ name: String = "game") throws(Failure) -> GameID {
        guard let game = values[name]?.string.flatMap({ GameID($0) }) else { throw missing(name) }
        return game
    }

    package func operation(_ name: String = "operation_id") throws(Failure) -> OperationID {
        guard let number = values[name]?.int else { throw missing(name) }
        return OperationID(rawValue: number)
    }

    package func root(_ name: String = "root") -> Root? { values[name]?.string.flatMap { Root(hex: $0) } }
    package func flag(_ name: String) -> Bool { values[name]?.bool ?? false }
    package func seconds(_ name: String) -> Duration? { values[name]?.seconds }

    package func position(_ name: String = "since") -> EventPosition? {
        values[name].flatMap(EventPosition.init(json:))
    }

    package func text(_ name: String) throws(Failure) -> String {
        guard let text = values[name]?.string else { throw missing(name) }
        return text
    }

    package func count(_ name: String) throws(Failure) -> Int {
        guard let count = values[name]?.int else { throw missing(name) }
        return Int(clamping: count)
    }

    private func missing(_ name: String) -> Failure {
        Failure(.usage, "The parameter \(name) is missing or of another type.", subject: name)
    }
}
