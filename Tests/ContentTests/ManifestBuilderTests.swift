import Content
import Crypto
import Glibc
import Linux
import Model
import Runtime
import Storage
import Synchronization
import TestKit
import Testing

@Suite struct `A built manifest` {
    @Test func `names every chunk of every interesting size`() async throws {
        let bench = try Bench()
        let files = InterestingSizes.all.map { ("size\($0)", $0) }
        try bench.fill("from", files)
        let progress = Mutex<[(UInt64, UInt64)]>([])
        let built = try await ManifestBuilder.build(
            bench.games("from").root(bench.game), version: bench.version, disk: bench.pool, pool: bench.blocks
        ) { done, total in progress.withLock { $0.append((done, total)) } }
        let manifest = built.manifest
        #expect(manifest.files.map(\.path.text) == files.map(\.0).sorted())
        for chunk in 0..<manifest.grid.chunkCount {
            var bytes: [UInt8] = []
            for span in manifest.grid.spans(of: chunk) {
                let file = manifest.files[span.file]
                bytes += Bench.content(file.path.text, Int(file.size))[Int(span.offset)...].prefix(span.count)
            }
            #expect(SHA256.hash(bytes) == manifest.digests[chunk])
        }
        let last = try #require(progress.withLock { $0 }.last)
        #expect(last == (manifest.totalBytes, manifest.totalBytes))
        #expect(built.root == Root(SHA256.hash(built.bytes)))
    }

    @Test func `does not depend on the sentinel, on local or on time`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.small)
        try bench.fill("to", Bench.small)
        try bench.temporary.write("from/quake/version.ini", "1\r\n".utf8)
        try bench.temporary.write("to/quake/local/game", "x".utf8)
        let (one, other) = (try await bench.build("from"), try await bench.build("to"))
        #expect(one.root == other.root)
        let later = try await bench.build("from", version: GameVersion("2"))
        #expect(one.root != later.root)
    }

    /// How far it was after each chunk that was hashed.
    private func hashed(
        _ bench: Bench, _ host: String, known: [BuiltManifest]
    ) async throws -> (built: BuiltManifest, steps: [UInt64]) {
        let steps = Mutex<[UInt64]>([])
        let built = try await ManifestBuilder.build(
            bench.games(host).root(bench.game), version: bench.version, known: known, disk: bench.pool,
            pool: bench.blocks
        ) { done, _ in steps.withLock { $0.append(done) } }
        return (built, steps.withLock { $0 })
    }

    @Test func `is the known one where its chunks are here, else its own, and hashes nothing twice`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let known = try await bench.build("from")
        try bench.fill("to", Bench.mixed)
        try bench.temporary.write("to/quake/patch", "Of another version.".utf8)
        let same = try await hashed(bench, "to", known: [known])
        #expect(same.built.root == known.root)
        #expect(same.steps.count == known.manifest.grid.chunkCount)
        // The same paths and sizes, and one other byte in the last file.
        try bench.emptyReceiver(1)
        try bench.fill("to", Bench.mixed.filter { $0.0 != "huge.bin" })
        try bench.fill("to", Bench.mixed.filter { $0.0 == "huge.bin" }, salt: 1)
        let other = try await hashed(bench, "to", known: [known, known])
        #expect(other.built.root != known.root)
        let own = try await bench.build("to")
        #expect(other.built.root == own.root)
        #expect(other.steps.count == own.manifest.grid.chunkCount)
        // What was read for the known one counts: it never falls back, and it comes to its end.
        #expect(other.steps == other.steps.sorted())
        #expect(other.steps.last == own.manifest.totalBytes)
        // Of another version, whatever its files are.
        let later = try await bench.build("from", version: GameVersion("2"))
        #expect(try await hashed(bench, "from", known: [later]).built.root == known.root)
    }

    @Test func `asks anew for each chunk whether somebody waits for it`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let asked = Atomic(0)
        let built = try await ManifestBuilder.build(
            bench.games("from").root(bench.game), version: bench.version, disk: bench.pool, pool: bench.blocks,
            isIdle: { asked.add(1, ordering: .relaxed).newValue < 3 }, progress: { _, _ in })
        #expect(asked.load(ordering: .relaxed) == built.manifest.grid.chunkCount)
    }

    @Test func `is refused where no tree could hold its paths, or where there are none`() async throws {
        let bench = try Bench()
        _ = try bench.games("from").makeRoot(bench.game)
        #expect(await bench.failure { _ = try await bench.build() } == .noFiles)
        try bench.fill("from", [("Data/x", 1), ("data/y", 1)])
        let clash = await bench.failure { _ = try await bench.build() }
        #expect(clash == .badManifest(.path(Array("data/y".utf8), .collision)))
    }

    @Test func `is refused when a file changed meanwhile`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let temporary = bench.temporary
        let hasWritten = Atomic(false)
        let error = await bench.failure {
            _ = try await ManifestBuilder.build(
                bench.games("from").root(bench.game), version: bench.version, disk: bench.pool, pool: bench.blocks
            ) { _, _ in
                guard !hasWritten.exchange(true, ordering: .relaxed) else { return }
                _ = try? temporary.write("from/quake/zz", [1])
            }
        }
        #expect(error == .changed(try RelativePath("zz")))
    }

    @Test func `ends soon when it is cancelled`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.mixed)
        let held = try await (0..<4).asyncMap { _ in try await bench.blocks.acquire() }
        let task = Task { await bench.failure { _ = try await bench.build() } }
        task.cancel()
        #expect(await task.value == .cancelled)
        withExtendedLifetime(held) {}
    }

    @Test func `is decoded only as what was asked for`() async throws {
        let bench = try Bench()
        try bench.fill("from", Bench.small)
        let built = try await bench.build()
        let other = try #require(GameID("doom"))
        let again = try ManifestBuilder.decode(
            built.bytes, game: bench.game, version: bench.version, root: built.root)
        #expect(again.root == built.root)
        var bytes = built.bytes
        bytes[bytes.count - 1] ^= 1
        #expect(await bench.failure { _ = try decode(bytes, bench.game, built.root) } == .wrongRoot)
        #expect(await bench.failure { _ = try decode(built.bytes, other, built.root) } == .badManifest(.notTheOneAsked))
        let cut = Array(built.bytes.dropLast())
        let error = await bench.failure { _ = try decode(cut, bench.game, Root(SHA256.hash(cut))) }
        #expect(error == .badManifest(.truncated))

        func decode(_ bytes: [UInt8], _ game: GameID, _ root: Root) throws -> BuiltManifest {
            try ManifestBuilder.decode(bytes, game: game, version: bench.version, root: root)
        }
    }
}

@Suite struct `A chunk reader` {
    @Test func `says that a file has changed, whatever it is now`() async throws {
        for change in ["shorter", "gone", "link", "fifo"] {
            let bench = try Bench()
            try bench.fill("from", [("a", 100)])
            let built = try await bench.build()
            let root = try bench.games("from").root(bench.game)
            let path = bench.temporary.path + "/from/quake/a"
            if change == "shorter" { _ = truncate(path, 99) } else { _ = unlink(path) }
            if change == "link" { _ = symlink("/dev/zero", path) }
            if change == "fifo" { _ = mkfifo(path, 0o644) }
            let reader = ChunkReader(root: root, manifest: built.manifest, disk: bench.pool)
            let block = try await bench.blocks.acquire()
            let error = await bench.failure { _ = try await reader.read(0, into: block) }
            #expect(error == .changed(try RelativePath("a")), "\(change)")
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
