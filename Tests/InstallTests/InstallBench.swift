import Fixture
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing
import Unpack

@testable import Install

/// One game `quake` in a games directory of its own, and what installs it.
final class InstallBench: Sendable {
    let directory: TemporaryDirectory
    let loops: Loops
    let root: GameRoot
    let version = GameVersion("20240501") ?? GameVersion(sentinel: Array("1".utf8))
    let sink = TraceSink()

    init(package: [UInt8]? = nil, named name: String = "quake.eti") throws {
        directory = try TemporaryDirectory()
        loops = try Loops(netLoops: 1, diskWorkers: 2)
        let games = try GamesDirectory.open(path: directory.path, newID: String(repeating: "0", count: 32))
        let game = try #require(GameID("quake"))
        root = try games.makeRoot(game)
        if let package { try directory.write("quake/\(name)", package) }
    }

    deinit { loops.stop() }

    /// The same directory through another disk, as after a restart.
    func root(on disk: any Disk) throws -> GameRoot {
        try GamesDirectory.open(path: directory.path, newID: "", disk: disk).root(root.game)
    }

    func install(
        _ other: GameRoot? = nil, helper: String = Corpus.helperPath,
        isWanted: @escaping @Sendable () -> Bool = { true },
        progress: @escaping @Sendable (UInt64, UInt64) -> Void = { _, _ in }
    ) async throws {
        let version = try #require(version)
        try await Installer.install(
            other ?? root, helperPath: helper, version: version, rootDigest: nil, loop: loops.net[0], disk: loops.disk,
            log: Log(component: "Install", sink: sink, level: .debug), isWanted: isWanted, progress: progress)
    }

    /// The error of an install that must fail; and nothing of it may be left.
    func refusal(
        helper: String = Corpus.helperPath, isWanted: @escaping @Sendable () -> Bool = { true }
    ) async throws -> InstallError {
        let before = try directory.tree()
        do {
            try await install(helper: helper, isWanted: isWanted)
        } catch let error as InstallError {
            #expect(try directory.tree() == before, "an install that failed leaves nothing")
            return error
        }
        Issue.record("it was installed: \(try directory.tree())")
        throw CancellationError()
    }

    static func error(of body: @Sendable () async throws -> Void) async -> InstallError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? InstallError
        }
    }

    func recover() async throws -> RecoveryReport { try await Recovery.recover(root, disk: loops.disk) }

    /// A helper that is a shell script.
    func script(_ lines: String) throws -> String {
        let path = try directory.write("helper", Array("#!/bin/sh\n\(lines)\n".utf8))
        try Beneath.setMode(directory.descriptor, Array("helper".utf8), mode: 0o755)
        return path
    }
}

/// What lies at one path, for comparing trees.
struct Item: Hashable {
    let kind: FileKind
    let mode: UInt32
    let bytes: [UInt8]

    /// Everything below `path` by its path.
    static func tree(_ path: String) throws -> [String: Item] {
        try tree(try Files.openDirectory(atPath: path), [])
    }

    private static func tree(_ top: Descriptor, _ prefix: [UInt8]) throws -> [String: Item] {
        var items: [String: Item] = [:]
        for entry in try Beneath.list(try Beneath.openDirectory(top, prefix)) {
            let path = prefix.isEmpty ? entry.name : prefix + [0x2f] + entry.name
            let status = try Beneath.status(top, path)
            var bytes: [UInt8] = []
            switch entry.kind {
            case .regular: bytes = try Files.readAll(try Beneath.openRead(top, path), limit: 1 << 20) ?? []
            case .symlink: bytes = try Beneath.linkTarget(top, path)
            case .directory: items.merge(try tree(top, path)) { one, _ in one }
            case .other: break
            }
            items[String(decoding: path, as: UTF8.self)] = Item(
                kind: entry.kind, mode: entry.kind == .symlink ? 0o777 : status.mode & 0o7777, bytes: bytes)
        }
        return items
    }

    /// As an install normalises it.
    var normalised: Item {
        switch kind {
        case .regular: Item(kind: kind, mode: mode & 0o111 == 0 ? 0o644 : 0o755, bytes: bytes)
        case .directory: Item(kind: kind, mode: 0o755, bytes: bytes)
        case .symlink, .other: self
        }
    }
}
