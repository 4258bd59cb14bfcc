import Glibc
import Linux
import Model
import Storage
import TestKit
import Testing

@Suite struct `Ownership` {
    private func begin(_ place: Place, _ change: Intent.Change) throws {
        try place.root.writeIntent(
            Intent(change, game: place.game, version: try #require(GameVersion("1")), root: nil))
    }

    @Test func `is proven by a marker of this game`() throws {
        let place = try Place()
        #expect(try place.root.proveOwnership(of: .installing) == nil)
        _ = try StagedTree.make(in: place.root)
        #expect(try place.root.proveOwnership(of: .installing) != nil)
        #expect(try place.root.proveOwnership(of: .backup) == nil)
    }

    @Test(arguments: ["", "lanspread 1 doom\n", "lanspread 1 quake", String(repeating: "x", count: 300)])
    func `is not proven by another file of the marker's name`(_ text: String) throws {
        let place = try Place()
        try place.write(".local.installing/.lanspread_owned", text)
        #expect(try place.root.proveOwnership(of: .installing) == nil)
    }

    @Test func `is not proven by a link in place of the directory`() throws {
        let place = try Place()
        try place.write("precious/.lanspread_owned", "lanspread 1 quake\n")
        try place.link(".local.installing", to: "precious")
        try place.write(".local.backup", "x")
        #expect(try place.root.proveOwnership(of: .installing) == nil)
        #expect(try place.root.proveOwnership(of: .backup) == nil)
    }

    @Test(arguments: [
        (Intent.Change.install, [ReservedDirectory.installing]), (.update, [.installing, .backup]),
        (.uninstall, [.backup]), (.remove, []),
    ]) func `is proven by the intent of a change that makes the directory`(
        _ change: Intent.Change, _ proven: [ReservedDirectory]
    ) throws {
        let place = try Place()
        try begin(place, change)
        for reserved in ReservedDirectory.allCases { try place.makeDirectory(reserved.rawValue) }
        for reserved in ReservedDirectory.allCases {
            #expect(try (place.root.proveOwnership(of: reserved) != nil) == proven.contains(reserved))
        }
    }

    @Test func `lets a tree be deleted that holds links, and what they lead to stays`() throws {
        let place = try Place()
        try place.write("outside/precious", "x")
        let tree = try StagedTree.make(in: place.root)
        try tree.createSymlink(RelativePath("a/door"), target: Array("../../outside".utf8))
        try tree.createSymlink(RelativePath("file"), target: Array("../outside/precious".utf8))
        _ = try tree.createFile(RelativePath("a/b/c"), executable: false)
        try place.root.remove(try #require(try place.root.proveOwnership(of: .installing)))
        #expect(!place.exists(".local.installing"))
        #expect(try place.text("outside/precious") == "x")
    }

    @Test func `of one directory does not delete another that took its place`() throws {
        let place = try Place()
        _ = try StagedTree.make(in: place.root)
        let proof = try #require(try place.root.proveOwnership(of: .installing))
        let name = Array(".local.installing".utf8)
        try Beneath.rename(from: place.root.directory, name, to: place.root.directory, Array("elsewhere".utf8))
        try place.write(".local.installing/precious", "x")
        #expect(storageError { try place.root.remove(proof) } == .notOurs(name: ".local.installing"))
        #expect(try place.text(".local.installing/precious") == "x")
    }

    @Test func `survives a deletion that was cut off anywhere`() throws {
        var number = 0
        while true {
            let place = try Place()
            let tree = try StagedTree.make(in: place.root)
            for name in ["a", "b/c", "z/z"] { _ = try tree.createFile(RelativePath(name), executable: false) }
            let root = try place.root(FaultyDisk.dying(before: number))
            let proof = try #require(try root.proveOwnership(of: .installing))
            let isDone = storageError { try root.remove(proof) } == nil
            if place.exists(".local.installing") {
                // Only an empty directory may have lost its marker: it proves nothing and costs nothing.
                let left = try Beneath.list(Beneath.openDirectory(root.directory, Array(".local.installing".utf8)))
                #expect(try left.isEmpty || place.root.proveOwnership(of: .installing) != nil)
            }
            if isDone { break }
            number += 1
        }
        #expect(number > 5)
    }

    @Test func `deletes a tree that is deeper than any path may be long`() throws {
        let place = try Place()
        _ = try StagedTree.make(in: place.root)
        var parent = try Beneath.openDirectory(place.root.directory, Array(".local.installing".utf8))
        let name = [UInt8](repeating: UInt8(ascii: "d"), count: 100)
        for _ in 0..<300 {
            try Beneath.makeDirectory(parent, name)
            let child = try Beneath.openDirectory(parent, name)
            _ = try Beneath.create(child, Array("file".utf8), mode: 0o644, exclusive: true)
            parent = child
        }
        try place.root.remove(try #require(try place.root.proveOwnership(of: .installing)))
        #expect(!place.exists(".local.installing"))
    }
}
