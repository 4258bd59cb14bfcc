import Fixture
import Linux
import Model
import TestKit
import Testing

/// Hosts that have the game `ggoo` in every way in which one can have it.
private final class Crowd: Sendable {
    let set: FixtureSet
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        set = try FixtureSet.write(to: directory.path)
    }

    /// - Parameter change: of the game's root, before the host begins.
    func host(
        _ name: String, has game: Bool = true, extra: [String] = [], _ change: (String) throws -> Void = { _ in }
    ) async throws -> TestHost {
        let games = "\(directory.path)/\(name)"
        try FixtureFile.makeDirectories(games)
        if game {
            try set.ggoo.write(to: "\(games)/ggoo")
            try change("\(games)/ggoo")
        }
        return try await TestHost.start(name: name, games: games, catalog: set.catalog(of: .charlie), extra: extra)
    }

    func old() async throws -> TestHost {
        try await host("old") { try FixtureFile.write(.text("20230101\n"), to: "\($0)/version.ini") }
    }

    func other(_ name: String = "other") async throws -> TestHost {
        try await host(name) { try FixtureFile.write(.text("Something else.\n"), to: "\($0)/readme.txt") }
    }

    /// Installed, and then the download was thrown away.
    func installed() async throws -> TestHost {
        let host = try await host("installed")
        try await host.done("install", "ggoo")
        try Files.removeFile(atPath: "\(host.gamesDirectory)/ggoo/version.ini")
        try await host.waits { $0["availability"]?.string == "local_only" }
        return host
    }
}

extension TestHost {
    /// Asks until the game `ggoo` is as wanted; the deadline is the test's own.
    @discardableResult
    fileprivate func waits(until isMet: (JSONValue) -> Bool) async throws -> JSONValue {
        while true {
            let info = try await done("info", "ggoo")
            if isMet(info) { return info }
        }
    }

    fileprivate func links(with others: TestHost...) async throws {
        for other in others { try await done("connect", try await other.address()) }
        try await done("wait-peers", "\(others.count)", "--timeout", "20")
    }
}

@Suite(.serialized) struct `A game that hosts have in different ways` {
    private static func verdicts(_ info: JSONValue) -> [String: String] {
        let rows = (info["remote"]?.array ?? []).map { ($0["name"]?.string ?? "", $0["verdict"]?.string ?? "") }
        return Dictionary(rows, uniquingKeysWith: { $1 })
    }

    @Test func `has as sources those with the agreed content, and of the others the reason`() async throws {
        try await within(.seconds(120)) {
            let crowd = try Crowd()
            let alpha = try await crowd.host("alpha")
            let bravo = try await crowd.host("bravo")
            let (old, other, installed) = (
                try await crowd.old(), try await crowd.other(), try await crowd.installed()
            )
            let charlie = try await crowd.host("charlie", has: false)
            try await charlie.links(with: alpha, bravo, old, other, installed)
            let expected = [
                "alpha": "source", "bravo": "source", "old": "outdated", "other": "differs", "installed": "local_only",
            ]
            let info = try await charlie.waits { Self.verdicts($0) == expected }
            #expect(info["sources"]?.int == 2 && info["peers"]?.int == 5)
            #expect(info["reason"]?.string == "It is not on this host.")
            #expect(info["no_source"] == .null)
            let versions = info["versions"]?.array?.map { $0["version"]?.string }
            #expect(versions == ["20240501", "20230101"])
            let why = info["remote"]?.array?.first { $0["name"]?.string == "old" }?["reason"]
            #expect(why == "It has version 20230101.")
            // Only what two agree on is fetched, whoever else offers something.
            try await charlie.done("download", "ggoo", "--no-install")
            #expect(
                try files(of: "ggoo", in: charlie.gamesDirectory) == files(of: "ggoo", in: alpha.gamesDirectory))
            let here = try await charlie.done("info", "ggoo")
            #expect(here["availability"]?.string == "ready" && here["reason"] == .null)
            #expect(here["verified"]?.string == "agreed by 2 of 3")
            // The one with other content knows that by itself.
            try await other.links(with: alpha, bravo)
            let there = try await other.waits { $0["availability"]?.string == "differs" }
            #expect(there["reason"]?.string?.hasPrefix("Its content (root ") == true)
            #expect(there["verified"]?.string == "differs from the agreed one")
            #expect(
                try await old.done("info", "ggoo")["reason"]?.string
                    == "Its version.ini says 20230101 and the catalog wants 20240501.")
        }
    }

    @Test func `is not downloaded when nobody is a source, and it is said why`() async throws {
        try await within(.seconds(120)) {
            let crowd = try Crowd()
            let (old, installed) = (try await crowd.old(), try await crowd.installed())
            let charlie = try await crowd.host("charlie", has: false, extra: ["--source-grace", "0"])
            try await charlie.links(with: old, installed)
            try await charlie.waits { Self.verdicts($0).count == 2 }
            let outcome = try await charlie.ctl("download", "ggoo")
            #expect(outcome.status == 11)
            #expect(outcome.errors.contains("No peer is a source of version 20240501: "))
            #expect(outcome.errors.contains("old has version 20230101"))
            #expect(outcome.errors.contains("installed has it installed, not downloaded"))
            // One that has gone is still told of.
            _ = await old.stop()
            try await charlie.waits { Self.verdicts($0) == ["old": "offline", "installed": "local_only"] }
            #expect(try await charlie.done("list", "--available")["games"]?.array?.isEmpty == true)
            #expect(try await charlie.done("list", "ggoo")["games"]?.array?.count == 1)
        }
    }

    @Test func `is listed by what the daemon filters`() async throws {
        try await within(.seconds(60)) {
            let crowd = try Crowd()
            let alpha = try await crowd.host("alpha")
            try await alpha.done("install", "ggoo")
            func games(_ flags: String...) async throws -> [String] {
                let outcome = try await TestHost.run(
                    "lanspreadctl", ["--socket", alpha.socket, "--json", "list"] + flags, in: alpha.directory)
                return (outcome.json["games"]?.array ?? []).compactMap { $0["game"]?.string }
            }
            #expect(try await games() == ["ggoo"])
            #expect(try await games("--all") == ["cnc4", "ggoo"])
            #expect(try await games("--all", "CAMEL") == ["cnc4"])
            #expect(try await games("--installed", "--genre", "real-time", "--players", "2") == ["ggoo"])
            #expect(try await games("--players", "3") == [], "2 (+ 6 CPU)")
            #expect(try await games("--all", "--players", "8") == ["cnc4"])
            #expect(try await games("--all", "--genre", "shooter") == [])
        }
    }
}

@Suite(.serialized) struct `Transfers` {
    @Test func `are one row for each peer, with a rate, on both sides`() async throws {
        try await within(.seconds(90)) {
            let game = try LargeGame()
            let (alpha, charlie) = (try await game.source(), try await game.start(.charlie))
            try await charlie.connect(to: alpha)
            try await charlie.beginLarge()
            try await charlie.waitForChunks(8)
            let inbound = try await charlie.done("transfers")["transfers"]?.array ?? []
            let outbound = try await alpha.done("transfers")["transfers"]?.array ?? []
            #expect(inbound.count == 1 && outbound.count == 1, "\(inbound) \(outbound)")
            let (into, out) = (try #require(inbound.first), try #require(outbound.first))
            #expect(into["direction"]?.string == "in" && out["direction"]?.string == "out")
            #expect(into["name"]?.string == "alpha" && out["name"]?.string == "charlie")
            #expect(into["operation_id"]?.int == 1 && out["operation_id"] == .null)
            #expect(into["root"] == out["root"] && into["game"]?.string == "large")
            for row in [into, out] {
                #expect(row["bytes"]?.int ?? 0 > 8 * Int64(Grid.chunkBytes), "\(row)")
                #expect(row["rate"]?.int ?? 0 > 1 << 20, "\(row)")
                #expect(row["limit"] == .null && row["since"]?.string != nil)
            }
            try await charlie.done("cancel", "1")
            _ = try await charlie.waitForEnd()
            #expect(try await charlie.done("transfers")["transfers"]?.array?.isEmpty == true)
            while try await alpha.done("transfers")["transfers"]?.array?.isEmpty == false {}
        }
    }
}
