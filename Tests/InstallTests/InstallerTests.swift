import Fixture
import Linux
import Model
import Runtime
import Storage
import Synchronization
import TestKit
import Testing

@testable import Install

@Suite struct `An installer` {
    private static let good = Rar5Writer.bytes([
        .directory("empty"),
        .file("bin/run", .text("#!/bin/sh\n"), mode: 0o751),
        .file("data.txt", .text("data"), mode: 0o600),
        .symlink("bin/data", to: "../data.txt"),
        Rar5Entry(Array("copy".utf8), .hardLink(target: Array("bin/run".utf8))),
    ])

    @Test func `unpacks files, directories and links, and normalises their modes`() async throws {
        let bench = try InstallBench(package: Self.good)
        let last = Mutex<(UInt64, UInt64)>((0, 1))
        try await within {
            try await bench.install(progress: { done, total in last.withLock { $0 = (done, total) } })
        }
        let items = try Item.tree("\(bench.directory.path)/quake/local")
        #expect(items.keys.sorted() == ["bin", "bin/data", "bin/run", "copy", "data.txt", "empty"])
        #expect(items["bin/run"] == Item(kind: .regular, mode: 0o755, bytes: Array("#!/bin/sh\n".utf8)))
        #expect(items["copy"] == items["bin/run"])
        #expect(items["data.txt"]?.mode == 0o644)
        #expect(items["empty"]?.mode == 0o755)
        #expect(items["bin/data"]?.bytes == Array("../data.txt".utf8))
        #expect(last.withLock { $0.0 == $0.1 && $0.1 == UInt64(Self.good.count) })
        let record = try bench.root.installedRecord()
        #expect(record?.version == "20240501")
        #expect(record?.paths == ["bin/data", "bin/run", "copy", "data.txt"])
        #expect(try bench.root.intent() == .none)
    }

    @Test func `turns back before the swap when nobody wants the version any more`() async throws {
        let bench = try InstallBench(package: Self.good)
        let asked = Mutex(0)
        let error = try await within {
            try await bench.refusal(isWanted: {
                asked.withLock { $0 += 1 }
                return false
            })
        }
        #expect(error == .superseded(try #require(GameID("quake"))))
        #expect(asked.withLock { $0 } == 1)
    }

    @Test func `makes a hard link a file of its own`() async throws {
        let bench = try InstallBench(package: Self.good)
        try await within { try await bench.install() }
        let local = try Beneath.openDirectory(bench.root.directory, Array("local".utf8))
        let copy = try Beneath.status(local, Array("copy".utf8))
        #expect(try Beneath.status(local, Array("bin/run".utf8)).inode != copy.inode)
    }

    @Test func `finds the package whatever the case of its letters`() async throws {
        let bench = try InstallBench(package: Self.good, named: "Quake.ETI")
        try await within { try await bench.install() }
        #expect(bench.root.isInstalled)
    }

    @Test func `says what is missing, double or there already`() async throws {
        let game = try #require(GameID("quake"))
        #expect(try await InstallBench().refusal() == .archiveMissing(game))
        let double = try InstallBench(package: Self.good, named: "Quake.eti")
        try double.directory.write("quake/QUAKE.ETI", Self.good)
        #expect(try await double.refusal() == .archiveAmbiguous(game))
        let installed = try InstallBench(package: Self.good)
        try await within { try await installed.install() }
        #expect(try await installed.refusal() == .alreadyInstalled(game))
    }

    @Test func `touches nothing that it cannot prove to be its own`() async throws {
        let game = try #require(GameID("quake"))
        let staged = try InstallBench(package: Self.good)
        try staged.directory.write("quake/.local.installing/mine", [1])
        #expect(try await staged.refusal() == .inTheWay(game, name: ".local.installing"))
        let file = try InstallBench(package: Self.good)
        try file.directory.write("quake/local", [1])
        #expect(try await file.refusal() == .inTheWay(game, name: "local"))
        let intent = try InstallBench(package: Self.good)
        try intent.directory.write("quake/.lanspread.json", Array("{}".utf8))
        #expect(try await intent.refusal() == .inTheWay(game, name: ".lanspread.json"))
    }

    @Test func `is cancelled in the middle and leaves nothing`() async throws {
        let bench = try InstallBench(package: Self.good)
        let before = try bench.directory.tree()
        let helper = try bench.script("exec sleep 60")
        let marker = "quake/.local.installing/.lanspread_owned"
        let started = before + ["helper", "quake/.lanspread.json", "quake/.local.installing/", marker]
        try await within {
            let task = Task { try await bench.install(helper: helper) }
            // The staging is the sign that the install has begun; nothing tells of it but the disk.
            while try bench.directory.tree() != started.sorted() {
                try Task.checkCancellation()
                await Task.yield()
            }
            task.cancel()
            let game = try #require(GameID("quake"))
            await #expect(throws: InstallError.cancelled(game)) { try await task.value }
        }
        #expect(try bench.directory.tree() == (before + ["helper"]).sorted())
    }
}

@Suite struct `An installer with a helper that went wrong` {
    private func refusal(_ script: String) async throws -> InstallError {
        let bench = try InstallBench(package: [1, 2, 3])
        let helper = try bench.script(script)
        return try await within { try await bench.refusal(helper: helper) }
    }

    @Test(arguments: [
        ("kill -SEGV $$", "signal 11"), ("kill -KILL $$", "signal 9"), ("exit 0", "without an end mark"),
        ("exit 7", "without an end mark"), (#"printf '\011\0\0\0\0'"#, "unknown kind"),
        (#"printf '\002\377\377\377\377'; sleep 60"#, "frame of 4294967295 bytes"),
        (#"printf '\002\0\0\0\001a'; sleep 60"#, "out of order"),
        (#"printf '\005\0\0\0\020\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'; exit 1"#, "left with an error"),
        (#"printf '\006\0\0\0\003bad'; exit 1"#, "because bad"),
    ])
    func `refuses the package with one sentence`(script: String, words: String) async throws {
        let error = try await refusal(script)
        guard case .refused = error else { return #expect(Bool(false), "\(error)") }
        #expect(error.sentence.contains(words), "\(error.sentence)")
    }

    @Test func `kills one that says nothing for two minutes`() async throws {
        let bench = try InstallBench(package: [1])
        let helper = try bench.script("exec sleep 600")
        let clock = ManualClock()
        let version = try #require(bench.version)
        let error = try await within {
            async let outcome = InstallBench.error(of: {
                try await Installer.install(
                    bench.root, helperPath: helper, version: version, rootDigest: nil, loop: bench.loops.net[0],
                    disk: bench.loops.disk, time: clock, log: .silent, progress: { _, _ in })
            })
            // The watch may begin before we wait for the helper: then it looks once more.
            async let _: Void = {
                while !Task.isCancelled {
                    await clock.sleepers(1)
                    clock.advance(by: Limits.helperSilence)
                }
            }()
            return await outcome
        }
        let game = try #require(GameID("quake"))
        #expect(error == .refused(game, "the unpacker said nothing for 120 seconds"))
        #expect(!bench.root.exists(".local.installing"))
    }

    @Test func `says that the installation is broken when it does not start`() async throws {
        let bench = try InstallBench(package: [1])
        let error = try await bench.refusal(helper: "/nowhere/lanspread-unpack")
        guard case .unpackerBroken = error else { return #expect(Bool(false), "\(error)") }
        #expect(error.sentence.contains("/nowhere/lanspread-unpack"))
    }

    @Test func `logs what it complains, made fit for a terminal`() async throws {
        let bench = try InstallBench(package: [1])
        let helper = try bench.script(#"printf 'no\033[2J' >&2; kill -ABRT $$"#)
        _ = try await within { try await bench.refusal(helper: helper) }
        #expect(bench.sink.trace.events.contains { $0.fields.contains { $0.value.contains("no\\u{1b}[2J") } })
    }
}
