import FoundationEssentials
import Settings
import TestKit
import Testing

/// etc/lanspreadd.conf is what an administrator reads first, so it says what the code says.
@Suite struct `The file that is installed` {
    private static let path: String = {
        // Tests/SettingsTests/ExampleFileTests.swift
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/") + "/etc/lanspreadd.conf"
    }()

    private func settings(_ file: String) throws -> LoadedSettings {
        guard case .run(let loaded, _) = try DaemonInvocation.parse(arguments: ["--config", file], environment: [:])
        else { throw SettingsError.usage("not a run") }
        return loaded
    }

    private func text() throws -> String { try String(contentsOfFile: Self.path, encoding: .utf8) }

    @Test func `changes nothing`() throws {
        let loaded = try settings(Self.path)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.settings == DaemonSettings())
    }

    @Test func `shows every setting once, with its default and a comment above it`() throws {
        let lines = try text().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var shown: [String: String] = [:]
        for (index, line) in lines.enumerated() where line.hasPrefix("#") && !line.hasPrefix("# ") {
            let parts = line.dropFirst().split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let key = parts[0].filter { $0 != " " }
            #expect(shown[key] == nil, "\(key)")
            shown[key] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : nil
            #expect(lines[index - 1].hasPrefix("# "), "\(key) has no comment")
        }
        var wanted: [String: String] = [:]
        for (key, value, _) in DaemonSettings().described { wanted[key.rawValue] = key == .name ? "" : value }
        #expect(shown == wanted)
    }

    @Test func `is sound with every comment taken away`() throws {
        let directory = try TemporaryDirectory()
        let lines = try text().split(separator: "\n").filter { !$0.hasPrefix("# ") }.map { $0.drop { $0 == "#" } }
        let file = try directory.write("all.conf", Array(lines.joined(separator: "\n").utf8))
        let loaded = try settings(file)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.settings.described.map(\.value) == DaemonSettings().described.map(\.value))
    }
}
