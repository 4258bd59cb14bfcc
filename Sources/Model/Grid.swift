/// A run of bytes of one file that belongs to one chunk.
package struct ChunkSpan: Hashable, Sendable {
    /// Index into the manifest's files.
    package let file: Int
    /// Bytes from the start of the file.
    package let offset: UInt64
    /// 1 to `Grid.chunkBytes`.
    package let count: Int

    package init(file: Int, offset: UInt64, count: Int) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}

/// How a game divides into chunks: first the runs of the large files in manifest order, then the small files
/// concatenated in manifest order and cut every 4 MiB. Empty files have no bytes in the grid.
///
/// Thousands of small files so cost few requests, and a large file keeps its chunks when a small one changes.
package struct Grid: Sendable {
    /// 4 MiB: 36 ms of a gigabit line, so a hop per chunk costs nothing and a lost chunk little.
    package static let chunkBytes = 4 << 20

    /// A large file: its first chunk, and its size in bytes.
    private struct Run {
        let file: Int
        let firstChunk: Int
        let size: UInt64
    }

    /// A small file: where it begins in the concatenation.
    private struct Packed {
        let file: Int
        let start: UInt64
        let size: UInt64
    }

    private let runs: [Run]
    private let packed: [Packed]
    private let packedBytes: UInt64
    private let firstPackedChunk: Int
    package let chunkCount: Int
    /// All bytes of all files.
    package let totalBytes: UInt64

    /// Nil when the sizes add up to more than `Limits.gameBytes` or there are more chunks than `Limits.chunks`.
    package init?(sizes: some Sequence<UInt64>) {
        var runs: [Run] = []
        var packed: [Packed] = []
        var chunks = 0
        var packedBytes: UInt64 = 0
        var total: UInt64 = 0
        for (file, size) in sizes.enumerated() {
            let (sum, overflow) = total.addingReportingOverflow(size)
            guard !overflow, sum <= Limits.gameBytes else { return nil }
            total = sum
            if size >= UInt64(Grid.chunkBytes) {
                runs.append(Run(file: file, firstChunk: chunks, size: size))
                chunks += Grid.chunks(of: size)
            } else if size > 0 {
                packed.append(Packed(file: file, start: packedBytes, size: size))
                packedBytes += size
            }
        }
        self.runs = runs
        self.packed = packed
        self.packedBytes = packedBytes
        firstPackedChunk = chunks
        chunkCount = chunks + Grid.chunks(of: packedBytes)
        totalBytes = total
        guard chunkCount <= Limits.chunks else { return nil }
    }

    /// The bytes of `chunk`: 4 MiB but for the last one of a run.
    package func byteCount(of chunk: Int) -> Int {
        spans(of: chunk).reduce(0) { $0 + $1.count }
    }

    /// Where the bytes of `chunk` lie, in order.
    package func spans(of chunk: Int) -> [ChunkSpan] {
        precondition((0..<chunkCount).contains(chunk), "chunk \(chunk) of \(chunkCount)")
        return chunk < firstPackedChunk ? [largeSpan(of: chunk)] : packedSpans(of: chunk - firstPackedChunk)
    }

    private func largeSpan(of chunk: Int) -> ChunkSpan {
        let run = runs[Grid.lastIndex(in: runs) { $0.firstChunk <= chunk }]
        let offset = UInt64(chunk - run.firstChunk) * UInt64(Grid.chunkBytes)
        return ChunkSpan(file: run.file, offset: offset, count: Int(min(UInt64(Grid.chunkBytes), run.size - offset)))
    }

    private func packedSpans(of chunk: Int) -> [ChunkSpan] {
        var position = UInt64(chunk) * UInt64(Grid.chunkBytes)
        let end = min(position + UInt64(Grid.chunkBytes), packedBytes)
        var index = Grid.lastIndex(in: packed) { $0.start <= position }
        var spans: [ChunkSpan] = []
        while position < end {
            let small = packed[index]
            let offset = position - small.start
            let count = min(small.size - offset, end - position)
            spans.append(ChunkSpan(file: small.file, offset: offset, count: Int(count)))
            position += count
            index += 1
        }
        return spans
    }

    private static func chunks(of size: UInt64) -> Int {
        Int((size + UInt64(chunkBytes) - 1) / UInt64(chunkBytes))
    }

    /// The last element for which `holds` is true, where it is true for a prefix that is not empty.
    private static func lastIndex<Element>(in list: [Element], where holds: (Element) -> Bool) -> Int {
        var low = 0
        var high = list.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if holds(list[middle]) { low = middle } else { high = middle }
        }
        return low
    }
}
