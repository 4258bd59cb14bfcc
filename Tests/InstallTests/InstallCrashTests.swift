import Fixture
import Glibc
import Linux
import Storage
import TestKit
import Testing

@testable import Install

@Suite struct `An install on a disk with bad days` {
    private static let package = Rar5Writer.bytes([
        .directory("empty"), .file("bin/run", .text("run"), mode: 0o755), .file("data", .text("data")),
        .symlink("link", to: "data"), Rar5Entry(Array("copy".utf8), .hardLink(target: Array("data".utf8))),
    ])
    private static let complete = ["bin", "bin/run", "copy", "data", "empty", "link"]

    private func installed(_ bench: InstallBench) throws -> [String] {
        try Item.tree("\(bench.directory.path)/quake/local").keys.sorted()
    }

    @Test func `is whole or not there after a death before any of its calls`() async throws {
        let clean = try InstallBench(package: Self.package)
        let recording = try FaultyDisk()
        try await within { try await clean.install(try clean.root(on: recording)) }
        let calls = recording.trace
        #expect(calls.count > 30)
        var finished = 0
        for number in 0..<calls.count {
            let bench = try InstallBench(package: Self.package)
            let before = try bench.directory.tree()
            let dying = try bench.root(on: try FaultyDisk.dying(before: number))
            await #expect(throws: InstallError.self) { try await within { try await bench.install(dying) } }
            // The restart.
            let report = try await bench.recover()
            #expect(report.leftAlone.isEmpty, "\(calls[number])")
            #expect(try await bench.recover() == RecoveryReport(outcome: .clean, leftAlone: []))
            if bench.root.isInstalled {
                finished += 1
                #expect(try installed(bench) == Self.complete, "\(calls[number])")
                #expect(try bench.root.installedRecord()?.paths == ["bin/run", "copy", "data", "link"])
            } else {
                let left = try bench.directory.tree().filter { !$0.hasSuffix(".tmp") }
                #expect(left == before, "\(calls[number])")
                // Each fourth time, for the sake of the clock: what was undone is as if it had never been.
                guard number % 4 == 0 else { continue }
                try await within { try await bench.install() }
                #expect(try installed(bench) == Self.complete)
            }
        }
        // Deaths behind the one rename that commits are installs.
        let commit = calls.firstIndex { $0.name == .rename && $0.newPath?.hasSuffix("/quake/local") == true }
        #expect(finished == calls.count - 1 - (try #require(commit)))
    }

    @Test func `leaves nothing durable undone when it says that it is done`() async throws {
        let bench = try InstallBench(package: Self.package)
        let recording = try FaultyDisk()
        try await within { try await bench.install(try bench.root(on: recording)) }
        // A link has no sync of its own: that of its directory holds for it.
        let links: Set = ["\(bench.directory.path)/quake/.local.installing/link"]
        #expect(recording.trace.volatilePaths.subtracting(links).isEmpty)
        let commit = try #require(recording.trace.firstIndex { $0.newPath?.hasSuffix("/quake/local") == true })
        // What is renamed into place was on the disk before.
        #expect(Array(recording.trace[..<commit]).volatilePaths.subtracting(links).isEmpty)
    }

    @Test(arguments: [FaultyDisk.Call.Name.write, .create, .makeDirectory, .symlink])
    func `says so when the disk is full, and leaves nothing`(name: FaultyDisk.Call.Name) async throws {
        let bench = try InstallBench(package: Self.package)
        let before = try bench.directory.tree()
        let full = try FaultyDisk.failing(with: ENOSPC) { $0.name == name && $0.path.contains("/.local.installing") }
        let error = await InstallBench.error(of: {
            try await within { try await bench.install(try bench.root(on: full)) }
        })
        guard case .diskFull(_, let free)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(free > 0)
        #expect(try bench.directory.tree() == before)
    }

    @Test(arguments: [2, 40])
    func `never promotes a tree whose sync failed`(files: Int) async throws {
        let entries = (0..<files).map { Rar5Entry.file("file\($0)", .text("x")) }
        let bench = try InstallBench(package: Rar5Writer.bytes(entries))
        let before = try bench.directory.tree()
        // Few files are synced one by one, many with their whole file system.
        let bad = try FaultyDisk.failing(with: EIO) { call in
            call.name == .syncFileSystem || call.name == .sync && call.path.hasSuffix("/file1")
        }
        let root = try bench.root(on: bad)
        let error = await InstallBench.error(of: { try await within { try await bench.install(root) } })
        guard case .storage? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(try bench.directory.tree() == before)
    }
}
