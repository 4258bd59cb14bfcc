import Crypto
import Model
package import Runtime
package import Storage

/// Lands the chunks of one download: hashed in memory first, written once, and the sentinel last of all.
///
/// Its law: unverified bytes never reach a file, and a sentinel never stands beside bytes that are not durable.
package actor ChunkWriter {
    /// Chunks that had not landed when the writer was opened.
    package nonisolated let missing: [Int]

    private var landed: [Bool]
    private let root: GameRoot
    private let built: BuiltManifest
    private let record: OpenDownloadRecord
    private let files: LandingFiles
    private let disk: DiskPool
    private let log: Log

    private init(_ prepared: Landing.Prepared, built: BuiltManifest, landed: [Bool], disk: DiskPool, log: Log) {
        root = prepared.root
        record = prepared.record
        self.built = built
        self.landed = landed
        self.disk = disk
        self.log = log
        files = LandingFiles(root: prepared.root, files: built.manifest.files)
        missing = landed.indices.filter { !landed[$0] }
    }

    /// Prepares the game's directory: checks the space and what stands there, parks an old sentinel, makes the files,
    /// and takes up what is there already: an earlier download's chunks, or an older version's.
    ///
    /// After `.foreignFile` and `.diskFull` of the preflight nothing was changed.
    package static func open(
        games: GamesDirectory, built: BuiltManifest, overwrite: Bool, disk: DiskPool, log: Log
    ) async throws(ContentError) -> ChunkWriter {
        let prepared = try await disk.run { () throws(ContentError) in
            try Landing.prepare(games, built, overwrite: overwrite)
        }
        let landed: [Bool]
        do {
            landed = try await Landing.verify(prepared, built.manifest, disk)
        } catch {
            await sweep(prepared.root, disk, log)
            throw error
        }
        let kept = landed.count { $0 }
        if kept > 0 {
            log.notice(
                "Chunks that are here already are not fetched.", kind: "chunks_kept", .game(built.manifest.game),
                .field("here", kept),
                .field("chunks", landed.count))
        }
        return ChunkWriter(prepared, built: built, landed: landed, disk: disk, log: log)
    }

    // MARK: - Landing

    /// Hashes the chunk where it lies and, only when it is right, writes it. Several may land at once, and one chunk
    /// twice: its bytes are the same.
    package nonisolated func land(_ chunk: Int, _ block: MemoryBlock, count: Int) async throws(ContentError) {
        let (manifest, files, record, log) = (built.manifest, files, record, log)
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
            do throws(StorageError) {
                try record.note(chunk)
            } catch {
                // The download goes on without: what is not recorded is fetched again after a stop.
                log.warning(
                    "The download's record was not written: \(error.sentence).", kind: "record_not_written",
                    .game(manifest.game))
            }
        }
        await note(chunk)
    }

    private func note(_ chunk: Int) {
        landed[chunk] = true
    }

    // MARK: - Ending

    /// Makes every byte durable and then, and only then, writes the sentinel.
    ///
    /// When a sync fails, nothing that landed is believed any more: the next download fetches all of it again.
    package func commit() async throws(ContentError) {
        precondition(landed.allSatisfy { $0 }, "a commit with chunks missing")
        let (root, version, files, record, log) = (root, built.manifest.version, files, record, log)
        try await disk.run { () throws(ContentError) in
            do throws(ContentError) {
                try files.sync()
            } catch {
                do throws(StorageError) {
                    try record.distrust()
                } catch {
                    log.error(
                        "A failed sync was not recorded: \(error.sentence).", kind: "record_not_written",
                        .game(root.game))
                }
                throw error
            }
            try asContent { () throws(StorageError) in try root.writeSentinel(version) }
            // The game is complete from here on; what is left over is only untidy, and the next download sweeps it.
            do throws(StorageError) {
                try root.sweepDownload()
                try root.clearDownloadRecord()
            } catch {
                log.warning(
                    "A download was not swept: \(error.sentence).", kind: "download_not_swept", .game(root.game))
            }
        }
    }

    /// Leaves what landed for the next download, and no sentinel.
    package func abandon() async {
        await ChunkWriter.sweep(root, disk, log)
    }

    private static func sweep(_ root: GameRoot, _ disk: DiskPool, _ log: Log) async {
        await disk.run {
            do throws(StorageError) {
                try root.sweepDownload()
            } catch {
                log.error("A download was not swept: \(error.sentence).", kind: "download_not_swept", .game(root.game))
            }
        }
    }
}
