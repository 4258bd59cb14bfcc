/// Text from outside, made fit for a log line or a terminal.
package enum Text {
    /// Printable as it is; control characters, line separators, quotes of terminals and broken UTF-8 escaped; cut at
    /// `limit` bytes of output.
    package static func escaped(_ bytes: some Collection<UInt8>, limit: Int = Limits.peerTextBytes) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            var piece = String(scalar)
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                piece = "\\u{" + String(scalar.value, radix: 16) + "}"
            default:
                if scalar == "\\" { piece = "\\\\" }
            }
            guard text.utf8.count + piece.utf8.count <= limit else { return text + "…" }
            text += piece
        }
        return text
    }

    package static func escaped(_ text: String, limit: Int = Limits.peerTextBytes) -> String {
        escaped(Array(text.utf8), limit: limit)
    }
}
