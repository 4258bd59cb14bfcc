import Content
import Glibc
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing

@Suite struct `A download` {
    @Test func `arrives byte for byte, whatever the sizes, and is then a game`() async throws {
        let bench = try Bench()
        let files = InterestingSizes.all.map { ("dir/size\($0)", $0) } + Bench.small
        try bench.fill("from", files)
        let built = try await bench.build()
        let writer = try await bench.open(built, disk: RealDisk())
        #expect(writer.missing == Array(0..<built.manifest.grid.chunkCount))
        try await bench.land(built, in: writer, only: writer.missing.reversed())
        #expect(try bench.games("to").root(bench.game).sentinel() == nil)
        try await writer.commit()
        #expect(try bench.isWhole(files))
        #expect(try bench.games("to").root(bench.game).sentinel() == bench.version)
        #expect(try await bench.build("to").root == built.root)
    }

    @Test func `lands several chunks at once, and one chunk twice`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let writer = try await bench.open(built)
        try await withThrowingTaskGroup { group in
            for chunk in writer.missing + writer.missing {
                group.addTask { try await bench.land(built, in: writer, only: [chunk]) }
            }
            try await group.waitForAll()
        }
        try await writer.commit()
        #expect(try bench.isWhole(Bench.mixed))
    }

    @Test func `writes no byte of a chunk that fails its digest`() async throws {
        let disk = try FaultyDisk()
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let writer = try await bench.open(built, disk: disk)
        let before = disk.trace.count
        let block = try await bench.blocks.acquire()
        let count = built.manifest.grid.byteCount(of: 0)
        block.bytes(Grid.chunkBytes).initializeMemory(as: UInt8.self, repeating: 0)
        for wrong in [count, count - 1, 0] {
            let error = await bench.failure { try await writer.land(0, block, count: wrong) }
            #expect(error == .wrongDigest(chunk: 0))
        }
        #expect(disk.trace.count == before)
        #expect(Bench.isSame(try bench.text("big"), [UInt8](repeating: 0, count: (4 << 20) + 5)))
    }

    @Test func `goes on where it was killed, and believes no record`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let built = try await bench.build()
        let writer = try await bench.open(built)
        try await bench.land(built, in: writer, only: [0, 2, 3])
        // What a power loss may have done: the record says that chunk 0 landed, its bytes never came.
        let file = try Beneath.openWrite(try bench.games("to").root(bench.game).directory, Array("big".utf8))
        let torn = try #require(try bench.text("big"))[1_000] ^ 1
        try [torn].withUnsafeBytes { try Files.writeFully(file, $0, at: 1_000) }
        let again = try await bench.open(built)
        #expect(again.missing == [0, 1, 4, 5])
        try await bench.land(built, in: again)
        try await again.commit()
        #expect(try bench.isWhole(Bench.mixed))
    }

    @Test func `that is abandoned leaves chunks but no sentinel, not even the old one`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        try bench.fill("to", Bench.small, salt: 7)
        try bench.temporary.write("to/quake/version.ini", "0\n".utf8)
        let built = try await bench.build()
        let writer = try await bench.open(built)
        try await bench.land(built, in: writer, only: [1])
        await writer.abandon()
        #expect(!bench.exists("version.ini"))
        #expect(!bench.exists(".version.ini.discarded"))
        let again = try await bench.open(built)
        #expect(!again.missing.contains(1))
    }

    @Test func `of a new version keeps the chunks that the old one has`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        try bench.fill("from", [("big", (4 << 20) + 5)], salt: 7)
        try bench.fill("to", Bench.mixed)
        try bench.temporary.write("to/quake/version.ini", "0\n".utf8)
        let built = try await bench.build()
        let writer = try await bench.open(built)
        #expect(writer.missing == [0, 1])
        try await bench.land(built, in: writer)
        try await writer.commit()
        #expect(Bench.isSame(try bench.text("big"), Bench.content("big", (4 << 20) + 5, salt: 7)))
    }

    @Test func `cuts files that were longer`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        try bench.fill("to", Bench.mixed.map { ($0.0, $0.1 + 100) })
        let built = try await bench.build()
        let writer = try await bench.open(built, overwrite: true)
        try await bench.land(built, in: writer)
        try await writer.commit()
        #expect(try bench.isWhole(Bench.mixed))
    }
}

@Suite struct `The preflight of a download` {
    @Test func `stops at a file that nothing explains, and changes nothing`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        try bench.temporary.write("to/quake/b", "mine".utf8)
        let built = try await bench.build()
        let error = await bench.failure { _ = try await bench.open(built) }
        #expect(error == .foreignFile(try RelativePath("b")))
        #expect(try bench.receivedFiles() == ["b"])
        let writer = try await bench.open(built, overwrite: true)
        try await bench.land(built, in: writer)
        try await writer.commit()
        #expect(try bench.isWhole(Bench.mixed))
    }

    @Test func `follows no link and removes nothing that is not a file, even when it may overwrite`() async throws {
        for (name, path) in [("b", "b"), ("c", "c/d/e"), ("c/d", "c/d/e")] {
            let bench = try Bench()
            try bench.fill("from", Bench.mixed)
            try bench.temporary.write("to/precious/b", "mine".utf8)
            try bench.temporary.write("to/quake/version.ini", "0\n".utf8)
            if name == "c/d" { try bench.temporary.write("to/quake/c/other", []) }
            _ = symlink("../../precious/b", "\(bench.temporary.path)/to/quake/\(name)")
            let built = try await bench.build()
            let error = await bench.failure { _ = try await bench.open(built, overwrite: true) }
            #expect(error == .foreignFile(try RelativePath(path)))
            #expect(try bench.temporary.read("to/precious/b") == Array("mine".utf8))
            // The old game is as it was.
            #expect(bench.exists("version.ini"))
            #expect(!bench.exists(".lanspread.download"))
        }
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        try bench.temporary.write("to/quake/b/inside", [])
        let built = try await bench.build()
        let error = await bench.failure { _ = try await bench.open(built, overwrite: true) }
        #expect(error == .foreignFile(try RelativePath("b")))
    }

    @Test func `says how much space is missing before it takes any`() async throws {
        let bench = try Bench()
        let path = try RelativePath("huge")
        let bytes = Limits.gameBytes
        let digests = [Digest](
            repeating: try #require(Digest([UInt8](repeating: 1, count: 32))), count: Int(bytes) / Grid.chunkBytes)
        let manifest = try Manifest(
            game: bench.game, version: bench.version, files: [ManifestFile(path: path, size: bytes)], digests: digests)
        let encoded = ManifestCodec.encode(manifest)
        let built = try ManifestBuilder.decode(
            encoded, game: bench.game, version: bench.version, root: .hash(of: encoded))
        let free = try bench.games("to").makeRoot(bench.game).freeBytes()
        try #require(free < bytes, "this disk is larger than the largest game")
        let error = await bench.failure { _ = try await bench.open(built) }
        guard case .diskFull(bytes, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try bench.receivedFiles() == [])
    }
}
