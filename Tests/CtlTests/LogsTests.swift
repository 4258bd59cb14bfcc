import Control
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite struct `The log on the command line` {
    /// A program in the place of journalctl that writes down with what it was started.
    private func arguments(_ words: [String], in house: StubHouse) async throws -> (words: [String], Ctl.Output) {
        let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$RECORD\"\necho shown\nexit 7\n"
        let path = try house.directory.write("bin/journalctl", Array(script.utf8))
        try #require(chmod(path, 0o755) == 0)
        let record = house.directory.path + "/record"
        unlink(record)
        let ctl = try Ctl(
            ["--socket", house.socketPath, "logs"] + words,
            environment: ["PATH=\(house.directory.path)/bin:/usr/bin:/bin", "RECORD=\(record)"], loop: house.loop)
        let output = try await ctl.output()
        guard house.directory.exists("record"), let bytes = try house.directory.read("record") else {
            return ([], output)
        }
        return (String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init), output)
    }

    @Test func `is journalctl's, with the fields that were asked for`() async throws {
        try await StubHouse().open { house in
            let peer = String(repeating: "5f", count: 32)
            let (all, output) = try await arguments([], in: house)
            #expect(all == ["--unit=lanspreadd.service", "--"])
            // Its output and its exit status are journalctl's own.
            #expect(output.stdout == "shown\n")
            #expect(output.status == 7)
            let (some, _) = try await arguments(
                [
                    "--game", "cnc", "--peer", "5F", "--operation", "42", "--component", "Discovery", "--level",
                    "error", "--since", "10m", "-n", "5", "-f", "--jsonl",
                ], in: house)
            #expect(
                some == [
                    "--unit=lanspreadd.service", "--priority=err", "--since=-600s", "--lines=5", "--follow",
                    "--output=json", "--", "LANSPREAD_GAME=cnc4", "LANSPREAD_PEER=\(peer)", "LANSPREAD_OPERATION=42",
                    "LANSPREAD_COMPONENT=Discovery",
                ])
        }
    }

    @Test func `is shown without a daemon, by the words as they are`() async throws {
        let house = try StubHouse()
        let peer = String(repeating: "0a", count: 32)
        let (words, _) = try await arguments(["--game", "quake", "--peer", peer, "--since", "yesterday"], in: house)
        #expect(
            words == [
                "--unit=lanspreadd.service", "--since=yesterday", "--", "LANSPREAD_GAME=quake",
                "LANSPREAD_PEER=\(peer)",
            ])
        let (none, output) = try await arguments(["--peer", "bravo"], in: house)
        #expect(none == [])
        #expect(output.status == 69)
        #expect(output.stderr.contains("systemctl start lanspreadd"))
    }

    @Test func `takes nothing for a flag of journalctl that was a value`() async throws {
        let house = try StubHouse()
        let (words, _) = try await arguments(
            ["--component", "--vacuum-size=1", "--since", "--rotate", "--game", "$(id); --flush"], in: house)
        #expect(
            words == [
                "--unit=lanspreadd.service", "--since=--rotate", "--", "LANSPREAD_GAME=$(id); --flush",
                "LANSPREAD_COMPONENT=--vacuum-size=1",
            ])
    }

    @Test(arguments: [
        (["--level", "loud"], "The flag --level wants error, warning, notice, info or debug.", 64),
        (["--operation", "x"], "x is not the number of an operation. lanspreadctl operations shows the numbers.", 64),
        (["--lines", "many"], "The flag --lines wants a number.", 64),
        (["quake"], "lanspreadctl logs does not take quake. See: lanspreadctl logs --help", 64),
    ])
    func `says what is wrong with what was asked`(_ words: [String], _ sentence: String, _ status: Int) async throws {
        let house = try StubHouse()
        let (started, output) = try await arguments(words, in: house)
        #expect(started == [])
        #expect(output.status == Int32(status))
        #expect(output.stderr == sentence + "\n")
    }

    @Test func `says which peer was not found, and that a game is not in the catalog`() async throws {
        try await StubHouse().open { house in
            let (none, output) = try await arguments(["--peer", "nobody"], in: house)
            #expect(none == [])
            #expect(output.status == 10)
            // The journal may know what the catalog has forgotten.
            let (words, warned) = try await arguments(["--game", "qwake"], in: house)
            #expect(words.last == "LANSPREAD_GAME=qwake")
            #expect(warned.stderr.contains("Did you mean quake?"))
        }
    }

    /// The outside program itself must understand what it is given.
    @Test(.enabled(if: access("/usr/bin/journalctl", X_OK) == 0, "journalctl is not installed"))
    func `is asked for in words that journalctl knows`() async throws {
        let house = try StubHouse()
        let words = [
            "logs", "--game", "quake", "--operation", "1", "--component", "Quic", "--level", "notice", "--since", "2h",
            "--lines", "1", "--no-follow", "--jsonl",
        ]
        let output = try await Ctl(
            words, environment: ["LANSPREAD_SOCKET=\(house.socketPath)"], loop: house.loop
        ).output()
        #expect(output.status == 0 || output.stderr.contains("No journal files"), "\(output)")
        let level = try await Ctl(["logs", "--since", "no time at all"], environment: [], loop: house.loop).output()
        #expect(level.stderr.contains("no time at all"))
    }
}
