import Control
import FoundationEssentials
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `lanspreadctl` {
    @Test func `says that the daemon is not running and how to start it`() async throws {
        let house = try StubHouse()
        let status = try await house.run("status")
        #expect(status.status == 3)
        #expect(status.stderr == "The daemon is not running. Start it with: systemctl start lanspreadd\n")
        #expect(status.stdout == "")
        let verbs = [
            ["list"], ["peers"], ["operations"], ["download", "quake"], ["events"], ["shutdown"], ["reload"],
            ["config", "show"], ["identity"], ["identity", "renew", "--yes"],
        ]
        for verb in verbs {
            let ctl = try Ctl(["--socket", house.socketPath] + verb, environment: [], loop: house.loop)
            let output = try await ctl.output()
            #expect(output.status == 69)
            #expect(output.stderr == status.stderr)
        }
        let json = try await house.run("status", "--json")
        #expect(json.status == 3)
        #expect(json.json?["state"] == "stopped")
    }

    @Test(arguments: [
        "status", "list", "info", "peers", "peer", "connect", "wait-peers", "download", "install", "operations",
        "transfers",
        "cancel", "events", "logs", "config", "reload", "identity", "shutdown", "help", "version",
    ])
    func `helps with an example first`(_ verb: String) async throws {
        let house = try StubHouse()
        let output = try await house.run(verb, "--help")
        #expect(output.status == 0)
        #expect(output.stdout.hasPrefix("Example:\n  lanspreadctl \(verb)"))
        #expect(try await house.run("help", verb).stdout == output.stdout)
        #expect(try await house.run("help").stdout.contains("\n  \(verb)"))
        let manual = try String(contentsOfFile: Self.manualPath, encoding: .utf8)
        #expect(manual.contains(verb.replacing("-", with: "\\-")))
    }

    @Test(arguments: [
        (["lst"], "lanspreadctl has no verb lst. Did you mean list?"),
        (["list", "--josn"], "lanspreadctl list has no flag --josn. Did you mean --json?"),
        (["info"], "lanspreadctl info needs GAME. See: lanspreadctl info --help"),
        (["status", "now"], "lanspreadctl status does not take now. See: lanspreadctl status --help"),
        (["cancel"], "lanspreadctl cancel needs OPERATION. See: lanspreadctl cancel --help"),
        (["download", "quake", "--timeout", "soon"], "The flag --timeout wants a time, as 90, 90s or 5m."),
        (["download", "quake", "--root"], "The flag --root wants ROOT."),
        (["list", "--json=1"], "The flag --json takes no value."),
    ])
    func `says what is wrong with a command line`(_ words: [String], _ sentence: String) async throws {
        let house = try StubHouse()
        let output = try await Ctl(words, environment: [], loop: house.loop).output()
        #expect(output.status == 64)
        #expect(output.stderr == sentence + "\n")
    }

    private static var manualPath: String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/") + "/docs/man/lanspreadctl.1"
    }

    @Test func `shows the daemon's state, with what helps`() async throws {
        try await StubHouse().open { house in
            let output = try await house.run("status")
            #expect(output.status == 0)
            #expect(output.stdout.hasPrefix("alpha is degraded\n"))
            #expect(output.stdout.contains("up 1 h 2 min"))
            #expect(output.stdout.contains("degraded  Discovery: Avahi is not running. Start avahi-daemon.\n"))
            #expect(!output.stdout.contains("\u{1b}"))
            let json = try await house.run("--json", "status")
            #expect(json.json?["schema_version"] == 1)
            #expect(json.json?["state"] == "degraded")
            #expect(json.stdout.split(separator: "\n").count == 1)
            let colored = try await house.run("status", "--color=always")
            #expect(colored.stdout.contains("\u{1b}[33mdegraded"))
        }
    }

    @Test func `finds the socket in the environment`() async throws {
        try await StubHouse().open { house in
            let ctl = try Ctl(["status"], environment: ["LANSPREAD_SOCKET=\(house.socketPath)"], loop: house.loop)
            #expect(try await ctl.output().status == 0)
        }
    }

    @Test func `never cuts a table in a pipe`() async throws {
        try await StubHouse().open { house in
            let output = try await house.run("list")
            #expect(output.stdout.contains("Command & Conquer 4: Tiberian Twilight"))
            #expect(output.stdout.hasPrefix("GAME "))
            #expect(try await house.run("list", "--no-legend").stdout.hasPrefix("cnc4    Command"))
            let peers = try await house.run("peers").stdout
            #expect(peers.contains(String(repeating: "5f", count: 32)))
            // A peer's name is its own choice; it must not paint our terminal.
            #expect(peers.contains("bra\\u{1b}[31mvo"))
        }
    }

    @Test func `leaves the choice of games to the daemon`() async throws {
        try await StubHouse().open { house in
            #expect(
                try await house.run("list", "qu", "--genre", "rts", "--players=4", "--installed", "--available").status
                    == 0)
            let asked = try #require(house.daemon.state.withLock { $0.parameters.last })
            for (key, value) in [
                "text": "qu", "genre": "rts", "players": 4, "installed": true, "available": true, "nearby": true,
            ] as [String: JSONValue] { #expect(asked[key] == value, "\(key)") }
            _ = try await house.run("list", "--all", "--json")
            #expect(house.daemon.state.withLock { $0.parameters.last?["nearby"] } == false)
            let few = try await house.run("list", "--players", "few")
            #expect(few.status == 64 && few.stderr == "The flag --players wants a number of players.\n")
        }
    }

    @Test func `says of a game what there is to know`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            var game = StubDaemon.game("quake", "Quake").object ?? [:]
            game.merge(
                [
                    "reason": "Its version.ini says 1 and the catalog wants 2.", "availability": "outdated",
                    "sources": 0, "no_source": "No peer is a source of version 2: bravo is still hashing it.",
                    "verified": "differs from the agreed one",
                    "roots": [["root": "aa", "votes": 1], ["root": "bb", "votes": 1]],
                    "versions": [["version": "2", "peers": 1], ["version": "1", "peers": 1]],
                    "remote": [
                        [
                            "peer": "5f5f", "name": "bravo", "version": "2", "availability": "hashing",
                            "root": .null, "verdict": "hashing", "reason": "It is still hashing it.",
                        ]
                    ],
                ], uniquingKeysWith: { $1 })
            state.games = [.object(game)]
        }
        try await house.open { house in
            let output = try await house.run("info", "quake")
            for line in [
                "Quake (quake) is outdated\n", "  served        no: Its version.ini says 1 and the catalog wants 2.\n",
                "  sources       0 of 2 peers. No peer is a source of version 2: bravo is still hashing it.\n",
                "  versions      2 (1 peer), 1 (1 peer)\n", "aa (1 vote)\n",
                "5f5f  bravo  2        hashing  hashing  It is still hashing it.  -\n",
            ] { #expect(output.stdout.contains(line), "\(line)\(output.stdout)") }
        }
    }

    @Test func `lists transfers both ways`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { $0.transfers = [StubDaemon.transfer("in", 42), StubDaemon.transfer("out", nil)] }
        try await house.open { house in
            let output = try await house.run("transfers", "--no-legend")
            let lines = output.stdout.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines.first?.hasPrefix("in   quake  5f5f  bravo  367 MB  117 MB/s  2026-11-20T18:00:00Z") == true)
            #expect(lines.first?.hasSuffix("42  -") == true)
            #expect(try await house.run("transfers", "--json").json?["transfers"]?.array?.count == 2)
        }
    }

    @Test func `turns the pages of a long list`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            state.games = (0..<1_200).map { StubDaemon.game("g\($0)", "Game \($0)") }
        }
        try await house.open { house in
            let games = try await house.run("list", "--json").json?["games"]?.array
            #expect(games?.count == 1_200)
        }
    }

    @Test func `takes a game by its id, the beginning of one id or its title`() async throws {
        try await StubHouse().open { house in
            for word in ["quake", "QUAKE", "ggoo", "gg", "Goo", "cnc", "command & conquer 4: tiberian twilight"] {
                let output = try await house.run("info", word, "--json")
                #expect(output.status == 0, "\(word): \(output.stderr)")
            }
            let wrong = try await house.run("info", "qwake")
            #expect(wrong.status == 10)
            #expect(wrong.stderr == "There is no game qwake. Did you mean quake?\n")
            let many = try await house.run("info", "qu", "--json")
            #expect(many.status == 10)
            #expect(many.stderr == "Several games are meant by qu: quake, quake2. Type more of the id.\n")
            #expect(many.json?["error"]?["kind"] == "no_such_game")
            let none = try await house.run("download", "zzz")
            #expect(none.status == 10)
            #expect(none.stderr == "There is no game zzz. lanspreadctl list --all shows the games.\n")
        }
    }

    @Test func `lists, forgets and blocks peers`() async throws {
        try await StubHouse().open { house in
            // The short list leaves out who is not connected.
            #expect(try await house.run("peers", "--no-legend").stdout.split(separator: "\n").count == 1)
            let all = try await house.run("peer", "list", "--no-legend").stdout
            #expect(all.split(separator: "\n").count == 2 && all.contains("offline    2026-11-20T18:00:00Z"))
            let block = try await house.run("peer", "block", "bravo")
            #expect(block.status == 0 && block.stderr == "The peer 5f5f5f5f is blocked.\n")
            #expect(
                try await house.run("peer", "unblock", "bravo").stderr == "The peer 5f5f5f5f is no longer blocked.\n")
            let forget = try await house.run("peer", "forget", "5f5f", "--json")
            #expect(forget.json?["peer"]?.string == String(repeating: "5f", count: 32))
            let unknown = try await house.run("peer", "forget", "zulu")
            #expect(unknown.status == 10 && unknown.stderr.hasPrefix("No peer zulu is known."))
            let slip = try await house.run("peer", "blok", "bravo")
            #expect(slip.status == 64 && slip.stderr.hasSuffix("Did you mean block?\n"))
            #expect(try await house.run("peer").status == 64)
            #expect(try await house.run("peer", "block").status == 64)
        }
    }

    @Test func `says of a game that nobody has that it is not here`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            var game = StubDaemon.game("quake", "Quake").object ?? [:]
            game.merge(["sources": 0, "peers": 0], uniquingKeysWith: { $1 })
            state.games = [.object(game)]
        }
        try await house.open { house in
            let output = try await house.run("info", "quake")
            #expect(output.stdout.hasPrefix("Quake (quake) is not here\n"), "\(output.stdout)")
        }
    }

    @Test func `looks at the games and says where they are, or puts them elsewhere`() async throws {
        try await StubHouse().open { house in
            let rescan = try await house.run("rescan", "quake")
            #expect(rescan.stdout == "quake\n")
            #expect(rescan.stderr.contains("1 game changed in /srv/lanspread."), "\(rescan.stderr)")
            #expect(rescan.stderr.contains("when their operations have ended: ggoo."), "\(rescan.stderr)")
            #expect(try await house.run("games-dir").stdout == "/srv/lanspread\n")
            #expect(try await house.run("games-dir", "/srv/lanspread").stderr.contains("already"))
            #expect(try await house.run("games-dir", "/data/x").stderr.contains("in /data/x from now on"))
            // The daemon stands elsewhere than the one who types.
            _ = try await house.run("games-dir", "here")
            let path = house.daemon.state.withLock { $0.parameters.last?["path"]?.string }
            #expect(path?.hasPrefix("/") == true && path?.hasSuffix("/here") == true)
            house.daemon.state.withLock { $0.gamesDirectory = "/srv/\u{1b}[31mgames" }
            #expect(try await house.run("games-dir").stdout == "/srv/\\u{1b}[31mgames\n")
        }
    }

    @Test func `connects, waits for peers and shuts down`() async throws {
        try await StubHouse().open { house in
            let connect = try await house.run("connect", "192.168.1.20:47600")
            #expect(connect.stdout == String(repeating: "5f", count: 32) + "\n")
            #expect(try await house.run("wait-peers", "2").status == 0)
            let late = try await house.run("wait-peers", "3", "--timeout", "5")
            #expect(late.status == 124)
            #expect(late.stderr == "Only 2 peers came.\n")
            let cancel = try await house.run("cancel", "9")
            #expect(cancel.status == 10)
            let versions = try await house.run("version")
            #expect(versions.stdout == "lanspreadctl \(Release.version)\nlanspreadd 0.1.0\n")
        }
    }

    @Test func `begins again with a snapshot when events were lost`() async throws {
        try await StubHouse().open { house in
            let ctl = try house.ctl("events", "--jsonl")
            _ = try await ctl.prints(lines: 1)
            house.daemon.state.withLock { state in
                let gap = ControlEvent(number: 7, name: EventName.gap, fields: ["from": 1, "to": 7])
                // The one behind it may come before the new snapshot, which has it already.
                for event in [gap, ControlEvent(number: 8, name: "x")] { _ = state.feeds.last?.offer(event) }
                state.number = 8
            }
            let lines = try await ctl.prints(lines: 3).split(separator: "\n").map { line in
                try JSON.decode(JSONValue.self, from: Array(line.utf8), limit: 65_536)
            }
            #expect(lines.map { $0["event"] } == ["snapshot", "gap", "snapshot"])
            #expect(lines[2]["number"] == 8)
            #expect(house.daemon.state.withLock { $0.feeds.count } == 2)
            house.daemon.state.withLock { _ = $0.feeds.last?.offer(ControlEvent(number: 9, name: "y")) }
            #expect(try await ctl.prints(lines: 4).contains("\"y\""))
            try ctl.signal(2)
            #expect(try await ctl.output().status == 130)
        }
    }

    @Test func `streams events, the snapshot first`() async throws {
        try await StubHouse().open { house in
            let ctl = try house.ctl("events", "--jsonl")
            _ = try await ctl.prints(lines: 1)
            _ = try await house.run("download", "quake", "--no-block")
            house.daemon.finish(42)
            let lines = try await ctl.prints(lines: 2).split(separator: "\n").map { line in
                try JSON.decode(JSONValue.self, from: Array(line.utf8), limit: 65_536)
            }
            #expect(lines[0]["event"] == "snapshot")
            #expect(lines[0]["epoch"] == "e1")
            #expect(lines[1]["event"] == "operation_finished")
            #expect(lines[1]["operation"]?["operation_id"] == 42)
            try ctl.signal(2)
            #expect(try await ctl.output().status == 130)
        }
    }
}
