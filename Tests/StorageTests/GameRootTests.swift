import Glibc
import Linux
import Model
import Storage
import TestKit
import Testing

@Suite struct `A sentinel` {
    @Test func `takes a record of an install that is none for none`() throws {
        let place = try Place()
        try place.write(".lanspread.installed", "no record")
        #expect(try place.root.installedRecord() == nil)
        let file = try Beneath.openWrite(place.root.directory, Array(".lanspread.installed".utf8))
        try Files.truncate(file, UInt64(Limits.recordBytes) + 1)
        #expect(try place.root.installedRecord() == nil)
    }

    @Test func `is read back as the version that was written`() throws {
        let place = try Place()
        let version = try #require(GameVersion("20240131"))
        #expect(try place.root.sentinel() == nil)
        try place.root.writeSentinel(version)
        #expect(try place.root.sentinel() == version)
        #expect(try place.text("version.ini") == "20240131\n")
        #expect(!place.exists(".version.ini.tmp"))
    }

    @Test func `counts only as a regular file at the root with a version in it`() throws {
        let place = try Place()
        try place.write("data/version.ini", "1")
        try place.write(".version.ini.tmp", "1")
        try place.write(".version.ini.discarded", "1")
        #expect(try place.root.sentinel() == nil)
        try place.link("version.ini", to: "data/version.ini")
        #expect(try place.root.sentinel() == nil)
        try Beneath.removeFile(place.root.directory, Array("version.ini".utf8))
        try place.write("version.ini", "two words")
        #expect(try place.root.sentinel() == nil)
        try place.write("version.ini", String(repeating: "1", count: 257))
        #expect(try place.root.sentinel() == nil)
    }

    @Test func `is durable before its name and after it`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        try place.root(disk).writeSentinel(try #require(GameVersion("1")))
        let rename = try #require(disk.trace.firstIndex { $0.name == .rename })
        let before = disk.trace[..<rename].filter { $0.path.hasSuffix(".version.ini.tmp") }.map(\.name)
        #expect(before.last == .sync)
        #expect(disk.trace.volatilePaths.isEmpty)
    }

    @Test func `stays whole when writing the next one fails`() throws {
        for name in [FaultyDisk.Call.Name.write, .sync, .rename] {
            let place = try Place()
            let old = try #require(GameVersion("1"))
            try place.root.writeSentinel(old)
            let root = try place.root(FaultyDisk.failing(with: EIO) { $0.name == name })
            #expect(throws: StorageError.self) { try root.writeSentinel(try #require(GameVersion("2"))) }
            #expect(try place.root.sentinel() == old)
        }
    }

    @Test func `is parked durably and never comes back`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        try place.write("version.ini", "1\n")
        let root = try place.root(disk)
        try root.parkSentinel()
        #expect(try root.sentinel() == nil)
        #expect(disk.trace.volatilePaths.isEmpty)
        try root.sweepDownload()
        #expect(!place.exists(".version.ini.discarded"))
        try root.parkSentinel()
        #expect(!place.exists(".version.ini.discarded"))
    }

    @Test func `is never a link or a directory that we would move away`() throws {
        let place = try Place()
        try place.link("version.ini", to: "elsewhere")
        #expect(storageError { try place.root.parkSentinel() } == .notOurs(name: "version.ini"))
        #expect(place.exists("version.ini"))
    }
}

@Suite struct `The exchanged files` {
    @Test func `leave out local, hidden, reserved, foreign and special ones`() throws {
        let place = try Place()
        for name in [
            "quake.eti", "data/b", "data/.hidden", ".secret/x", "local/save", "Local/x", "version.ini",
            "data/version.ini",
            "data.bin", "x.!sync", "Thumbs.db", "data/desktop.ini", ".lanspread.download", "bad\u{1}name", "dot./x",
        ] { try place.write(name, "x") }
        try place.link("link", to: "quake.eti")
        try place.link("linked", to: "data")
        #expect(mkfifo(place.temporary.path + "/quake/fifo", 0o644) == 0)
        let files = try place.root.exchangedFiles()
        // In byte order: "." comes before "/".
        #expect(files.map(\.path.text) == ["data.bin", "data/b", "data/version.ini", "quake.eti"])
        #expect(files.allSatisfy { $0.status.size == 1 })
    }

    @Test func `open as regular files only`() throws {
        let place = try Place()
        try place.write("data/b", "x")
        try place.link("linked", to: "data")
        #expect(mkfifo(place.temporary.path + "/quake/fifo", 0o644) == 0)
        _ = try place.root.openFile(RelativePath("data/b"))
        #expect(storageError { _ = try place.root.openFile(RelativePath("fifo")) } == .notOurs(name: "fifo"))
        #expect(storageError { _ = try place.root.openFile(RelativePath("data")) } == .notOurs(name: "data"))
        #expect(throws: StorageError.self) { _ = try place.root.openFile(RelativePath("linked/b")) }
    }
}
