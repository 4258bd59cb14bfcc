package import Model

/// The interface about itself.
package enum RPC {
    /// Semantic versioning: a new method or field is a minor step, a changed one a major step.
    package static let version = "1.1.0"
    /// Of every JSON document that lanspreadctl prints.
    package static let schemaVersion: Int64 = 1

    package static var versionResult: JSONValue {
        ["version": .string(version), "schema_version": .int(schemaVersion)]
    }

    /// An OpenRPC document made from the verb table, so that it cannot say anything else than the code does.
    package static var discoverResult: JSONValue {
        [
            "openrpc": "1.3.2",
            "info": ["title": "lanspreadd control socket", "version": .string(version)],
            "methods": .array(ControlMethod.allCases.map(describe)),
        ]
    }

    private static func describe(_ method: ControlMethod) -> JSONValue {
        let entry = method.entry
        let errors = (entry.failures + [.usage, .busy, .shuttingDown]).map { kind -> JSONValue in
            [
                "code": .int(kind.code), "message": .string(kind.entry?.meaning ?? kind.word),
                "data": ["kind": .string(kind.word)],
            ]
        }
        return [
            "name": .string(method.name),
            "summary": .string(entry.summary),
            "paramStructure": "by-name",
            "params": .array(entry.parameters.map(describe)),
            "result": ["name": "result", "summary": .string(entry.result), "schema": ["type": "object"]],
            "errors": .array(errors),
            "x-mutates": .bool(entry.mutates),
            "x-events": .array(entry.events.map(JSONValue.string)),
            "examples": [
                [
                    "name": "example",
                    "params": .array(
                        (entry.example.parameters.object ?? [:]).sorted { $0.key < $1.key }.map { name, value in
                            ["name": .string(name), "value": value]
                        }),
                    "result": ["name": "result", "value": entry.example.result],
                ]
            ],
        ]
    }

    private static func describe(_ parameter: ControlParameter) -> JSONValue {
        var schema = parameter.kind.schema.object ?? [:]
        if case .preset(let value) = parameter.need { schema["default"] = value }
        return [
            "name": .string(parameter.name), "summary": .string(parameter.summary),
            "required": .bool(parameter.need == .required), "schema": .object(schema),
        ]
    }
}

/// What all programs of this package call themselves.
package enum Release {
    package static let version = "0.1.0"
}
