import Control
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `A download on the command line` {
    private static let progress: [String: JSONValue] = [
        "phase": "downloading", "bytes_done": 367_001_600, "rate": 117_000_000, "sources": 2,
    ]

    private func begun(_ house: StubHouse, _ words: String...) async throws -> Ctl {
        let ctl = try Ctl(
            ["--socket", house.socketPath, "download", "quake"] + words, environment: [], loop: house.loop)
        _ = await house.daemon.calls.wait(until: { $0.contains(.operationGet) })
        return ctl
    }

    @Test func `waits and writes plain lines when nobody watches`() async throws {
        try await StubHouse().open { house in
            let ctl = try await self.begun(house)
            try await ctl.says("waiting")
            house.daemon.change(42, Self.progress)
            try await ctl.says("50 %")
            house.daemon.change(42, ["phase": "installing", "bytes_done": 0, "rate": 0])
            try await ctl.says("installing")
            house.daemon.finish(42)
            let output = try await ctl.output()
            #expect(output.status == 0)
            #expect(output.stdout == "")
            #expect(
                output.stderr == """
                    quake: waiting for a source
                    quake: downloading, 50 % of 734 MB, 117 MB/s, 2 sources
                    quake: installing
                    quake (734 MB): installed.

                    """)
        }
    }

    @Test func `misses nothing that happens before its reply`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { $0.ending = ["state": "finished", "phase": "done"] }
        try await house.open { house in
            let output = try await house.run("download", "quake", "--json")
            #expect(output.status == 0)
            #expect(output.json?["operations"]?.array?.first?["state"] == "finished")
            #expect(output.json?["schema_version"] == 1)
        }
    }

    @Test(arguments: [
        ("finished", nil, 0), ("cancelled", nil, 14), ("all_peers_gone", nil, 11),
        ("failed", Failure.Kind.diskFull, 12), ("failed", .verificationFailed, 13), ("failed", .noSource, 11),
        ("failed", .ambiguousRoot, 1), ("failed", Failure.Kind("of_tomorrow"), 1), ("failed", nil, 1),
    ])
    func `ends with the code of its end`(_ state: String, _ kind: Failure.Kind?, _ code: Int) async throws {
        let house = try StubHouse()
        let failure = kind.map { Failure($0, "Quake was not downloaded.", hint: "Do something.").json } ?? .null
        house.daemon.state.withLock { $0.ending = ["state": .string(state), "failure": failure] }
        try await house.open { house in
            let output = try await house.run("download", "quake", "--quiet")
            #expect(output.status == Int32(code))
            if kind != nil { #expect(output.stderr == "Quake was not downloaded. Do something.\n") }
        }
    }

    @Test func `that cannot begin says why`() async throws {
        let house = try StubHouse()
        house.daemon.state.withLock { state in
            state.refusals["quake"] = Failure(.busy, "Quake is being installed.", hint: "Wait.")
            state.ending = ["state": "finished"]
        }
        try await house.open { house in
            let output = try await house.run("download", "quake")
            #expect(output.status == 75)
            #expect(output.stderr == "Quake is being installed. Wait.\n")
            #expect(try await house.run("download", "quake", "ggoo").status == 2)
            #expect(try await house.run("download", "cnc4", "ggoo").status == 0)
        }
    }

    @Test func `hands its flags on`() async throws {
        try await StubHouse().open { house in
            let root = String(repeating: "ab", count: 32)
            let output = try await house.run(
                "download", "quake", "--no-install", "--overwrite", "--root", root, "--no-block")
            #expect(output.status == 0)
            #expect(output.stdout == "42\n")
            let wanted: JSONValue = ["game": "quake", "install": false, "overwrite": true, "root": .string(root)]
            #expect(house.daemon.state.withLock { $0.parameters.last } == wanted)
        }
    }

    @Test func `that takes too long goes on without us`() async throws {
        try await StubHouse().open { house in
            let output = try await house.run("download", "quake", "--timeout", "0.2")
            #expect(output.status == 124)
            #expect(output.stderr.hasSuffix("operation 42 continues; cancel it with: lanspreadctl cancel 42\n"))
        }
    }

    @Test func `goes on after the first Ctrl-C and is cancelled by the second`() async throws {
        try await StubHouse().open { house in
            let ctl = try await self.begun(house)
            try ctl.signal(2)
            try await ctl.says("operation 42 continues; cancel it with: lanspreadctl cancel 42\n")
            try ctl.signal(2)
            let output = try await ctl.output()
            #expect(output.status == 14)
            #expect(house.daemon.calls.events.contains(.operationCancel))
        }
    }

    @Test func `is left by the first Ctrl-C alone`() async throws {
        try await StubHouse().open { house in
            let ctl = try await self.begun(house)
            try ctl.signal(2)
            #expect(try await ctl.output().status == 130)
            #expect(!house.daemon.calls.events.contains(.operationCancel))
        }
    }

    @Test func `is found again after a restart of the daemon`() async throws {
        try await within(.seconds(20)) {
            let house = try StubHouse()
            let running = OneShot<Ctl>()
            try await house.up { house in running.give(try await self.begun(house)) }
            let ctl = await running.take()
            try await ctl.says("The daemon went away")
            // What happened while nobody was connected is asked for.
            house.daemon.finish(42)
            try await house.up { _ in
                let output = try await ctl.output()
                #expect(output.status == 0)
                #expect(output.stderr.hasSuffix("The daemon is back.\nquake (734 MB): installed.\n"))
            }
        }
    }

    @Test func `is asked for again after a gap`() async throws {
        try await StubHouse().open { house in
            let ctl = try await self.begun(house)
            house.daemon.state.withLock { state in
                state.operations[42]?["state"] = "finished"
                state.operations[42]?["outcome"] = "installed"
                for feed in state.feeds { _ = feed.offer(ControlEvent(number: 9, name: EventName.gap)) }
            }
            #expect(try await ctl.output().status == 0)
        }
    }
}
