/// Rules that compare the documents with the tree.
enum DocumentRules {
    /// Exactly these lie at the top, beside dot files.
    static let topLevel = [
        "LICENSE", "Makefile", "Package.swift", "README.md", "Sources", "Tests", "docs", "etc", "scripts", "systemd",
    ]

    static func unlinked(documents: [String], index: String) -> [String] {
        documents.filter { path in
            let name = path.dropFirst("docs/".count)
            return name != "README.md" && !index.contains("](\(name))")
        }
    }

    /// Links to files of the repository lead somewhere; links to the web and within a page are not looked at.
    static func deadLinks(_ file: SourceFile, exists: (String) -> Bool) -> [Finding] {
        let folder = file.path.split(separator: "/").dropLast().map(String.init)
        var findings: [Finding] = []
        for (number, line) in file.lines.enumerated() {
            var rest = line[...]
            while let open = rest.firstRange(of: "](") {
                rest = rest[open.upperBound...]
                guard let close = rest.firstIndex(of: ")") else { break }
                let target = rest[..<close].prefix { $0 != "#" }
                if target.isEmpty || target.contains("://") { continue }
                var parts = folder
                for part in target.split(separator: "/") {
                    if part == ".." {
                        if !parts.isEmpty { parts.removeLast() }
                    } else if part != "." {
                        parts.append(String(part))
                    }
                }
                if !exists(parts.joined(separator: "/")) {
                    findings.append(file.find(number, "the link \(target) leads nowhere"))
                }
            }
        }
        return findings
    }

    /// The words that one file of the code gives to the outside, as the string literals after `marker`.
    static func words(after marker: String, in file: SourceFile) -> [(line: Int, word: String)] {
        file.lines.enumerated().compactMap { number, line in
            guard let range = line.firstRange(of: marker), let word = String(line[range.upperBound...]).quoted.first
            else { return nil }
            return (number, word)
        }
    }

    static func undocumented(_ words: [(line: Int, word: String)], of file: SourceFile, in text: String) -> [Finding] {
        words.filter { !text.contains("`\($0.word)") }.map { file.find($0.line, "`\($0.word)` is in no document") }
    }

    /// The raw values of one enum over strings: what is quoted, else the name of the case.
    static func cases(of type: String, in file: SourceFile) -> [String] {
        guard let start = file.code.firstIndex(where: { $0.contains("enum \(type)") }) else { return [] }
        return file.lines[start...].prefix { $0 != "}" }.map(\.trimmed).filter { $0.hasPrefix("case ") }
            .compactMap { $0.quoted.first ?? $0.split(separator: " ").last.map(String.init) }
    }

    /// The settings of a configuration file, commented or not.
    static func settings(in file: SourceFile) -> [String] {
        file.lines.compactMap { line in
            let parts = line.drop { $0 == "#" }.split(separator: " ", maxSplits: 2)
            return parts.count >= 2 && parts[1] == "=" ? String(parts[0]) : nil
        }
    }
}
