/// Rules that need one line and its neighbours.
enum LineRules {
    static let columns = 120
    static let fileLines = 350

    static func length(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.lines.enumerated() where line.utf8.count > columns && line.count > columns {
            findings.append(file.find(number, "\(line.count) columns, \(columns) are allowed"))
        }
        // The last line ends with a newline, so the split has one empty line more.
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        if count > fileLines {
            findings.append(file.find(count - 1, "\(count) lines, \(fileLines) are allowed: split by concern"))
        }
        return findings
    }

    /// Words that do not occur in code, each with what to write instead.
    static let banned: [(word: String, instead: String)] = [
        ("import Foundation", "import FoundationEssentials"),
        ("try!", "handle the error, or precondition with the reason"),
        ("as!", "as? with a guard"),
        ("print(", "the log, or the output of the command line"),
        ("DispatchQueue", "Loops owns all threads"),
        ("fatalError", "preconditionFailure with the state"),
        ("public", "package is the widest access"),
        ("_ = archive_", "look at the result"),
        ("_ = sqlite3_", "look at the result"),
    ]

    static func bannedWords(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.code.enumerated() where !line.isEmpty {
            for (word, instead) in banned where Words.contains(word, in: line) {
                findings.append(file.find(number, "`\(word)`: \(instead)"))
            }
        }
        return findings
    }

    /// Who touches it, and what would break that, must be said where the compiler is told not to look.
    static func unsafeHasReason(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.code.enumerated()
        where line.contains("nonisolated(unsafe)") || line.contains("@unchecked") {
            if !hasComment(above: number, in: file) {
                findings.append(file.find(number, "no comment above says why this is safe"))
            }
        }
        return findings
    }

    /// Climbs over attributes, the earlier lines of the same declaration and its siblings up to a comment.
    private static func hasComment(above number: Int, in file: SourceFile) -> Bool {
        var above = number - 1
        while above >= 0, above >= number - 6 {
            let line = file.lines[above].drop { $0 == " " }
            if line.hasPrefix("//") { return true }
            if line.isEmpty || line.hasSuffix("}") { return false }
            above -= 1
        }
        return false
    }

    /// `game_key` is a secret of the catalog's owner: only the schema of our own catalogs names the column.
    static func gameKeys(_ file: SourceFile) -> [Finding] {
        guard file.path != "Sources/Database/CatalogSchema.swift" else { return [] }
        // A name of a column stands in a literal, and a comment may speak of it.
        return file.lines.enumerated().filter { _, line in
            line.lowercased().contains("game_key") && !line.drop { $0 == " " }.hasPrefix("//")
        }.map { number, _ in file.find(number, "the column game_key is nobody's business") }
    }

    static func todoHasNumber(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.lines.enumerated() {
            for word in ["TODO", "FIXME", "XXX"] where Words.contains(word, in: line) {
                let rest = line[(line.firstRange(of: word)?.upperBound ?? line.endIndex)...]
                let digits = rest.drop { " (#:".contains($0) }.prefix { $0.isNumber }
                if word != "TODO" || digits.isEmpty {
                    findings.append(file.find(number, "\(word) without the number of an issue"))
                }
            }
        }
        return findings
    }

    /// A path of the machine on which somebody built says nothing to anybody else.
    static func machinePaths(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.lines.enumerated() {
            for path in ["/wo" + "rk/", "/tmp/" + "bash", "/home/" + "user"] where line.contains(path) {
                findings.append(file.find(number, "a path of one machine: \(path)"))
            }
        }
        return findings
    }
}

/// Search for whole words: the neighbours of a match are no parts of an identifier.
enum Words {
    static func contains(_ word: String, in line: String) -> Bool {
        guard line.contains(word) else { return false }
        var rest = line[...]
        while let range = rest.firstRange(of: word) {
            let before = line[..<range.lowerBound].last
            let after = line[range.upperBound...].first
            let startsWell = !isPart(before) && before != "."
            let endsWell = !isPart(word.last) || !isPart(after)
            if startsWell && (endsWell || word.hasSuffix("_")) { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    private static func isPart(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || character == "_"
    }
}
