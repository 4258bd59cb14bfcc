import FoundationEssentials
import TestKit
import Testing

/// lanspreadctl(1) is written by hand, so it is compared with what the program says of itself.
@Suite struct `The manual page of lanspreadctl` {
    private static let text: String = {
        // Tests/CtlTests/ManualPageTests.swift
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = parts.dropLast(3).joined(separator: "/") + "/docs/man/lanspreadctl.1"
        return ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").replacing("\\-", with: "-")
    }()

    /// The first words of the indented lines below a heading.
    private func entries(_ help: String, below heading: String) -> [String] {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.hasPrefix(heading) }) else { return [] }
        return lines[(start + 1)...].prefix { $0.hasPrefix("  ") }.compactMap { $0.split(separator: " ").first }
            .map(String.init)
    }

    @Test func `names every verb with every flag`() async throws {
        let house = try StubHouse()
        let overview = try await house.run("help").stdout
        let verbs = entries(overview, below: "Verbs:")
        #expect(verbs.count > 15)
        let section = Self.text.split(separator: ".SH VERBS").last?.split(separator: "\n.SH ").first ?? ""
        let parts = section.split(separator: "\n.TP\n").map(String.init)
        for verb in verbs {
            // The head of an entry, with its markup.
            let entry = parts.first { part in
                let head = part.split(separator: "\n").first { !$0.isEmpty } ?? ""
                return head.replacing("\\fB", with: " ").replacing("\\fR", with: " ").split(separator: " ")
                    .contains { $0.filter { $0 != "\"" && $0 != "," } == verb }
            }
            let page = try #require(entry, "\(verb) is not in the manual page")
            let help = try await house.run("help", verb).stdout
            for line in help.split(separator: "\n") where line.hasPrefix("  -") {
                let flag = String(line.split(separator: " ")[0])
                #expect(page.contains(flag), "\(verb) \(flag)")
            }
        }
    }

    @Test func `names every flag of all verbs`() async throws {
        let house = try StubHouse()
        let flags = entries(try await house.run("help").stdout, below: "Flags of every verb:")
        #expect(flags.count > 5)
        for flag in flags { #expect(Self.text.contains(flag), "\(flag)") }
    }
}
