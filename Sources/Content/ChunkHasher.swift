import Crypto
import Model
import Runtime

/// Reads the chunks of a game and hashes them, a few at a time.
struct ChunkHasher: Sendable {
    /// Chunks that are read and hashed at once; a disk is not faster with more.
    private static let parallelChunks = 2

    let disk: DiskPool
    let pool: MemoryPool
    /// Whether its disk accesses wait for everybody else's; asked for each chunk, since somebody may come to wait.
    let isIdle: @Sendable () -> Bool
    /// Bytes that are known and bytes in all.
    let progress: @Sendable (UInt64, UInt64) -> Void

    private struct Hashed {
        let chunk: Int
        let digest: Digest
        let bytes: Int
    }

    /// - Parameters:
    ///   - begun: digests that are known from before, by chunk; empty when there are none.
    ///   - expected: hashing ends at the first chunk that has another digest.
    /// - Returns: a digest for every chunk, or for those that were read until one was not as expected.
    func hash(
        _ reader: ChunkReader, begun: [Digest?], expected: [Digest]?
    ) async throws(ContentError) -> (digests: [Digest?], isAsExpected: Bool) {
        let chunks = reader.grid.chunkCount
        var digests = begun.count == chunks ? begun : [Digest?](repeating: nil, count: chunks)
        var failure: ContentError?
        var isAsExpected = true
        // What was read before counts, so that nobody sees it fall back.
        let known = digests.indices.reduce(UInt64(0)) { sum, chunk in
            digests[chunk] == nil ? sum : sum + UInt64(reader.grid.byteCount(of: chunk))
        }
        await withTaskGroup(of: Result<Hashed, ContentError>.self) { group in
            var next = 0
            var done = known
            func add() {
                while next < chunks, failure == nil, isAsExpected {
                    let chunk = next
                    next += 1
                    if let digest = digests[chunk] {
                        // Known from before: only compared.
                        if let expected, expected[chunk] != digest { isAsExpected = false }
                        continue
                    }
                    group.addTask { await digest(of: chunk, reader) }
                    return
                }
            }
            for _ in 0..<Self.parallelChunks { add() }
            for await result in group {
                switch result {
                case .success(let hashed):
                    digests[hashed.chunk] = hashed.digest
                    if let expected, expected[hashed.chunk] != hashed.digest { isAsExpected = false }
                    done += UInt64(hashed.bytes)
                    progress(done, reader.grid.totalBytes)
                case .failure(let error): failure = failure ?? error
                }
                add()
            }
        }
        if let failure { throw failure }
        return (digests, isAsExpected)
    }

    private func digest(of chunk: Int, _ reader: ChunkReader) async -> Result<Hashed, ContentError> {
        guard let block = try? await pool.acquire() else { return .failure(.cancelled) }
        do {
            return .success(
                try await disk.run(isIdle: isIdle()) { () throws(ContentError) in
                    let count = try reader.readNow(chunk, into: block)
                    return Hashed(
                        chunk: chunk, digest: SHA256.hash(UnsafeRawBufferPointer(block.bytes(count))), bytes: count)
                })
        } catch {
            return .failure(error)
        }
    }
}
