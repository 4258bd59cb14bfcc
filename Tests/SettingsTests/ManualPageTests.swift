import FoundationEssentials
import Settings
import Testing

/// The pages of the daemon are written by hand, so they are compared with the tables of the code.
@Suite struct `The manual pages of lanspreadd` {
    private func page(_ name: String) throws -> String {
        // Tests/SettingsTests/ManualPageTests.swift
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = parts.dropLast(3).joined(separator: "/") + "/docs/man/" + name
        return try String(contentsOfFile: path, encoding: .utf8).replacing("\\-", with: "-")
    }

    @Test func `name every flag`() throws {
        guard case .help(let help) = try DaemonInvocation.parse(arguments: ["--help"], environment: [:]) else {
            Issue.record("no help")
            return
        }
        let flags = help.split(separator: "\n").filter { $0.hasPrefix("  --") }.map { $0.split(separator: " ")[0] }
        #expect(flags.count > 10)
        let lines = try page("lanspreadd.8").split(separator: "\n")
        for flag in flags {
            let heads = lines.filter { $0.hasPrefix(".B") && $0.split(separator: " ").contains { $0.hasPrefix(flag) } }
            #expect(!heads.isEmpty, "\(flag)")
        }
    }

    @Test(arguments: SettingKey.allCases)
    func `say every setting, its default and what makes it change`(_ key: SettingKey) throws {
        let text = try page("lanspreadd.conf.5")
        let entry = try #require(
            text.split(separator: "\n.TP\n").first { $0.hasPrefix(".B \(key.rawValue)\n") }, "\(key.rawValue)")
        #expect(entry.contains("Default: ") || entry.contains("Default:\n"), "\(key.rawValue)")
        let live = text.split(separator: "\n").filter { $0.hasPrefix(".BR peer") }.joined()
        #expect(live.contains(key.rawValue) == key.isLive)
    }

    @Test(arguments: SettingKey.allCases)
    func `agree with operation md on what needs a restart`(_ key: SettingKey) throws {
        let rows = try page("../operation.md").split(separator: "\n").filter {
            $0.contains("`log_level`, `source_grace`")
        }
        let columns = try #require(rows.first).split(separator: "|")
        #expect(columns[key.isLive ? 0 : 1].contains("`\(key.rawValue)`"))
    }
}
