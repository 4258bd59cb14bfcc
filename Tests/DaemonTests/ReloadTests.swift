import Fixture
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite(.serialized) struct `The settings of a running daemon` {
    /// A daemon that has its settings from a file.
    private final class Place: Sendable {
        let directory: TemporaryDirectory
        let host: TestHost

        init(_ settings: String, catalog: String? = nil, extra: [String] = [], environment: [String] = []) async throws
        {
            directory = try TemporaryDirectory()
            let file = try Self.write(settings, in: directory)
            host = try await TestHost.start(
                name: "place", games: directory.path, catalog: catalog, extra: ["--config", file] + extra, manner: [],
                environment: environment)
        }

        var file: String { directory.path + "/lanspreadd.conf" }

        func write(_ settings: String) throws { _ = try Self.write(settings, in: directory) }

        @discardableResult
        private static func write(_ settings: String, in directory: TemporaryDirectory) throws -> String {
            try directory.write("lanspreadd.conf", Array("[lanspreadd]\n\(settings)\n".utf8))
        }

        func hangUp() { kill(host.process.pid, SIGHUP) }

        /// The value in force.
        func value(_ key: String) async throws -> JSONValue? {
            let rows = try await host.done("config", "show")["settings"]?.array ?? []
            return rows.first { $0["key"]?.string == key }
        }
    }

    @Test func `change by SIGHUP, log level, grace and peers at once`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let place = try await Place(
                "log_level = notice\nsource_grace = 600", catalog: set.catalog(of: .charlie))
            #expect(!place.host.log.text.contains("A dial failed."))
            try place.write("log_level = debug\nsource_grace = 0\npeer = 127.0.0.1:1")
            place.hangUp()
            #expect(await place.host.log.wait(for: "The settings were read again."))
            // The new peer is dialled, and that it fails is told at the new level.
            #expect(await place.host.log.wait(for: "A dial failed."))
            // With the old grace it would wait for ten minutes.
            #expect(try await place.host.ctl("download", "ggoo").status == 11)
            #expect(try await place.value("source_grace")?["origin"]?.string == "\(place.file):3")
        }
    }

    @Test func `stay as they are when the new ones are bad`() async throws {
        try await within(.seconds(60)) {
            let place = try await Place("source_grace = 600\nlog_level = info")
            try place.write("source_grace = 5\nlog_level = loud\nmdns = maybe")
            place.hangUp()
            let line = await place.host.log.line(with: "\(place.file):3: ")
            #expect(line?.contains("log_level = loud is refused: one of error") == true, "\(place.host.log.text)")
            #expect(await place.host.log.wait(for: "\(place.file):4: mdns = maybe is refused"))
            #expect(try await place.value("source_grace")?["value"]?.string == "600")
            let reload = try await place.host.ctl("reload")
            #expect(reload.status == 78)
            #expect(reload.errors.contains("\(place.file):3: log_level = loud"))
            #expect(reload.errors.contains("--check-config"))
            #expect(try await place.value("source_grace")?["value"]?.string == "600")
            try place.write("source_grace = 5")
            #expect(try await place.host.ctl("reload").status == 0)
            #expect(try await place.value("source_grace")?["value"]?.string == "5")
        }
    }

    @Test func `say by the verb what changed, what waits for a restart and what was passed over`() async throws {
        try await within(.seconds(60)) {
            let place = try await Place("log_level = info")
            #expect(try await place.host.ctl("reload").errors == "The settings were read again; nothing changes.\n")
            try place.write("log_level = debug\nconnections = 9\npear = a:1")
            let reload = try await place.host.done("reload")
            #expect(reload["changed"] == ["log_level"])
            #expect(reload["needs_restart"] == ["connections"])
            let warning = "\(place.file):4: The key pear is unknown and passed over. Did you mean peer?"
            #expect(reload["warnings"] == [.string(warning)])
            #expect(await place.host.log.wait(for: "connections needs a restart: systemctl restart lanspreadd"))
            let connections = try #require(try await place.value("connections"))
            #expect(connections["value"]?.string == "256")
            #expect(connections["next"]?["value"]?.string == "9")
            #expect(connections["next"]?["origin"]?.string == "\(place.file):3")
            // It still waits, although nothing in the file has changed since.
            let again = try await place.host.ctl("reload")
            #expect(again.errors.contains("connections needs a restart"))
            #expect(again.errors.contains(warning))
        }
    }

    @Test func `are shown with where they come from`() async throws {
        try await within(.seconds(60)) {
            let place = try await Place("source_grace = 7\ninterfaces = lo en*\nname = file")
            let shown = try await place.host.ctl("config", "show", "--origin").output
            let rows = shown.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
            func row(_ key: String) -> String {
                rows.first { $0.first.map(String.init) == key }?.dropFirst().joined(separator: " ") ?? ""
            }
            #expect(row("source_grace") == "7 \(place.file):2 -")
            #expect(row("interfaces") == "lo en* \(place.file):3 -")
            #expect(row("name") == "place --name -")
            #expect(row("mdns") == "no --no-mdns -")
            #expect(row("log_level") == "info built in -")
            let file = try await place.host.ctl("config").output
            #expect(file.hasPrefix("[lanspreadd]\ngames_dir = \(place.directory.path)\n"))
            #expect(file.contains("\ninterfaces = lo en*\n"))
            // What it prints is what it reads.
            try place.directory.write("again.conf", Array(file.utf8))
            let check = try await TestHost.run(
                "lanspreadd", ["--check-config", "--config", "\(place.directory.path)/again.conf"],
                in: place.directory)
            #expect(check.status == 0)
            #expect(check.errors == "")
        }
    }

    @Test func `are reloaded under the eyes of the service manager`() async throws {
        try await within(.seconds(60)) {
            let manager = try NotifySocket()
            let place = try await Place("log_level = info", environment: ["NOTIFY_SOCKET=\(manager.path)"])
            _ = try await place.host.done("reload")
            try place.write("log_level = loud")
            _ = try await place.host.ctl("reload")
            // The line about the daemon also changes by itself.
            let said = try manager.messages().filter { !$0.contains("WATCHDOG") && !$0.hasPrefix("STATUS=") }
            try #require(said.count >= 5, "\(said)")
            #expect(said[0] == "READY=1\nSTATUS=0 peers, 0 games, no catalog")
            #expect(said[1].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
            #expect(said[2] == said[0])
            #expect(said[3].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
            #expect(said[4].hasPrefix("READY=1\nSTATUS=Ready with the old settings"))
        }
    }

    @Test func `are checked without a start, every fault at once`() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "bad.conf", Array("[lanspreadd]\nmdns = maybe\ngame_dir = /x\nlisten = games.lan:1\n".utf8))
        let bad = try await TestHost.run("lanspreadd", ["--check-config", "--config", file], in: directory)
        #expect(bad.status == 78)
        #expect(
            bad.errors.split(separator: "\n").map(String.init) == [
                "\(file):3: The key game_dir is unknown and passed over. Did you mean games_dir?",
                "\(file):2: mdns = maybe is refused: yes or no is expected.",
                "\(file):4: listen = games.lan:1 is refused: a numeric address and a port, as 0.0.0.0:47600 or "
                    + "[::]:47600 is expected.",
            ])
        let good = try directory.write("good.conf", Array("[lanspreadd]\ngame_dir = /x\n".utf8))
        let outcome = try await TestHost.run("lanspreadd", ["--check-config", "--config", good], in: directory)
        #expect(outcome.status == 0)
        #expect(outcome.errors.hasPrefix("\(good):2: The key game_dir"))
    }
}

@Suite(.serialized) struct `The identity of a host` {
    @Test func `is renewed for the next start, and the old key is kept`() async throws {
        try await within(.seconds(60)) {
            let (games, directory) = (try TemporaryDirectory(), try TemporaryDirectory())
            let host = try await TestHost.start(name: "one", games: games.path, catalog: nil, directory: directory)
            let old = try await host.done("identity")["identity"]?.string
            let key = try directory.read("state/identity.pem")
            #expect(try await host.ctl("identity", "renew").status == 64)
            #expect(try directory.read("state/identity.pem") == key)
            let first = try await host.done("identity", "renew", "--yes")
            let second = try await host.done("identity", "renew", "--yes")
            #expect(first["identity"]?.string == old && second["identity"]?.string == old)
            #expect(first["next"]?.string != second["next"]?.string)
            // The second time too: the key in use, and not the one between.
            #expect(try directory.read("state/identity.pem.old") == key)
            #expect(try await host.done("status")["identity"]?.string == old)
            #expect(await host.stop() == 0)
            let again = try await TestHost.start(name: "two", games: games.path, catalog: nil, directory: directory)
            #expect(try await again.done("identity", "show")["identity"]?.string == second["next"]?.string)
            #expect(!directory.exists("state/identity.pem.tmp"))
        }
    }
}

@Suite(.serialized) struct `A shutdown by the verb` {
    @Test func `waits for the end and names what goes on later`() async throws {
        try await within(.seconds(60)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let host = try await TestHost.start(
                name: "charlie", games: set.gamesDirectory(of: .charlie), catalog: set.catalog(of: .charlie),
                manner: ["--source-grace", "600"])
            try await host.done("download", "ggoo", "--no-block")
            let outcome = try await host.ctl("shutdown")
            #expect(outcome.status == 0)
            #expect(
                outcome.errors == """
                    The daemon is stopping.
                    Operation 1 (ggoo) goes on at the next start.
                    The daemon has stopped.

                    """)
            // It has: nothing is left that could hold the state.
            #expect(kill(host.process.pid, 0) != 0 || Self.isZombie(host.process.pid))
            #expect(await host.process.wait() == .exited(status: 0))
            #expect(try await host.ctl("shutdown").status == 69)
        }
    }

    private static func isZombie(_ pid: Int32) -> Bool {
        guard let file = try? Files.openRead(atPath: "/proc/\(pid)/stat"),
            let bytes = try? Files.readAll(file, limit: 4_096)
        else { return true }
        return String(decoding: bytes, as: UTF8.self).contains(") Z ")
    }
}
