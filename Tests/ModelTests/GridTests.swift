import Model
import Runtime
import TestKit
import Testing

@Suite struct `A grid` {
    private static let chunk = UInt64(Grid.chunkBytes)

    private func grid(_ sizes: [UInt64]) throws -> Grid { try #require(Grid(sizes: sizes)) }

    @Test func `has no chunk for empty files`() throws {
        let grid = try grid([0, 0])
        #expect(grid.chunkCount == 0)
        #expect(grid.totalBytes == 0)
    }

    @Test func `gives a large file its own run and packs the small ones after all runs`() throws {
        let chunk = Self.chunk
        let grid = try grid([10, chunk + 1, 0, chunk, 20, chunk - 30])
        #expect(grid.chunkCount == 4)
        #expect(grid.spans(of: 0) == [ChunkSpan(file: 1, offset: 0, count: Grid.chunkBytes)])
        #expect(grid.spans(of: 1) == [ChunkSpan(file: 1, offset: chunk, count: 1)])
        #expect(grid.spans(of: 2) == [ChunkSpan(file: 3, offset: 0, count: Grid.chunkBytes)])
        #expect(
            grid.spans(of: 3) == [
                ChunkSpan(file: 0, offset: 0, count: 10), ChunkSpan(file: 4, offset: 0, count: 20),
                ChunkSpan(file: 5, offset: 0, count: Grid.chunkBytes - 30),
            ])
    }

    @Test func `cuts a small file that straddles two chunks`() throws {
        let grid = try grid([Self.chunk - 1, 3, Self.chunk - 2])
        #expect(grid.chunkCount == 2)
        #expect(grid.spans(of: 0).last == ChunkSpan(file: 1, offset: 0, count: 1))
        #expect(grid.spans(of: 1).first == ChunkSpan(file: 1, offset: 1, count: 2))
        #expect(grid.byteCount(of: 1) == Grid.chunkBytes)
    }

    @Test(arguments: InterestingSizes.all) func `counts the chunks of one file of an interesting size`(
        _ size: Int
    ) throws {
        let grid = try grid([UInt64(size)])
        #expect(grid.chunkCount == (size + Grid.chunkBytes - 1) / Grid.chunkBytes)
        #expect(grid.totalBytes == UInt64(size))
    }

    @Test func `covers every byte of every file once, whatever the sizes`() throws {
        let random = TestSeed.random
        for _ in 0..<50 {
            let sizes = (0..<1 + Int(random.uint64() % 40)).map { _ -> UInt64 in
                let interesting = UInt64(
                    InterestingSizes.all[Int(random.uint64() % UInt64(InterestingSizes.all.count))])
                return random.uint64() % 2 == 0 ? interesting : random.uint64() % (2 * Self.chunk)
            }
            let grid = try grid(sizes)
            var covered = [UInt64](repeating: 0, count: sizes.count)
            for chunk in 0..<grid.chunkCount {
                let spans = grid.spans(of: chunk)
                for span in spans {
                    #expect(span.offset == covered[span.file], "seed \(TestSeed.value)")
                    covered[span.file] += UInt64(span.count)
                }
                #expect(spans.reduce(0) { $0 + $1.count } == grid.byteCount(of: chunk))
                #expect((1...Grid.chunkBytes).contains(grid.byteCount(of: chunk)))
            }
            #expect(covered == sizes, "seed \(TestSeed.value)")
        }
    }

    @Test func `counts beyond 32 bits`() throws {
        let grid = try grid([InterestingSizes.sparse])
        #expect(grid.chunkCount == 1_025)
        #expect(grid.spans(of: 1_024) == [ChunkSpan(file: 0, offset: 4 << 30, count: 5)])
    }

    @Test func `ends at the limit of a game, also where the sizes overflow`() {
        #expect(Grid(sizes: [Limits.gameBytes]) != nil)
        #expect(Grid(sizes: [Limits.gameBytes, 1]) == nil)
        #expect(Grid(sizes: [UInt64.max, UInt64.max]) == nil)
        #expect(Grid(sizes: [UInt64.max]) == nil)
    }
}
