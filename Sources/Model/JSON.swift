import FoundationEssentials

/// The one door for JSON: bytes from outside are pre-scanned before Foundation sees them, because its decoder ends the
/// process on deep input.
package enum JSON {
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], limit: Int
    ) throws(JSONFault) -> Value {
        try JSONPrescan.check(bytes, limit: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .unexpectedShape
        }
    }

    /// One line: no newline comes out of the encoder, and keys are sorted so that equal values have equal bytes.
    ///
    /// A value that cannot be encoded (a NaN) is a bug of ours.
    package static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            preconditionFailure("a value of ours does not encode")
        }
    }
}

/// Why bytes were not taken as JSON.
package enum JSONFault: Error, Hashable, Sendable {
    case tooLong, tooDeep, notUTF8, duplicateKey, malformed
    /// Sound JSON, but a field is missing or of another type.
    case unexpectedShape

    package var sentence: String {
        switch self {
        case .tooLong: "it is too long"
        case .tooDeep: "it is nested deeper than \(Limits.jsonDepth) levels"
        case .notUTF8: "it is not UTF-8"
        case .duplicateKey: "a key comes twice"
        case .malformed: "it is not JSON"
        case .unexpectedShape: "a field is missing or of another type"
        }
    }
}

/// Any JSON value; numbers without a fraction are integers.
package enum JSONValue: Hashable, Sendable, Codable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    package subscript(key: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[key]
    }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var int: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var object: [String: JSONValue]? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// Nil becomes `null`.
    package static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
    package static func optional(_ number: Int64?) -> JSONValue { number.map(JSONValue.int) ?? .null }
    package static func count(_ number: Int) -> JSONValue { .int(Int64(number)) }
    /// Bytes beyond Int64 do not occur: `Limits.gameBytes` times the games is far below.
    package static func bytes(_ number: UInt64) -> JSONValue { .int(Int64(clamping: number)) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}
