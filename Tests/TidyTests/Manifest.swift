/// The rows of Package.swift, read from its text: the file is a table, and asking SwiftPM for it would start a build
/// tool inside a test.
struct Manifest: Sendable {
    struct Row: Sendable, Hashable {
        /// The word in front of the row: library, module, program, kit or tests.
        let kind: String
        let target: String
        let arrows: [String]
        /// Where its files are, relative to the repository and with a slash at the end.
        let folder: String
        /// The number after the L of the comment above it; -1 for C and 99 for tests.
        let storey: Int
        let line: Int
    }

    let rows: [Row]

    init(_ file: SourceFile) {
        var rows: [Row] = []
        var storey = -1
        var index = file.lines.firstIndex { $0.hasSuffix("targets: [") && $0.hasPrefix("    targets") } ?? 0
        while index < file.lines.count {
            let line = file.lines[index].trimmed
            if line.hasPrefix("// L"), let digit = line.dropFirst(4).first?.wholeNumberValue { storey = digit }
            if line.hasPrefix("// Tests") { storey = 99 }
            let start = index
            if let kind = ["library", "module", "program", "kit", "tests"].first(where: { line.hasPrefix("\($0)(") }) {
                var text = line
                while text.count(of: "(") > text.count(of: ")"), index + 1 < file.lines.count {
                    index += 1
                    text += file.lines[index].trimmed
                }
                if let row = Self.row(kind, text, storey: storey, line: start) { rows.append(row) }
            }
            index += 1
        }
        self.rows = rows
    }

    private static func row(_ kind: String, _ text: String, storey: Int, line: Int) -> Row? {
        let beforePath = text.firstRange(of: "path:").map { String(text[..<$0.lowerBound]) } ?? text
        let path = text.firstRange(of: "path:").flatMap { String(text[$0.upperBound...]).quoted.first }
        let words = beforePath.quoted
        guard let name = words.first else { return nil }
        let folder =
            switch kind {
            case "tests": "Tests/\(name)Tests"
            case "kit": "Tests/\(name)"
            default: path ?? "Sources/\(name)"
            }
        return Row(
            kind: kind, target: kind == "tests" ? "\(name)Tests" : name, arrows: Array(words.dropFirst()),
            folder: folder + "/", storey: storey, line: line)
    }

    /// What comes with the toolchain and may be imported anywhere.
    static let toolchain: Set<String> = ["FoundationEssentials", "Glibc", "Synchronization"]
    /// And what only tests may import.
    static let testing: Set<String> = ["Testing"]

    func row(of path: String) -> Row? { rows.first { path.hasPrefix($0.folder) } }

    /// A module that is reachable through another one compiles without an arrow; here it does not pass.
    func undeclaredImports(_ file: SourceFile) -> [Finding] {
        guard let row = row(of: file.path) else {
            return file.path == "Package.swift" ? [] : [file.find(0, "belongs to no row of Package.swift")]
        }
        var findings: [Finding] = []
        let inTests = file.path.hasPrefix("Tests/")
        for (number, module) in Self.imports(of: file) {
            let known = Self.toolchain.contains(module) || inTests && Self.testing.contains(module)
            if !known, !row.arrows.contains(module) {
                findings.append(file.find(number, "`import \(module)` is no arrow of \(row.target)"))
            }
        }
        return findings
    }

    static func imports(of file: SourceFile) -> [(line: Int, module: String)] {
        var found: [(Int, String)] = []
        for (number, line) in file.code.enumerated() where line.contains("import ") {
            let words = line.split(separator: " ").map(String.init)
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count else { continue }
            guard words[..<at].allSatisfy({ $0.hasPrefix("@") || Self.modifiers.contains($0) }) else { continue }
            let isKind = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
            let name = isKind.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
            found.append((number, String(name.prefix { $0 != "." })))
        }
        return found
    }

    private static let modifiers: Set<String> = ["package", "internal", "private", "fileprivate", "public"]

    /// Storeys: an arrow goes down. Within one storey only the named pairs.
    func upwardArrows(_ file: SourceFile) -> [Finding] {
        let within: Set<String> = [
            "Wire → Model", "Control → Model", "Runtime → Linux", "Supervision → Runtime", "Quic → Crypto",
        ]
        var findings: [Finding] = []
        for row in rows where row.storey < 99 {
            for arrow in row.arrows {
                guard let below = rows.first(where: { $0.target == arrow }) else {
                    findings.append(file.find(row.line, "\(row.target) → \(arrow): there is no such target"))
                    continue
                }
                if below.storey >= row.storey, !within.contains("\(row.target) → \(arrow)") {
                    findings.append(file.find(row.line, "\(row.target) → \(arrow) does not go down"))
                }
            }
        }
        return findings
    }

    /// A C library has one Swift owner; test kits may speak to it past its owner, to build bad files.
    func sharedLibraries(_ file: SourceFile) -> [Finding] {
        rows.filter { $0.kind == "library" }.flatMap { library in
            let owners = rows.filter { $0.storey < 99 && $0.arrows.contains(library.target) }.map(\.target)
            return owners.count <= 1
                ? [] : [file.find(library.line, "\(library.target) has \(owners.count) owners: \(owners)")]
        }
    }
}

extension String {
    var trimmed: String { String(drop { $0 == " " }) }

    /// What stands between double quotes, in order.
    var quoted: [String] {
        split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    func count(of character: Character) -> Int { reduce(0) { $0 + ($1 == character ? 1 : 0) } }
}
