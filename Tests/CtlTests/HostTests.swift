import Control
import FoundationEssentials
import Glibc
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `The daemon's settings on the command line` {
    @Test func `say what a reload did`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            state.reload = [
                "changed": ["log_level", "peer"], "needs_restart": ["listen"], "warnings": ["/a.conf:4: The key x."],
            ]
        }
        try await house.open { house in
            let output = try await house.run("reload")
            #expect(output.status == 0)
            #expect(output.stdout == "")
            #expect(
                output.stderr == """
                    /a.conf:4: The key x.
                    New values now: log_level, peer.
                    listen needs a restart: systemctl restart lanspreadd

                    """)
        }
    }

    @Test func `are printed as a file, with what waits as a comment`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            state.settings = [
                "settings": [
                    ["key": "catalog", "value": "", "origin": "built in", "live": true, "next": .null],
                    [
                        "key": "name", "value": "Den", "origin": "--name", "live": false,
                        "next": ["value": "Attic", "origin": "/a.conf:2"],
                    ],
                ]
            ]
        }
        try await house.open { house in
            #expect(
                try await house.run("config").stdout
                    == "[lanspreadd]\ncatalog = \nname = Den\n# After a restart: name = Attic\n")
            let origins = try await house.run("config", "show", "--origin", "--no-legend").stdout
            #expect(origins.split(separator: "\n").last?.hasPrefix("name     Den") == true)
            #expect(origins.contains("--name    Attic (/a.conf:2)"))
            let wrong = try await house.run("config", "shwo")
            #expect(wrong.status == 64)
            #expect(wrong.stderr == "lanspreadctl config does not know shwo. Did you mean show?\n")
        }
    }

    @Test func `show the components that do not simply run, and all when asked`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            state.components = [
                ["name": "QuicServer", "policy": "required", "state": "running", "restarts": 0, "reason": .null],
                [
                    "name": "Discovery", "policy": "restart", "state": "restarting", "restarts": 3,
                    "reason": "Avahi is away.",
                ],
                [
                    "name": "Liveness", "policy": "restart", "state": "running", "restarts": 1, "reason": .null,
                    "last_reason": "It ended.",
                ],
            ]
        }
        try await house.open { house in
            let some = try await house.run("status").stdout.split(separator: "\n").suffix(3).map(String.init)
            #expect(
                some == [
                    "COMPONENT  STATE       RESTARTS  REASON", "Discovery  restarting         3  Avahi is away.",
                    "Liveness   running            1  last: It ended.",
                ])
            for flag in ["--all", "--verbose"] {
                #expect(try await house.run("status", flag).stdout.contains("\nQuicServer"))
            }
        }
    }
}

@Suite struct `A new identity` {
    /// lanspreadctl at a terminal on which the answer is typed.
    private func typed(_ answer: String, _ house: StubHouse) async throws -> (output: Ctl.Output, screen: String) {
        let keyboard = Descriptor(adopting: open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))
        var (locked, number): (Int32, Int32) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN (asm-generic/ioctls.h); the functions around them are hidden from Swift.
        try #require(ioctl(keyboard.rawValue, 0x4004_5431, &locked) == 0)
        try #require(ioctl(keyboard.rawValue, 0x8004_5430, &number) == 0)
        let terminal = Descriptor(adopting: open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC))
        let words = ["--socket", house.socketPath, "identity", "renew"]
        let ctl = try Ctl(words, environment: [], loop: house.loop, terminal: terminal)
        _ = answer.withCString { write(keyboard.rawValue, $0, strlen($0)) }
        let output = try await ctl.output()
        // What was written comes out in pieces; behind this mark nothing more of it comes.
        let mark = "end of the screen"
        _ = mark.withCString { write(terminal.rawValue, $0, strlen($0)) }
        var screen: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4_096)
        while !String(decoding: screen, as: UTF8.self).hasSuffix(mark) {
            let count = read(keyboard.rawValue, &room, room.count)
            try #require(count > 0)
            screen += room[..<count]
        }
        return (output, String(decoding: screen, as: UTF8.self))
    }

    @Test func `is made when a person says so`() async throws {
        try await StubHouse().open { house in
            let (yes, screen) = try await typed("y\n", house)
            #expect(yes.status == 0)
            #expect(yes.stdout == String(repeating: "b2", count: 32) + "\n")
            #expect(screen.contains("Go on? [y/N]"))
            #expect(screen.contains("systemctl restart lanspreadd"))
            for answer in ["n\n", "\n", "yellow\n"] {
                let (no, screen) = try await typed(answer, house)
                #expect(no.status == 14)
                #expect(screen.contains("The identity stays as it is."))
            }
            #expect(house.daemon.state.withLock { $0.renewals } == 1)
        }
    }

    @Test func `needs --yes where nobody can be asked`() async throws {
        try await StubHouse().open { house in
            let refused = try await house.run("identity", "renew")
            #expect(refused.status == 64)
            #expect(refused.stderr.contains("Give --yes"))
            #expect(house.daemon.state.withLock { $0.renewals } == 0)
            let output = try await house.run("identity", "renew", "--yes")
            #expect(output.status == 0)
            #expect(output.stderr.contains("/var/lib/lanspread/identity.pem.old"))
            #expect(try await house.run("identity").stdout == String(repeating: "a1", count: 32) + "\n")
        }
    }
}
