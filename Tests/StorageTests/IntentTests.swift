import Glibc
import Model
import Storage
import TestKit
import Testing

@Suite struct `An intent` {
    private func intent(_ place: Place, _ change: Intent.Change = .install) throws -> Intent {
        Intent(change, game: place.game, version: try #require(GameVersion("1")), root: nil)
    }

    @Test func `is read back, durably, and removed durably`() throws {
        let disk = try FaultyDisk()
        let place = try Place()
        let root = try place.root(disk)
        #expect(try root.intent() == .none)
        let digest = try #require(Root(hex: String(repeating: "ab", count: 32)))
        let intent = Intent(.update, game: place.game, version: try #require(GameVersion("1")), root: digest)
        try root.writeIntent(intent)
        #expect(try root.intent() == .begun(intent))
        #expect(disk.trace.volatilePaths.isEmpty)
        try root.clearIntent()
        #expect(try root.intent() == .none)
        #expect(disk.trace.volatilePaths.isEmpty)
    }

    @Test(arguments: [
        "", "{", "{}", "[]", "null",
        #"{"format":2,"change":"install","game":"quake","version":"1"}"#,
        #"{"format":1,"change":"explode","game":"quake","version":"1"}"#,
        #"{"format":1,"change":"install","game":"doom","version":"1"}"#,
        #"{"format":1,"change":"install","game":"quake","game":"quake","version":"1"}"#,
        String(repeating: "[", count: 513), String(repeating: " ", count: 70_000),
    ]) func `that is not understood is left alone and never written over`(_ text: String) throws {
        let place = try Place()
        try place.write(".lanspread.json", text)
        #expect(try place.root.intent() == .unreadable)
        let mine = try intent(place)
        #expect(storageError { try place.root.writeIntent(mine) } == .unreadable(name: ".lanspread.json"))
        #expect(try place.text(".lanspread.json") == text)
    }

    @Test func `is not begun over a stranger's directory`() throws {
        for name in [".local.installing", ".local.backup"] {
            let place = try Place()
            try place.write("\(name)/precious", "x")
            let mine = try intent(place, .update)
            #expect(storageError { try place.root.writeIntent(mine) } == .notOurs(name: name))
            #expect(try place.root.intent() == .none)
        }
    }

    @Test func `that could not be written whole does not exist`() throws {
        for name in [FaultyDisk.Call.Name.create, .write, .sync, .rename] {
            let place = try Place()
            let root = try place.root(FaultyDisk.failing(with: ENOSPC) { $0.name == name })
            let mine = try intent(place)
            #expect(storageError { try root.writeIntent(mine) } == .diskFull)
            #expect(try place.root.intent() == .none)
        }
    }
}

@Suite struct `A record` {
    @Test func `of what was installed is read back in byte order`() throws {
        let place = try Place()
        let paths = [try RelativePath("b/c"), try RelativePath("a"), try RelativePath("b.x")]
        let record = InstalledRecord(version: try #require(GameVersion("1")), root: nil, paths: paths)
        #expect(try place.root.installedRecord() == nil)
        try place.root.writeInstalledRecord(record)
        #expect(try place.root.installedRecord() == record)
        #expect(record.paths == ["a", "b.x", "b/c"])
    }

    @Test func `of a download has one bit per chunk that landed`() throws {
        let place = try Place()
        let landed = (0..<19).map { $0 % 3 == 0 }
        let record = DownloadRecord(manifest: [1, 2, 3], landed: landed)
        let open = try place.root.beginDownloadRecord(record)
        #expect(try place.root.downloadRecord() == record)
        for chunk in [1, 18, 8, 7] { try open.note(chunk) }
        let now = try #require(try place.root.downloadRecord())
        #expect(now.landed.indices.filter { now.landed[$0] } == [0, 1, 3, 6, 7, 8, 9, 12, 15, 18])
        try open.distrust()
        #expect(
            try place.root.downloadRecord() == DownloadRecord(manifest: [1, 2, 3], landed: landed.map { _ in false }))
    }

    @Test func `of a download that is cut or longer is none`() throws {
        let bytes = DownloadRecord(manifest: [1, 2, 3], landed: [true, false]).encoded
        for count in bytes.indices { #expect(DownloadRecord(decoding: Array(bytes[..<count])) == nil) }
        #expect(DownloadRecord(decoding: bytes + [0]) == nil)
        #expect(DownloadRecord(decoding: [UInt8](repeating: 0xff, count: 64)) == nil)
    }
}
