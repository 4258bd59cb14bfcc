import Glibc
import Linux
import Model
import Storage
import TestKit
import Testing

@Suite struct `A staged tree` {
    private func fill(_ tree: StagedTree, files: Int = 2) throws {
        for index in 0..<files {
            let file = try tree.createFile(RelativePath("bin/deep/file\(index)"), executable: index == 0)
            try Array("hello".utf8).withUnsafeBytes { try file.write($0, at: 0) }
        }
        try tree.createDirectory(RelativePath("empty/inner"))
        try tree.createSymlink(RelativePath("links/up"), target: Array("../bin".utf8))
    }

    @Test func `holds files, directories and links with the modes that we give`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        let tree = try StagedTree.make(in: try place.root(disk))
        try fill(tree)
        // Whatever the umask of the process, which a test must not change under the others.
        #expect(disk.trace.count { $0.name == .setMode } == 2)
        func status(_ name: String) throws -> FileStatus {
            try Beneath.status(place.root.directory, Array(".local.installing/\(name)".utf8))
        }
        #expect(try status("bin/deep/file0").mode == 0o755)
        #expect(try status("bin/deep/file1").mode == 0o644)
        #expect(try status("empty/inner").kind == .directory)
        #expect(try status("links/up").kind == .symlink)
    }

    @Test func `has its marker, durably, before anything else`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        _ = try StagedTree.make(in: try place.root(disk))
        #expect(try place.text(".local.installing/.lanspread_owned") == "lanspread 1 quake\n")
        #expect(disk.trace.volatilePaths.isEmpty)
    }

    @Test func `is not made where something stands`() throws {
        let place = try Place()
        try place.write(".local.installing", "x")
        #expect(storageError { _ = try StagedTree.make(in: place.root) } == .notOurs(name: ".local.installing"))
    }

    @Test func `writes through no link and over no file`() throws {
        let place = try Place()
        try place.makeDirectory("outside")
        let tree = try StagedTree.make(in: place.root)
        try tree.createSymlink(RelativePath("door"), target: Array("../outside".utf8))
        try tree.createSymlink(RelativePath("file"), target: Array("../outside/x".utf8))
        for path in ["door/x", "file", "door/sub/x"] {
            #expect(throws: StorageError.self) { _ = try tree.createFile(RelativePath(path), executable: false) }
        }
        #expect(throws: StorageError.self) { try tree.createDirectory(RelativePath("door")) }
        _ = try tree.createFile(RelativePath("once"), executable: false)
        #expect(throws: StorageError.self) { _ = try tree.createFile(RelativePath("once"), executable: false) }
        #expect(try Beneath.list(Beneath.openDirectory(place.root.directory, Array("outside".utf8))).isEmpty)
    }

    @Test(arguments: [2, 100]) func `is durable after its sync, with few files and with many`(_ files: Int) throws {
        let disk = try FaultyDisk()
        let place = try Place()
        let tree = try StagedTree.make(in: try place.root(disk))
        try fill(tree, files: files)
        #expect(!disk.trace.volatilePaths.isEmpty)
        try tree.syncAll()
        // A link has no bytes of its own.
        #expect(disk.trace.volatilePaths.filter { !$0.hasSuffix("links/up") }.isEmpty)
        #expect(disk.trace.contains { $0.name == .syncFileSystem } == (files > 32))
    }

    @Test func `becomes local in one rename`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        let root = try place.root(disk)
        try fill(try StagedTree.make(in: root))
        #expect(!root.isInstalled)
        try root.promoteStaging()
        #expect(root.isInstalled)
        #expect(!place.exists(".local.installing"))
        try root.removeMarkerFromLocal()
        #expect(!place.exists("local/.lanspread_owned"))
        #expect(try place.text("local/bin/deep/file1") == "hello")
    }

    @Test func `never replaces a local that was there`() throws {
        let place = try Place()
        try place.write("local/save", "x")
        _ = try StagedTree.make(in: place.root)
        #expect(storageError { try place.root.promoteStaging() } == .notOurs(name: "local"))
        #expect(try place.text("local/save") == "x")
    }

    @Test func `changes places with local without a moment between`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        try place.write("local/old", "x")
        let root = try place.root(disk)
        try fill(try StagedTree.make(in: root))
        try root.swapStaging()
        #expect(place.exists("local/bin/deep/file0"))
        #expect(place.exists(".local.installing/old"))
        #expect(disk.trace.contains { $0.name == .exchange })
        #expect(!disk.trace.contains { $0.name == .rename })
        #expect(!disk.trace.volatilePaths.contains { $0.hasSuffix("/quake") })
    }

    @Test func `is swapped in two durable steps where the disk cannot exchange`() throws {
        let disk = try FaultyDisk.failing(with: EINVAL) { $0.name == .exchange }
        let place = try Place()
        try place.write("local/old", "x")
        let root = try place.root(disk)
        try fill(try StagedTree.make(in: root))
        try root.swapStaging()
        #expect(place.exists("local/bin/deep/file0"))
        #expect(place.exists(".local.backup/old"))
        let steps = disk.trace.filter { $0.name == .rename || ($0.name == .sync && $0.path.hasSuffix("/quake")) }
        #expect(steps.suffix(4).map(\.name) == [.rename, .sync, .rename, .sync])
    }

    @Test func `is not swapped with a local that is no directory`() throws {
        let place = try Place()
        try place.write("local", "x")
        _ = try StagedTree.make(in: place.root)
        #expect(storageError { try place.root.swapStaging() } == .notOurs(name: "local"))
    }
}
