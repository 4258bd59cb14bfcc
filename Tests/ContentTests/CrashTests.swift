import Content
import Crypto
import Glibc
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing

extension Root {
    static func hash(of bytes: [UInt8]) -> Root { Root(SHA256.hash(bytes)) }
}

@Suite struct `The commit of a download` {
    private static let many = (0..<40).map { ("many/\($0 % 7)/\($0)", 100 + $0) }

    @Test(arguments: [false, true])
    func `names the game complete only when nothing of it can be lost`(_ isMany: Bool) async throws {
        let files = isMany ? Self.many : Bench.mixed
        let disk = try FaultyDisk()
        let bench = try Bench()
        try bench.fill("from", files)
        let built = try await bench.build()
        let writer = try await bench.open(built, disk: disk)
        try await bench.land(built, in: writer)
        try await writer.commit()
        let trace = disk.trace
        let sentinel = try #require(
            trace.firstIndex { $0.name == .rename && $0.newPath?.hasSuffix("/version.ini") == true })
        let volatile = Array(trace[..<sentinel]).volatilePaths.filter { path in
            // Names in the root that are ours change until the rename, and its own sync comes after it; but every
            // name of the payload was synced before.
            !path.hasSuffix("/quake") && !path.contains("/.")
        }
        #expect(volatile == [])
        let payload = trace[..<sentinel].lastIndex { !$0.path.contains("/.") && $0.name != .sync }
        let rootSync = trace[..<sentinel].lastIndex { call in
            call.name == .syncFileSystem || (call.name == .sync && call.path.hasSuffix("/quake"))
        }
        #expect(try #require(payload) <= #require(rootSync))
        #expect(Array(trace[...(sentinel + 1)]).volatilePaths.filter { !$0.contains("/.") } == [])
    }

    @Test func `leaves a whole game or one that can be finished, wherever it was killed`() async throws {
        let files = [("a/one", 1), ("a/empty", 0), ("b", 70_000), ("big", 4 << 20)]
        let bench = try Bench()
        try bench.fill("from", files)
        let built = try await bench.build()
        var number = 0
        var isDone = false
        while !isDone {
            try bench.emptyReceiver(number)
            try bench.fill("to", [("b", 70_001)], salt: 3)
            try bench.temporary.write("to/quake/version.ini", "0\n".utf8)
            _ = try bench.games("to")
            let dying = try FaultyDisk.dying(before: number)
            let failure = await bench.failure {
                let writer = try await bench.open(built, disk: dying)
                try await bench.land(built, in: writer)
                try await writer.commit()
            }
            // A warning about what could not be swept is no failure.
            isDone = failure == nil && dying.trace.count < number
            let root = try bench.games("to").root(bench.game)
            let sentinel = try root.sentinel()
            if sentinel == bench.version {
                #expect(try await bench.build("to").root == built.root)
                for (name, count) in files { #expect(Bench.isSame(try bench.text(name), Bench.content(name, count))) }
            } else if sentinel != nil {
                // Not begun: the old version is untouched.
                #expect(Bench.isSame(try bench.text("b"), Bench.content("b", 70_001, salt: 3)))
                #expect(!bench.exists("big"))
            }
            let writer = try await bench.open(built)
            try await bench.land(built, in: writer)
            try await writer.commit()
            #expect(try bench.isWhole(files), "killed before call \(number)")
            number += 1
        }
        #expect(number > 20)
    }

    @Test func `believes nothing after a sync that failed`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let disk = try FaultyDisk.failing(with: EIO) { $0.name == .sync && $0.path.hasSuffix("/big") }
        let writer = try await bench.open(built, disk: disk)
        try await bench.land(built, in: writer)
        let failure = await bench.failure { try await writer.commit() }
        #expect(failure == .storage(.system(LinuxError(call: "sync", code: EIO))))
        await writer.abandon()
        #expect(!bench.exists("version.ini"))
        let again = try await bench.open(built)
        #expect(again.missing.count == built.manifest.grid.chunkCount)
    }

    @Test func `believes nothing after a sync that failed, not for the next version either`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let disk = try FaultyDisk.failing(with: EIO) { $0.name == .sync && $0.path.hasSuffix("/big") }
        let writer = try await bench.open(built, disk: disk)
        try await bench.land(built, in: writer)
        #expect(await bench.failure { try await writer.commit() } != nil)
        await writer.abandon()
        let next = try await bench.build(version: GameVersion("2"))
        let again = try await bench.open(next)
        #expect(again.missing.count == next.manifest.grid.chunkCount)
    }

    @Test func `does not happen beside a file that somebody cut meanwhile`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let writer = try await bench.open(built)
        try await bench.land(built, in: writer)
        _ = truncate(bench.temporary.path + "/to/quake/b", 5)
        let failure = await bench.failure { try await writer.commit() }
        #expect(failure == .changed(try RelativePath("b")))
        #expect(!bench.exists("version.ini"))
    }

    @Test func `tells a full disk while it lands, and goes on when there is room again`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let disk = try FaultyDisk.failing(with: ENOSPC) { $0.name == .write && $0.path.hasSuffix("/b") }
        let writer = try await bench.open(built, disk: disk)
        let failure = await bench.failure { try await bench.land(built, in: writer) }
        guard case .diskFull(70_000, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        await writer.abandon()
        let again = try await bench.open(built)
        #expect(again.missing == [5])
        try await bench.land(built, in: again)
        try await again.commit()
        #expect(try bench.isWhole(Bench.mixed))
    }

    @Test func `of many small files asks the disk once`() async throws {
        let disk = try FaultyDisk()
        let bench = try Bench()
        let files = (0..<1_000).map { ("d\($0 / 100)/\($0)", 64 + $0 % 7) }
        try bench.fill("from", files)
        let built = try await bench.build()
        let writer = try await bench.open(built, disk: disk)
        try await bench.land(built, in: writer)
        try await writer.commit()
        #expect(disk.trace.count { $0.name == .syncFileSystem } == 1)
        #expect(disk.trace.count { $0.name == .sync } < 20)
        #expect(disk.trace.count { $0.name == .create } < 1_050)
        #expect(try await bench.build("to").root == built.root)
    }
}
