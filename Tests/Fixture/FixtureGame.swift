/// One game of the fixture: what its archive holds and what lies beside it. The same on every host that has it.
package struct FixtureGame: Sendable {
    package let id: String
    package let title: String
    package let version: String
    /// Members of `<id>.eti`, directories before what is in them, links last.
    package let members: [Rar5Entry]
    /// Files of the game root beside the sentinel and the package.
    package let extras: [(path: String, content: FixtureContent)]

    // MARK: - The games

    package static let knownIDs = ["ggoo", "cnc4", "large", "many"]

    /// A package of two chunks and a bit, with everything a real tree has.
    package static func small(_ id: String, title: String, version: String, seed: UInt64) -> FixtureGame {
        FixtureGame(
            id: id, title: title, version: version,
            members: tree(id, seed: seed, levelBytes: 3 << 20),
            extras: [
                ("readme.txt", .text("\(title)\nCopy it, install it, play it.\n")),
                ("extras/cover.png", .generated(seed: seed &+ 1, size: 70_001)),
                ("extras/Handbuch Größe.txt", .text("Seite 1\nSeite 2\n")),
                ("extras/empty.cfg", .bytes([])),
            ])
    }

    /// One member of `bytes` bytes.
    package static func large(bytes: UInt64, seed: UInt64) -> FixtureGame {
        FixtureGame(
            id: "large", title: "The Large One", version: "20250101",
            members: [
                .directory("large"),
                .file("large/world.dat", .generated(seed: seed &+ 10, size: bytes)),
                .file("large/play.sh", .text("#!/bin/sh\nexec true\n"), mode: 0o755),
            ],
            extras: [("readme.txt", .text("One very large file.\n"))])
    }

    /// `count` small files beside a small package, a hundred in each directory: 1 to 8,192 bytes.
    package static func many(count: Int, seed: UInt64) -> FixtureGame {
        var sizes = SplitMix(state: seed &+ 20)
        let files = (0..<count).map { index in
            let name = "files/\(digits(index / 100, 4))/file-\(digits(index, 6)).dat"
            let size = 1 + sizes.next() % 8_192
            return (name, FixtureContent.generated(seed: seed &+ 1_000 &+ UInt64(index), size: size))
        }
        return FixtureGame(
            id: "many", title: "A Great Many Files", version: "20250102",
            members: tree("many", seed: seed &+ 2, levelBytes: 64 << 10), extras: files)
    }

    /// One of a whole library: a package of a few small files.
    package static func shelved(_ number: Int, seed: UInt64) -> FixtureGame {
        let id = "shelf\(digits(number, 4))"
        return FixtureGame(
            id: id, title: "Number \(number) of the Shelf", version: "20250103",
            members: tree(id, seed: seed &+ UInt64(number) &* 1_009, levelBytes: 20 << 10),
            extras: [("readme.txt", .text("Number \(number).\n"))])
    }

    private static func tree(_ id: String, seed: UInt64, levelBytes: UInt64) -> [Rar5Entry] {
        [
            .directory("bin"),
            .file("bin/\(id).exe", .bytes(Array("MZ".utf8) + [UInt8](repeating: 0x90, count: 4_094)), mode: 0o755),
            .file("bin/\(id).sh", .text("#!/bin/sh\necho \(id)\n"), mode: 0o755),
            .directory("data"),
            .directory("data/levels"),
            .file("data/levels/level-01.dat", .generated(seed: seed &+ 100, size: levelBytes)),
            .file("data/levels/level-02.dat", .generated(seed: seed &+ 101, size: levelBytes * 2 + 777)),
            .directory("data/Sprachen"),
            .file("data/Sprachen/Grüße aus Köln.txt", .text("Guten Tag.\n")),
            .file("data/Sprachen/日本語.txt", .text("こんにちは\n")),
            .file("data/empty.cfg", .bytes([])),
            .directory("saves"),
            .symlink("start", to: "bin/\(id).sh"),
        ]
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }

    // MARK: - On disk

    package var packageName: String { "\(id).eti" }

    /// Writes the game root: everything first and the sentinel last, as a download does.
    package func write(to root: String) throws(FixtureError) {
        try FixtureFile.makeDirectories(root)
        var directories: Set<Substring> = []
        for extra in extras {
            if let slash = extra.path.lastIndex(of: "/"), directories.insert(extra.path[..<slash]).inserted {
                try FixtureFile.makeDirectories("\(root)/\(extra.path[..<slash])")
            }
            try FixtureFile.write(extra.content, to: "\(root)/\(extra.path)")
        }
        let archive = try Rar5Writer(FixtureFile(path: "\(root)/\(packageName)"))
        for member in members { try archive.append(member) }
        try archive.finish()
        try FixtureFile.write(.text("\(version)\n"), to: "\(root)/version.ini")
    }

    /// Bytes that a download of the game moves, but for headers of the archive.
    package var contentBytes: UInt64 {
        let stored = members.reduce(UInt64(0)) { sum, member in
            if case .file(let content) = member.kind { return sum + content.size }
            return sum
        }
        return extras.reduce(stored) { $0 + $1.content.size }
    }
}
