/// Turns everything that is not code into spaces and keeps the lines where they are.
///
/// A small scanner, not a parser: comments, string literals of every kind, raw identifiers. Code inside of an
/// interpolation counts as string.
struct SwiftBlanks {
    private let bytes: [UInt8]
    private var out: [UInt8]
    private var at = 0

    static func blank(_ text: String) -> String {
        var scanner = SwiftBlanks(text)
        scanner.scanCode(untilClosing: false)
        return String(decoding: scanner.out, as: UTF8.self)
    }

    private init(_ text: String) {
        bytes = Array(text.utf8)
        out = bytes
    }

    private mutating func scanCode(untilClosing: Bool) {
        var depth = 1
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "/") where follows("//"): skipLine()
            case UInt8(ascii: "/") where follows("/*"): skipComment()
            case UInt8(ascii: "#"), UInt8(ascii: "\""):
                if !skipString() { at += 1 }
            case UInt8(ascii: "`"): skipIdentifier()
            case UInt8(ascii: "(") where untilClosing:
                depth += 1
                at += 1
            case UInt8(ascii: ")") where untilClosing:
                depth -= 1
                at += 1
                if depth == 0 { return }
            default: at += 1
            }
        }
    }

    private func follows(_ word: String) -> Bool {
        bytes[at...].starts(with: word.utf8)
    }

    private mutating func blankOne() {
        if bytes[at] != UInt8(ascii: "\n") { out[at] = UInt8(ascii: " ") }
        at += 1
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where at < bytes.count { blankOne() }
    }

    private mutating func skipLine() {
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { blankOne() }
    }

    private mutating func skipComment() {
        var depth = 0
        repeat {
            if follows("/*") {
                depth += 1
                blank(2)
            } else if follows("*/") {
                depth -= 1
                blank(2)
            } else {
                blankOne()
            }
        } while at < bytes.count && depth > 0
    }

    private mutating func skipIdentifier() {
        blankOne()
        while at < bytes.count, bytes[at] != UInt8(ascii: "`"), bytes[at] != UInt8(ascii: "\n") { blankOne() }
        blank(1)
    }

    /// Returns false when `#` begins something else, such as `#expect`.
    private mutating func skipString() -> Bool {
        var hashes = 0
        while at + hashes < bytes.count, bytes[at + hashes] == UInt8(ascii: "#") { hashes += 1 }
        guard at + hashes < bytes.count, bytes[at + hashes] == UInt8(ascii: "\"") else { return false }
        let fence = String(repeating: "#", count: hashes)
        blank(hashes)
        let quote = follows("\"\"\"") ? "\"\"\"" : "\""
        blank(quote.utf8.count)
        while at < bytes.count {
            if follows(quote + fence) {
                blank(quote.utf8.count + hashes)
                return true
            }
            if follows("\\" + fence + "(") {
                let start = at
                blank(hashes + 2)
                scanCode(untilClosing: true)
                for index in start..<at where out[index] != UInt8(ascii: "\n") { out[index] = UInt8(ascii: " ") }
            } else if follows("\\" + fence) {
                blank(hashes + 2)
            } else if quote == "\"", bytes[at] == UInt8(ascii: "\n") {
                return true
            } else {
                blankOne()
            }
        }
        return true
    }
}
