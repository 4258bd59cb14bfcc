import Fixture
import Model
import TestKit
import Testing
import Unpack

@Suite struct `A frame decoder` {
    private static let header = EntryHeader(kind: .file, path: Array("a/b".utf8), size: 3, mode: 0o755)
    private static let abc: UInt32 = 0x3524_41c2

    private static var stream: [UInt8] {
        (FrameCodec.entry(header) ?? []) + FrameCodec.dataHeader(count: 3) + Array("abc".utf8)
            + FrameCodec.entryEnd(checksum: abc) + FrameCodec.progress(consumed: 9)
            + FrameCodec.archiveEnd(entries: 1, bytes: 3)
    }

    /// Frames of `bytes`, fed in pieces, with the data copied out and the sequence checked.
    private func decode(_ bytes: [UInt8], step: Int) throws(FrameFault) -> (frames: [Frame], data: [UInt8]) {
        var decoder = FrameDecoder()
        var sequence = FrameSequence()
        var frames: [Frame] = []
        var data: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let count = decoder.fill { buffer in
                let count = min(step, buffer.count, bytes.count - start)
                buffer.copyBytes(from: bytes[start..<start + count])
                return count
            }
            start += count
            while let frame = try decoder.next() {
                if case .data(let range) = frame {
                    try decoder.withData(range) { run throws(FrameFault) in
                        try sequence.accept(data: run)
                        data += Array(run)
                    }
                    continue
                }
                _ = try sequence.accept(frame)
                frames.append(frame)
            }
        }
        try sequence.finish(pending: decoder.pending)
        return (frames, data)
    }

    @Test func `gives back what was encoded, whatever the pieces are`() throws {
        for step in [1, 2, 5, 6, 100_000] {
            let (frames, data) = try decode(Self.stream, step: step)
            #expect(
                frames == [
                    .entry(Self.header), .entryEnd(checksum: Self.abc), .progress(consumed: 9),
                    .archiveEnd(entries: 1, bytes: 3),
                ])
            #expect(data == Array("abc".utf8))
        }
    }

    @Test func `refuses a frame that claims four gibibytes from its header`() {
        #expect(throws: FrameFault.tooLong(4_294_967_295)) { try decode([2, 255, 255, 255, 255], step: 5) }
        let limit = UInt32(Limits.helperFrameBytes)
        #expect(throws: FrameFault.tooLong(Int(limit) + 1)) {
            try decode([2] + withUnsafeBytes(of: (limit + 1).bigEndian) { Array($0) }, step: 5)
        }
    }

    @Test func `takes a data frame of exactly the limit`() throws {
        let count = Limits.helperFrameBytes
        let header = EntryHeader(kind: .file, path: [65], size: UInt64(count))
        let stream =
            (FrameCodec.entry(header) ?? []) + FrameCodec.dataHeader(count: count)
            + [UInt8](repeating: 7, count: count)
        // No end follows, so it is the missing end that is told and nothing before.
        #expect(throws: FrameFault.endMissing) { try decode(stream, step: 50_000) }
    }

    @Test func `refuses unknown kinds, empty data and payloads with more in them`() {
        #expect(throws: FrameFault.unknownKind(9)) { try decode([9, 0, 0, 0, 0], step: 1) }
        #expect(throws: FrameFault.malformed) { try decode([2, 0, 0, 0, 0], step: 1) }
        #expect(throws: FrameFault.malformed) { try decode([3, 0, 0, 0, 5, 1, 2, 3, 4, 5], step: 1) }
        #expect(throws: FrameFault.malformed) { try decode([1, 0, 0, 0, 1, 1], step: 1) }
    }

    @Test func `wants the order, the sizes, the sums and the totals`() {
        let begin = FrameCodec.entry(Self.header) ?? []
        let data = FrameCodec.dataHeader(count: 3) + Array("abc".utf8)
        let end = FrameCodec.entryEnd(checksum: Self.abc)
        let finish = FrameCodec.archiveEnd(entries: 1, bytes: 3)
        let cases: [([UInt8], FrameFault)] = [
            (data, .misplaced), (end, .misplaced), (begin + begin, .misplaced), (begin + finish, .misplaced),
            (begin + end, .wrongSize), (begin + data + data, .wrongSize),
            (begin + data + FrameCodec.entryEnd(checksum: 1), .wrongChecksum),
            (begin + data + end + FrameCodec.archiveEnd(entries: 2, bytes: 3), .wrongTotals),
            (begin + data + end + FrameCodec.archiveEnd(entries: 1, bytes: 4), .wrongTotals),
            (begin + data + end + finish + finish, .misplaced),
            (begin + data + end + finish + FrameCodec.refusal("late"), .misplaced),
            (begin + data + end, .endMissing), ([], .endMissing), (Self.stream + [1], .endMissing),
        ]
        for (bytes, fault) in cases {
            #expect(throws: fault) { try decode(bytes, step: 7) }
        }
    }

    @Test func `gives frames or a fault for any bytes`() {
        var random = SplitMix(state: TestSeed.value)
        var faults = 0
        for _ in 0..<3_000 {
            var bytes = Self.stream
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do { _ = try decode(bytes, step: Int.random(in: 1...40, using: &random)) } catch { faults += 1 }
        }
        #expect(faults > 1_000, "seed \(TestSeed.value)")
    }

    @Test func `escapes and cuts what a refusal says`() throws {
        let frames = try decode(FrameCodec.refusal("bad\u{1b}[2J" + String(repeating: "x", count: 2_000)), step: 99)
            .frames
        guard case .refusal(let text)? = frames.first else { return #expect(Bool(false), "no refusal") }
        #expect(text.hasPrefix("bad\\u{1b}[2J"))
        #expect(text.utf8.count <= Limits.helperRefusalBytes + 3)
    }
}
