import Crypto
import Linux
import Model
package import Runtime
package import Storage
import Synchronization

/// Lands the chunks of one download: hashed in memory first, written once, and the sentinel last of all.
///
/// Its law: unverified bytes never reach a file, and a sentinel never stands beside bytes that are not durable.
package actor ChunkWriter {
    /// The record on disk is at most so many chunks behind (256 MiB). What it misses is only fetched again, and what it
    /// claims is hashed again on resume, so it does not wait for the data to be durable.
    private static let recordEvery = 64

    /// Chunks that had not landed when the writer was opened.
    package nonisolated let missing: [Int]

    private let root: GameRoot
    private let built: BuiltManifest
    private let disk: DiskPool
    private let files: LandingFiles
    private var landed: [Bool]
    private var unrecorded = 0
    private let log: Log

    private init(root: GameRoot, built: BuiltManifest, landed: [Bool], disk: DiskPool, log: Log) {
        self.root = root
        self.built = built
        self.landed = landed
        self.disk = disk
        self.log = log
        files = LandingFiles(root: root, files: built.manifest.files)
        missing = landed.indices.filter { !landed[$0] }
    }

    /// Prepares the game's directory: checks the space and what stands there, parks an old sentinel, makes the files, and
    /// takes up what an earlier download landed.
    package static func open(
        games: GamesDirectory, built: BuiltManifest, overwrite: Bool, disk: DiskPool, log: Log
    ) async throws(ContentError) -> ChunkWriter {
        let prepared = try await disk.run { () throws(ContentError) in
            try Landing.prepare(games, built, overwrite: overwrite)
        }
        let landed = await Landing.verify(prepared.claimed, prepared.root, built.manifest, disk)
        let kept = landed.count { $0 }
        if kept > 0 {
            log.notice(
                "The download continues.", .game(built.manifest.game), .field("chunks_kept", kept),
                .field("chunks", landed.count))
        }
        return ChunkWriter(root: prepared.root, built: built, landed: landed, disk: disk, log: log)
    }

    /// Hashes the chunk where it lies and, only when it is right, writes it.
    package nonisolated func land(_ chunk: Int, _ block: MemoryBlock, count: Int) async throws(ContentError) {
        let manifest = built.manifest
        let files = files
        try await disk.run { () throws(ContentError) in
            let bytes = UnsafeRawBufferPointer(block.bytes(count))
            guard count == manifest.grid.byteCount(of: chunk), SHA256.hash(bytes) == manifest.digests[chunk] else {
                throw .wrongDigest(chunk: chunk)
            }
            var position = 0
            for span in manifest.grid.spans(of: chunk) {
                try files.write(span, UnsafeRawBufferPointer(rebasing: bytes[position..<position + span.count]))
                position += span.count
            }
        }
        await note(chunk)
    }

    private func note(_ chunk: Int) async {
        landed[chunk] = true
        unrecorded += 1
        guard unrecorded >= ChunkWriter.recordEvery else { return }
        unrecorded = 0
        await writeRecord()
    }

    /// Makes every byte durable and then, and only then, writes the sentinel.
    package func commit() async throws(ContentError) {
        precondition(landed.allSatisfy { $0 }, "a commit with chunks missing")
        let (root, version, files) = (root, built.manifest.version, files)
        try await disk.run { () throws(ContentError) in
            try files.sync()
            try asContent { () throws(StorageError) in
                try root.writeSentinel(version)
                try root.sweepDownload()
                try root.clearDownloadRecord()
            }
        }
    }

    /// Leaves what landed for the next download, and no sentinel.
    package func abandon() async {
        await writeRecord()
        let (root, log) = (root, log)
        await disk.run {
            do throws(StorageError) {
                try root.sweepDownload()
            } catch {
                log.error("A download was not swept: \(error.sentence).", .game(root.game))
            }
        }
    }

    private func writeRecord() async {
        let record = DownloadRecord(manifest: built.bytes, landed: landed)
        let (root, log) = (root, log)
        await disk.run {
            do throws(StorageError) {
                try root.writeDownloadRecord(record)
            } catch {
                // The download goes on without: what is not recorded is fetched again after a stop.
                log.warning("The download's record was not written: \(error.sentence).", .game(root.game))
            }
        }
    }
}
