/// Text from outside made harmless for a terminal and a journal.
package enum LogText {
    /// A sentence of ours is shorter; what is longer came from outside.
    private static let sentenceBytes = 1_024
    /// Text of a peer, as everywhere; every id and figure of ours is shorter.
    static let valueBytes = 128
    /// The longest path that Linux takes.
    static let pathBytes = 4_096

    package static func sentence(_ text: String) -> String {
        escaped(text, limit: sentenceBytes)
    }

    package static func value(_ text: String) -> String {
        escaped(text, limit: valueBytes)
    }

    package static func value(_ field: LogField) -> String {
        escaped(field.value, limit: field.limitBytes)
    }

    /// Control characters, line ends and the marks that turn the direction of writing become `\u{…}`; the rest stays.
    private static func escaped(_ text: String, limit: Int) -> String {
        var result = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { return result + "…" }
            if isHarmless(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            }
        }
        return result
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Format characters hold the bidirectional overrides and the invisible joiners.
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    /// Enough of a peer's 64 digits for people to tell two apart.
    private static let peerDigits = 8

    /// `component  sentence  key=value`; a value with blanks, quotes or nothing in it stands in quotes.
    package static func line(_ record: LogRecord) -> String { line(record, isBrief: false) }

    /// The same for where the fields stand beside the line, which have the identity of a peer whole.
    package static func brief(_ record: LogRecord) -> String { line(record, isBrief: true) }

    private static func line(_ record: LogRecord, isBrief: Bool) -> String {
        var line = value(record.component) + "  " + sentence(record.sentence)
        for (index, field) in record.fields.enumerated() {
            let text = isBrief && field.name == "peer" ? value(String(field.value.prefix(peerDigits))) : value(field)
            line += (index == 0 ? "  " : " ") + value(field.name) + "=" + quoted(text)
        }
        return line
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != 34 && $0 != 61 && $0 != 127 }
        if isPlain { return text }
        var result = "\""
        for character in text.unicodeScalars {
            if character == "\"" || character == "\\" { result += "\\" }
            result.unicodeScalars.append(character)
        }
        return result + "\""
    }
}
