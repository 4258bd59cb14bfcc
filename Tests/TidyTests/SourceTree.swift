import FoundationEssentials

/// One text file of the repository, read once for all rules.
struct SourceFile: Sendable, CustomStringConvertible {
    /// Relative to the repository.
    let path: String
    let lines: [String]
    /// The same lines with comments, string literals and raw identifiers turned into spaces, so that a rule about code
    /// does not find a word in a sentence.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = SwiftBlanks.blank(text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    var description: String { path }
    var isSwift: Bool { path.hasSuffix(".swift") }

    func find(_ line: Int, _ text: String) -> Finding { Finding(path: path, line: line + 1, text: text) }
}

/// What a rule objects to, in the form that editors jump to.
struct Finding: Hashable, Sendable, CustomStringConvertible {
    let path: String
    let line: Int
    let text: String

    var description: String { "\(path):\(line): \(text)" }
}

/// The repository as it lies on disk, without what git and the build keep for themselves.
struct SourceTree: Sendable, CustomStringConvertible {
    /// Read at the first use, in one pass.
    static let here = SourceTree(root: String(#filePath.dropLast("/Tests/TidyTests/SourceTree.swift".count)))

    let files: [SourceFile]
    let topLevel: [String]

    var description: String { "a tree of \(files.count) files" }
    var swift: [SourceFile] { files.filter(\.isSwift) }
    var documents: [SourceFile] { files.filter { $0.path.hasSuffix(".md") } }

    /// What is read by people: code, scripts, units, settings and documents.
    private static let places = [
        ".ci", "Makefile", "Package.swift", "README.md", "Sources", "Tests", "docs", "etc", "scripts", "systemd",
    ]

    init(root: String) {
        let manager = FileManager.default
        topLevel = ((try? manager.contentsOfDirectory(atPath: root)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
        var files: [SourceFile] = []
        for place in Self.places {
            let below = (try? manager.subpathsOfDirectory(atPath: "\(root)/\(place)")) ?? []
            let paths = below.isEmpty ? [place] : below.map { "\(place)/\($0)" }
            for path in paths.sorted() {
                guard let bytes = manager.contents(atPath: "\(root)/\(path)") else { continue }
                guard let text = String(validating: bytes, as: UTF8.self) else { continue }
                files.append(SourceFile(path: path, text: text))
            }
        }
        self.files = files
    }

    func file(_ path: String) -> SourceFile? { files.first { $0.path == path } }
}
