import FoundationEssentials
import Runtime
import Testing

/// What an administrator may search for stands in the table of docs/operation.md, and nowhere twice.
@Suite struct `The kinds of log records` {
    private static let repository = String(#filePath.dropLast("/Tests/SystemdTests/JournalKindTests.swift".count))

    private static func text(_ path: String) throws -> String {
        String(decoding: try #require(FileManager.default.contents(atPath: "\(repository)/\(path)")), as: UTF8.self)
    }

    private static func sources() throws -> [(path: String, text: String)] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: "\(repository)/Sources")
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { ($0, try text("Sources/\($0)")) }
    }

    /// The words in quotes behind `kind:`.
    static func kinds(in text: String) -> [String] {
        var words: [String] = []
        var rest = text[...]
        while let mark = rest.firstRange(of: "kind: \"") {
            rest = rest[mark.upperBound...]
            words.append(String(rest.prefix { $0 != "\"" }))
        }
        return words
    }

    /// Calls of the log above `debug` that name no kind, by their first line.
    static func nameless(in text: String) -> [String] {
        var found: [String] = []
        for call in ["log.error(", "log.warning(", "log.notice(", "log.info(", "log.write("] {
            var rest = text[...]
            while let mark = rest.firstRange(of: call) {
                rest = rest[mark.upperBound...]
                var depth = 1
                let arguments = rest.prefix { character in
                    if character == "(" { depth += 1 }
                    if character == ")" { depth -= 1 }
                    return depth > 0
                }
                if !arguments.contains("kind: ") { found.append(call + arguments.prefix { $0 != "\n" }) }
            }
        }
        return found
    }

    /// Kind and id of each row `| \`kind\` | \`id\` | … |`.
    private func table() throws -> [String: String] {
        var rows: [String: String] = [:]
        for line in try Self.text("docs/operation.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.filter { !" `".contains($0) } }
            guard cells.count == 3, cells[1].count == 32 else { continue }
            #expect(rows[cells[0]] == nil, "\(cells[0]) stands twice in the table")
            rows[cells[0]] = cells[1]
        }
        return rows
    }

    @Test func `all stand in the table with their ids, and no others`() throws {
        let used = Set(try Self.sources().flatMap { Self.kinds(in: $0.text) })
        let table = try table()
        #expect(used.count > 40)
        for kind in used.sorted() where table[kind] != LogKind(kind).messageID {
            Issue.record("docs/operation.md wants a row: | `\(kind)` | `\(LogKind(kind).messageID)` | when |")
        }
        #expect(Set(table.keys).subtracting(used).sorted() == [])
    }

    @Test func `are named by every record above debug`() throws {
        for (path, text) in try Self.sources() {
            for call in Self.nameless(in: text) { Issue.record("Sources/\(path): a record without a kind: \(call)") }
        }
    }

    @Test func `are missed where they are missing`() {
        let text = #"log.info("a (b)", .game(g)); log.error("c", kind: "d"); return log.warning(x)"#
        #expect(Self.nameless(in: text) == [#"log.warning(x"#, #"log.info("a (b)", .game(g)"#])
        #expect(Self.kinds(in: text) == ["d"])
    }
}
