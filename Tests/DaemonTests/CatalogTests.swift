import Control
import Fixture
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite(.serialized) struct `The catalog of a running daemon` {
    private static func row(_ game: FixtureGame, version: String? = nil) -> FixtureCatalogRow {
        FixtureCatalogRow(game.id, title: game.title, version: version ?? game.version)
    }

    /// Writes a catalog beside the one that a daemon has, and renames it into its place.
    private static func replace(_ path: String, _ rows: [FixtureCatalogRow], withdrawn: [String] = []) throws {
        try FixtureCatalog.write(rows, withdrawn: withdrawn, to: path + ".new")
        try Files.rename(path + ".new", to: path)
    }

    /// Leaves the header as it is, and with it the mark of a catalog of our own.
    private static func damage(_ path: String) throws {
        let bytes = try Files.readAll(try Files.openRead(atPath: path), limit: 1 << 20) ?? []
        let file = try Files.create(atPath: path + ".new", mode: 0o644, exclusive: true)
        try (bytes[..<100] + [UInt8](repeating: 0xff, count: bytes.count - 100)).withUnsafeBytes { bytes in
            try Files.writeFully(file, bytes, at: 0)
        }
        try Files.rename(path + ".new", to: path)
    }

    private static func game(_ id: String, at host: TestHost) async throws -> JSONValue? {
        try await host.done("list", "--all")["games"]?.array?.first { $0["game"]?.string == id }
    }

    private static func degraded(_ host: TestHost) async throws -> [JSONValue] {
        try await host.done("status")["degraded"]?.array ?? []
    }

    @Test func `is swapped while it runs, and what is outdated is no longer served`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let (alpha, path) = (try await TestHost.start(.alpha, of: set), set.catalog(of: .alpha))
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            while try await Self.game("ggoo", at: charlie)?["sources"]?.int != 1 {}
            try Self.replace(path, [Self.row(set.ggoo, version: "20991231")])
            while try await Self.game("ggoo", at: alpha)?["availability"]?.string != "outdated" {}
            #expect(try await Self.game("ggoo", at: alpha)?["version"]?.string == "20991231")
            #expect(try await alpha.done("status")["catalog"]?["games"]?.int == 1)
            // The peer hears of it without being told by anybody.
            while try await Self.game("ggoo", at: charlie)?["sources"]?.int != 0 {}
            #expect(try await charlie.ctl("download", "ggoo").status == 11)
            // Withdrawn is not offered, and its files stay.
            try Self.replace(path, [Self.row(set.ggoo), Self.row(set.cnc4)], withdrawn: ["ggoo"])
            while try await Self.game("ggoo", at: alpha) != nil {}
            #expect(try await alpha.ctl("info", "ggoo").status == 10)
            #expect(try Files.status(atPath: set.root(of: "ggoo", at: .alpha) + "/version.ini").kind == .regular)
            // Back again: served again, and nothing was hashed twice.
            try Self.replace(path, [Self.row(set.ggoo)])
            while try await Self.game("ggoo", at: charlie)?["sources"]?.int != 1 {}
            #expect(try await charlie.operation("download", "ggoo")["state"]?.string == "finished")
        }
    }

    @Test func `stays when its file is broken or gone, and is healed by the next sound one`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let (alpha, path) = (try await TestHost.start(.alpha, of: set), set.catalog(of: .alpha))
            #expect(try await Self.degraded(alpha) == [])
            // In place, as an editor may.
            try fixture.write(
                "fixture-alpha/game.db", Array("This is no database. It is only long enough for one.".utf8))
            while try await Self.degraded(alpha).isEmpty {}
            let reduced = try await Self.degraded(alpha)
            #expect(reduced.map { $0["component"]?.string } == ["CatalogKeeper"])
            let reason = reduced.first?["reason"]?.string ?? ""
            #expect(reason.contains("The catalog stays as it was") && reason.contains(path), "\(reason)")
            #expect(try await alpha.done("status")["catalog"]?["games"]?.int == 2)
            #expect(try await alpha.done("catalog", "show")["problem"]?.string?.contains(path) == true)
            try Files.removeFile(atPath: path)
            while try await Self.degraded(alpha).first?["reason"]?.string?.contains("is not there") != true {}
            #expect(try await Self.game("ggoo", at: alpha)?["availability"]?.string != nil)
            try Self.replace(path, [Self.row(set.ggoo)])
            while try await Self.degraded(alpha) != [] {}
            #expect(try await alpha.done("status")["catalog"]?["games"]?.int == 1)
        }
    }

    @Test func `is made of what is here without a restart, and its games are served`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(
                name: "alpha", games: set.gamesDirectory(of: .alpha), catalog: nil)
            let charlie = try await TestHost.start(.charlie, of: set)
            try await charlie.connect(to: alpha)
            let without = try await Self.degraded(alpha)
            #expect(without.map { $0["component"]?.string } == ["Catalog"])
            #expect(without.first?["hint"]?.string?.contains("lanspreadctl catalog init --from-library") == true)
            #expect(try await alpha.ctl("catalog", "add", "ggoo", "1").status == 78)
            let made = try await alpha.done("catalog", "init", "--from-library")
            #expect(made["games"]?.int == 1)
            // In force when the answer comes.
            #expect(try await Self.degraded(alpha) == [])
            #expect(try await Self.game("ggoo", at: alpha)?["version"]?.string == set.ggoo.version)
            while try await Self.game("ggoo", at: charlie)?["sources"]?.int != 1 {}
            #expect(try await charlie.operation("download", "ggoo")["state"]?.string == "finished")
            // And it is there after a restart, by itself.
            #expect(await alpha.stop() == 0)
            let again = try await TestHost.start(
                name: "alpha", games: set.gamesDirectory(of: .alpha), catalog: nil, directory: alpha.directory)
            #expect(try await again.done("status")["catalog"]?["games"]?.int == 1)
            #expect(try await again.done("catalog", "show")["owner"]?.string == "lanspread")
        }
    }

    @Test func `of this host's own is changed by verbs, and the games' files never are`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let host = try await TestHost.start(name: "bravo", games: set.gamesDirectory(of: .bravo), catalog: nil)
            try await host.done("catalog", "init")
            #expect(try await host.ctl("catalog", "init").status == 77)
            let added = try await host.done(
                "catalog", "add", "ggoo", set.ggoo.version, "--title", "Goo\u{1b}[31m 'of' \"Oogle\"", "--size",
                "1.5GB",
                "--genre", "Strategy", "--players", "2 (+ 6 CPU)", "--publisher", "Oogle", "--released", "1999")
            #expect(added["added"]?.bool == true)
            let row = try #require(try await host.done("catalog", "show")["games"]?.array?.first)
            #expect(row["title"]?.string == "Goo [31m 'of' \"Oogle\"")
            #expect(row["bytes"]?.int == 1_500_000_000)
            #expect(row["players"]?.int == 2)
            #expect(row["genre"]?.string == "Strategy")
            #expect(row["released"]?.string == "1999")
            #expect(try await Self.game("ggoo", at: host)?["availability"]?.string != nil)
            // Another version: the rest stays, and what is here is outdated.
            #expect(try await host.done("catalog", "add", "ggoo", "2")["added"]?.bool == false)
            #expect(try await Self.game("ggoo", at: host)?["availability"]?.string == "outdated")
            #expect(try await Self.game("ggoo", at: host)?["title"]?.string == "Goo [31m 'of' \"Oogle\"")
            try await host.done("catalog", "remove", "ggoo")
            #expect(try await Self.game("ggoo", at: host) == nil)
            #expect(try await host.ctl("catalog", "remove", "ggoo").status == 10)
            #expect(try fixture.read("fixture-bravo/games/ggoo/version.ini") != nil)
            #expect(try await host.ctl("catalog", "add", "../x", "1").status == 64)
            #expect(try await host.ctl("catalog", "add", "x", "a b").status == 64)
            #expect(try await host.ctl("catalog", "add", "x", "1", "--size", "2XB").status == 64)
            try await host.done("catalog", "init", "--from-library", "--force")
            #expect(try await host.done("catalog", "show")["count"]?.int == 2)
            // Nobody is told to lose a catalog that only cannot be opened for now.
            let path = "\(host.directory.path)/state/game.db"
            try Files.rename(path, to: path + ".kept")
            try #require(symlink(path, path) == 0)
            let refused = try await host.ctl("catalog", "add", "x", "1")
            #expect(refused.status == 1 && refused.errors.contains("cannot be opened"), "\(refused)")
            #expect(!refused.errors.contains("--force"), "\(refused)")
            try Files.rename(path + ".kept", to: path)
            try Self.damage(path)
            let damaged = try await host.ctl("catalog", "add", "x", "1")
            #expect(damaged.status == 78 && damaged.errors.contains("--force"), "\(damaged)")
        }
    }

    @Test func `of the administrator is never written, also not in the state directory`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let before = try fixture.read("fixture-alpha/game.db")
            let changes = [["init", "--force"], ["add", "new", "1"], ["remove", "ggoo"]]
            for words in changes {
                let outcome = try await TestHost.run(
                    "lanspreadctl", ["--socket", alpha.socket, "catalog"] + words, in: alpha.directory)
                #expect(outcome.status == 77, "\(words)")
                #expect(outcome.errors.contains("is the administrator's and is not written"), "\(outcome.errors)")
                #expect(outcome.errors.contains("lanspreadctl catalog init --from-library"), "\(outcome.errors)")
            }
            // Not out of a file: this one was named on the command line.
            let add = try await alpha.ctl("catalog", "add", "new", "1")
            #expect(add.errors.contains("or start lanspreadd without --catalog"), "\(add.errors)")
            #expect(try fixture.read("fixture-alpha/game.db") == before)
            #expect(try await alpha.done("catalog", "show")["owner"]?.string == "administrator")
            #expect(try await alpha.done("catalog", "show")["withdrawn"]?.array == [.string(FixtureSet.withdrawnID)])
            // Without our mark a file is somebody else's wherever it lies.
            let bravo = try await TestHost.start(name: "bravo", games: set.gamesDirectory(of: .bravo), catalog: nil)
            let path = "\(bravo.directory.path)/state/game.db"
            try Self.replace(path, [Self.row(set.ggoo)])
            while try await bravo.done("status")["catalog"]?["games"]?.int != 1 {}
            for words in changes {
                let outcome = try await TestHost.run(
                    "lanspreadctl", ["--socket", bravo.socket, "catalog"] + words, in: bravo.directory)
                #expect(outcome.status == 77, "\(words)")
                #expect(outcome.errors.contains("was not written by lanspread"), "\(outcome.errors)")
            }
        }
    }

    @Test func `is another one after a reload, or none`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let file = try fixture.write(
                "lanspreadd.conf", Array("[lanspreadd]\ncatalog = \(set.catalog(of: .bravo))\n".utf8))
            let host = try await TestHost.start(
                name: "alpha", games: set.gamesDirectory(of: .alpha), catalog: nil, extra: ["--config", file])
            // What is seen was seen by watching, so from here on no watch begins unless something begins it.
            try Self.replace(set.catalog(of: .bravo), [Self.row(set.ggoo)])
            while try await host.done("status")["catalog"]?["games"]?.int != 1 {}
            func reload(_ catalog: String) async throws -> JSONValue {
                try fixture.write("lanspreadd.conf", Array("[lanspreadd]\n\(catalog)\n".utf8))
                return try await host.done("reload")
            }
            let reply = try await reload("catalog = \(set.catalog(of: .alpha))")
            #expect(reply["changed"]?.array == ["catalog"])
            #expect(try await host.done("status")["catalog"]?["games"]?.int == 2)
            _ = try await reload("catalog = \(fixture.path)/none.db")
            #expect(try await Self.degraded(host).first?["reason"]?.string?.contains("none.db") == true)
            #expect(try await host.done("status")["catalog"]?["games"]?.int == 2)
            // It comes later, in a directory that was not there either.
            _ = try await reload("catalog = \(fixture.path)/later/more/game.db")
            try FixtureFile.makeDirectories(fixture.path + "/later/more")
            try Self.replace(fixture.path + "/later/more/game.db", [Self.row(set.ggoo)])
            while try await host.done("status")["catalog"]?["games"]?.int != 1 {}
            #expect(try await Self.degraded(host) == [])
            // One that was there when it was named is watched as well.
            _ = try await reload("catalog = \(set.catalog(of: .alpha))")
            try Self.replace(set.catalog(of: .alpha), [])
            while try await host.done("status")["catalog"]?["games"]?.int != 0 {}
            _ = try await reload("")
            #expect(try await host.done("status")["catalog"] == .null)
            #expect(try await Self.degraded(host).map { $0["component"]?.string } == ["Catalog"])
        }
    }

    // MARK: - The key

    @Test func `never gives a game's key away, in no reply, no event, no log and no memory`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            // Made when the test runs, so that only the file can bring it into the daemon.
            let secret = "key" + String(RandomSource.system.uint64(), radix: 36) + "key"
            var rows = [Self.row(set.ggoo), Self.row(set.cnc4)]
            for index in rows.indices { rows[index].key = .text("\(secret)\(index)") }
            for index in 0..<200 {
                rows.append(FixtureCatalogRow("other\(index)", title: "Other", version: "1"))
                rows[rows.count - 1].key = .text(secret)
            }
            var dropped = FixtureCatalogRow("../x", title: "X", version: "1")
            dropped.key = .text(secret)
            try Self.replace(set.catalog(of: .alpha), rows + [dropped], withdrawn: ["cnc4"])
            let alpha = try await TestHost.start(.alpha, of: set)
            let listener = try alpha.client()
            let first = try await listener.subscribe(1)
            try #require(first["snapshot"]?["games"]?.array != nil)
            var replies = "\(first)"
            let verbs = ["status", "list --all", "info ggoo", "catalog show", "operations", "history", "transfers"]
            for words in verbs.map({ $0.split(separator: " ").map(String.init) }) {
                replies += try await TestHost.run(
                    "lanspreadctl", ["--socket", alpha.socket, "--json"] + words, in: alpha.directory
                ).output
            }
            // A broken one after it: errors speak of files too.
            var bytes = try #require(try fixture.read("fixture-alpha/game.db"))
            bytes.replaceSubrange(4_096..<4_200, with: [UInt8](repeating: 0xff, count: 104))
            try fixture.write("fixture-alpha/game.db", bytes)
            while try await Self.degraded(alpha).isEmpty {}
            // A game that was withdrawn is back, which is an event.
            let before = UInt64(try await alpha.client().subscribe(1)["number"]?.int ?? 0)
            try Self.replace(set.catalog(of: .alpha), rows)
            while try await Self.degraded(alpha) != [] {}
            let check = try await TestHost.run(
                "lanspreadctl", ["--json", "catalog", "check", set.catalog(of: .alpha)], in: alpha.directory)
            #expect(check.status == 0)
            replies += check.output
            let events = try await listener.events {
                $0.name == EventName.localLibraryChanged && $0.number > before
            }
            replies += "\(events)"
            #expect(replies.contains("other199"))
            #expect(!replies.contains(secret))
            #expect(!alpha.log.text.contains(secret))
            #expect(try !Self.memory(of: alpha.process.pid).contains(secret))
            #expect(try !fixture.tree().contains { $0.contains(secret) })
            #expect(try !Self.stateHolds(secret, alpha))
        }
    }

    /// Whether a file of the state directory has the text.
    private static func stateHolds(_ text: String, _ host: TestHost) throws -> Bool {
        let path = "\(host.directory.path)/state"
        return try Beneath.list(try Files.openDirectory(atPath: path)).contains { entry in
            let name = "\(path)/\(String(decoding: entry.name, as: UTF8.self))"
            let bytes = try Files.readAll(try Files.openRead(atPath: name), limit: 64 << 20) ?? []
            return bytes.contains(text)
        }
    }

    /// Every private page of the process that can be read.
    private static func memory(of process: Int32) throws -> [UInt8] {
        let maps = try Files.readAll(try Files.openRead(atPath: "/proc/\(process)/maps"), limit: 4 << 20) ?? []
        let memory = try Files.openRead(atPath: "/proc/\(process)/mem")
        var bytes: [UInt8] = []
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 5, words[1].hasPrefix("rw"), words[4] == "0" else { continue }
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2 else { continue }
            var run = [UInt8](repeating: 0, count: Int(ends[1] - ends[0]))
            let start = ends[0]
            // A page that was never touched cannot always be read.
            let count = run.withUnsafeMutableBytes { (try? Files.readFully(memory, into: $0, at: start)) ?? 0 }
            bytes += run[..<count]
        }
        try #require(bytes.count > 1 << 20)
        return bytes
    }
}

extension [UInt8] {
    /// By the C library: in a debug build a loop over a hundred megabytes takes minutes.
    fileprivate func contains(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return withUnsafeBytes { bytes in
            var rest = bytes[...]
            while rest.count >= wanted.count, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                let found = memchr(start, Int32(wanted[0]), rest.count - wanted.count + 1)
            {
                if memcmp(found, wanted, wanted.count) == 0 { return true }
                rest = rest[(rest.startIndex + (UnsafeRawPointer(found) - start) + 1)...]
            }
            return false
        }
    }
}
