import Control
import FoundationEssentials
import Model
import Testing

/// docs/control.md repeats the tables of the code, so it is tested against them. `LANSPREAD_WRITE_DOCS=1` writes them.
@Suite struct `The manual of the control socket` {
    private var path: String {
        // Tests/ControlTests/ManualTests.swift
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/") + "/docs/control.md"
    }

    @Test func `says what the tables say`() throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let methods = ControlMethod.allCases.map(describe).joined(separator: "\n")
        var wanted = try replace("methods", in: text, with: methods)
        wanted = try replace("failures", in: wanted, with: failures)
        wanted = try replace("exits", in: wanted, with: exits)
        if ProcessInfo.processInfo.environment["LANSPREAD_WRITE_DOCS"] != nil {
            try wanted.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            #expect(text == wanted, "run the tests once with LANSPREAD_WRITE_DOCS=1")
        }
    }

    @Test func `names every event`() throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for name in EventName.all { #expect(text.contains("| `\(name)` |"), "\(name)") }
    }

    @Test func `names every method that does not answer at once`() throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let start = try #require(text.firstRange(of: "Exceptions: ")).upperBound
        let end = try #require(text[start...].firstRange(of: "```")).lowerBound
        for method in ControlMethod.allCases {
            #expect(text[start..<end].contains("`\(method.name)`") == !method.answersAtOnce, "\(method)")
        }
    }

    private func replace(_ section: String, in text: String, with table: String) throws -> String {
        let start = try #require(text.firstRange(of: "<!-- \(section):"))
        let begin = try #require(text[start.lowerBound...].firstIndex(of: "\n"))
        let end = try #require(text[begin...].firstRange(of: "<!-- end -->"))
        return text[...begin] + table + text[end.lowerBound...]
    }

    private func describe(_ method: ControlMethod) -> String {
        let entry = method.entry
        var text = "### `\(method.name)`\n\n\(entry.summary)\(entry.mutates ? " Changes something." : "")\n\n"
        for parameter in entry.parameters {
            let need =
                switch parameter.need {
                case .required: "required"
                case .optional: "optional"
                case .preset(let value): "\(String(decoding: JSON.encode(value), as: UTF8.self)) when not given"
                }
            text += "- `\(parameter.name)` (\(parameter.kind.description); \(need)): \(parameter.summary)\n"
        }
        if entry.parameters.isEmpty { text += "- No parameters.\n" }
        text += "- Result: \(entry.result)\n"
        if !entry.failures.isEmpty { text += "- Failures: \(list(entry.failures.map(\.word))).\n" }
        if entry.events == EventName.all {
            text += "- Events: all.\n"
        } else if !entry.events.isEmpty {
            text += "- Events: \(list(entry.events)).\n"
        }
        let request = JSONRPC.Request(id: 1, method: method.name, parameters: entry.example.parameters)
        text += "\n```\n" + String(decoding: JSONRPC.encodeRequest(request), as: UTF8.self)
        text += String(decoding: JSONRPC.encodeResult(id: 1, entry.example.result), as: UTF8.self) + "```\n"
        return text
    }

    private func list(_ words: [String]) -> String { words.map { "`\($0)`" }.joined(separator: ", ") }

    private var failures: String {
        var text = "Every method may also refuse with `usage`, `busy`, `shutting_down` and `internal_fault`.\n\n"
        text += "| kind | code | exit | means |\n|---|---|---|---|\n"
        for entry in Failure.Kind.table {
            text += "| `\(entry.kind.word)` | \(entry.code) | \(entry.exit.rawValue) | \(entry.meaning) |\n"
        }
        return text
    }

    private var exits: String {
        "| code | means |\n|---|---|\n"
            + ExitCode.allCases.map { "| \($0.rawValue) | \($0.meaning) |\n" }.joined()
    }
}
