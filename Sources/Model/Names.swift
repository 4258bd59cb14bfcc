/// A game's name in the catalog, on disk and between peers: `^[a-z0-9][a-z0-9_-]{0,63}$`.
///
/// The value exists only when the rule holds, so a GameID is always safe as one path component.
package struct GameID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    package init?(_ text: some StringProtocol) {
        guard (1...Limits.gameIDBytes).contains(text.utf8.count) else { return nil }
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
            case UInt8(ascii: "_"), UInt8(ascii: "-"):
                guard index > 0 else { return nil }
            default: return nil
            }
        }
        self.text = String(text)
    }

    package var description: String { text }
    package static func < (left: GameID, right: GameID) -> Bool { left.text < right.text }
}

/// The one line of a sentinel, trimmed: printable ASCII without blanks, 1 to 64 bytes (ETI writes YYYYMMDD).
///
/// Versions are only ever compared for equality; there is no order between them.
package struct GameVersion: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: some StringProtocol) {
        guard (1...Limits.versionBytes).contains(text.utf8.count) else { return nil }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        self.text = String(text)
    }

    /// Reads the content of a `version.ini`: one line, surrounding blanks and a CR or LF at its end ignored.
    package init?(sentinel bytes: some Collection<UInt8>) {
        guard bytes.count <= Limits.sentinelBytes else { return nil }
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0d, 0x0a]
        var line = Array(bytes)[...]
        while let first = line.first, blanks.contains(first) { line.removeFirst() }
        while let last = line.last, blanks.contains(last) { line.removeLast() }
        guard line.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        self.init(String(decoding: line, as: UTF8.self))
    }

    /// What we write: the version and LF, so that a CRLF never makes two games of one.
    package var sentinelBytes: [UInt8] { Array(text.utf8) + [0x0a] }
    package var description: String { text }
}

/// The number of an operation; counted up over the life of the state database, never used twice.
package struct OperationID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (left: OperationID, right: OperationID) -> Bool { left.rawValue < right.rawValue }
}
