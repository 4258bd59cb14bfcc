import Quic
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `A stream` {
    @Test func `carries bytes both ways and ends in order`() async throws {
        try await within {
            let pair = try await Pair()
            let (ours, theirs) = try await pair.stream()
            async let echo: Void = {
                while let bytes = try await theirs.read(upTo: 1_000) { try await theirs.write(bytes) }
                try await theirs.write([], end: true)
            }()
            let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
            async let writing: Void = ours.write(sent, end: true)
            #expect(try await ours.read(exactly: sent.count) == sent)
            #expect(try await ours.read(upTo: 1) == nil)
            try await writing
            try await echo
        }
    }

    @Test func `can be opened by either side`() async throws {
        try await within {
            let pair = try await Pair()
            let ours = try await pair.accepted.openStream()
            try await ours.write([9], end: true)
            var inbound = pair.dialled.inbound.makeAsyncIterator()
            let theirs = try #require(await inbound.next())
            #expect(try await theirs.read(exactly: 1) == [9])
        }
    }

    @Test func `fills blocks byte for byte`() async throws {
        try await within(.seconds(30)) {
            let pair = try await Pair()
            let (ours, theirs) = try await pair.stream()
            let chunk = 4 << 20
            let count = 16
            let pool = MemoryPool(blockBytes: chunk, limit: 4)
            async let sending: Void = {
                for number in 0..<count {
                    let block = try await pool.acquire()
                    fill(block, number)
                    try await theirs.write(block, count: chunk, end: number == count - 1)
                }
            }()
            let place = MemoryPool(blockBytes: chunk, limit: 1)
            for number in 0..<count {
                let block = try await place.acquire()
                // In two pieces that are not whole pages.
                try await ours.read(into: block, count: 1_000_001)
                try await ours.read(into: block, at: 1_000_001, count: chunk - 1_000_001)
                #expect(isFilled(block, number))
            }
            #expect(try await ours.read(upTo: 1) == nil)
            try await sending
            // Everything was acknowledged, so every block came back.
            try await eventually { pool.lent == 0 }
        }
    }

    @Test func `holds a writer back while nobody reads`() async throws {
        try await within(.seconds(20)) {
            let pair = try await Pair()
            let (ours, theirs) = try await pair.stream()
            let (ping, pong) = try await pair.stream()
            let written = Count()
            let bytes = [UInt8](repeating: 3, count: 256 << 10)
            let total = 32
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<total {
                        try await theirs.write(bytes)
                        written.increment()
                    }
                }
                // Time for 200 round trips: far more than the writer needs to run away.
                try await roundTrips(200, ping, pong)
                // The window of 1 MiB.
                #expect(written.value == 4)
                _ = try await ours.read(exactly: total * bytes.count)
                try await group.waitForAll()
            }
        }
    }

    @Test func `does not starve its connection by what was dropped`() async throws {
        try await within(.seconds(30)) {
            let pair = try await Pair(client: { $0.connectionWindowBytes = 2 << 20 })
            let bytes = [UInt8](repeating: 3, count: 1 << 20)
            // Eight windows' worth dies unread; the ninth must still come through.
            for _ in 0..<16 {
                let (ours, theirs) = try await pair.stream()
                try await theirs.write(bytes)
                _ = try await ours.read(exactly: 1)
                ours.reset(code: 1)
                await #expect(throws: QuicError.streamReset(code: 1)) { try await theirs.read(exactly: 1) }
            }
            let (ours, theirs) = try await pair.stream()
            async let sending: Void = theirs.write(bytes + bytes + bytes, end: true)
            #expect(try await ours.read(exactly: 3 << 20).count == 3 << 20)
            try await sending
        }
    }

    @Test func `that is reset wakes readers and writers on both sides`() async throws {
        try await within {
            let pair = try await Pair()
            let (ours, theirs) = try await pair.stream()
            let (blocked, full) = try await pair.stream()
            let bytes = [UInt8](repeating: 0, count: 8 << 20)
            let reset = QuicError.streamReset(code: 77)
            async let reading = #expect(throws: reset) { try await ours.read(exactly: 1) }
            async let farReading = #expect(throws: reset) { try await theirs.read(exactly: 1) }
            async let writing = #expect(throws: reset) { try await blocked.write(bytes) }
            try await eventually { await pair.client.server.pathCounters().bytesSent > 16_000 }
            theirs.reset(code: 77)
            full.reset(code: 77)
            _ = await (reading, farReading, writing)
            await #expect(throws: reset) { try await theirs.write([1]) }
            // The connection goes on.
            let (next, far) = try await pair.stream()
            try await next.write([4], end: true)
            #expect(try await far.read(exactly: 1) == [4])
        }
    }

    @Test func `is reset when a waiting task is cancelled`() async throws {
        try await within {
            let pair = try await Pair()
            let pool = MemoryPool(blockBytes: 1 << 20, limit: 1)
            let (ours, theirs) = try await pair.stream()
            let block = try await pool.acquire()
            let reading = Task { try await ours.read(into: block, count: 1 << 20) }
            try await theirs.write([1, 2, 3])
            reading.cancel()
            await #expect(throws: QuicError.cancelled) { try await reading.value }
            await #expect(throws: QuicError.streamReset(code: 0)) { try await theirs.read(exactly: 1) }

            let (more, far) = try await pair.stream()
            let writing = Task { try await more.write([UInt8](repeating: 0, count: 8 << 20)) }
            _ = try await far.read(exactly: 1)
            writing.cancel()
            await #expect(throws: QuicError.cancelled) { try await writing.value }
            await #expect(throws: QuicError.streamReset(code: 0)) { try await far.read(exactly: 8 << 20) }
        }
    }

    @Test func `says that it ended early`() async throws {
        try await within {
            let pair = try await Pair()
            let pool = MemoryPool(blockBytes: 100, limit: 1)
            let (ours, theirs) = try await pair.stream()
            try await theirs.write([1, 2, 3], end: true)
            let block = try await pool.acquire()
            await #expect(throws: QuicError.endedEarly) { try await ours.read(into: block, count: 4) }
            let (again, far) = try await pair.stream()
            try await far.write([1, 2, 3], end: true)
            await #expect(throws: QuicError.endedEarly) { try await again.read(exactly: 4) }
        }
    }

    @Test func `delivers what was ended even when its handle is dropped`() async throws {
        try await within {
            let pair = try await Pair()
            // Less than the window, so that nobody has to read for it to be sent.
            let bytes = [UInt8](repeating: 8, count: 500 << 10)
            let ours = try await pair.dialled.openStream()
            let (ping, pong) = try await pair.stream()
            // The request is not ended: only that half is given up.
            try await ours.write([1])
            do {
                var inbound = pair.accepted.inbound.makeAsyncIterator()
                let theirs = try #require(await inbound.next())
                try await theirs.write(bytes, end: true)
            }
            // A reset would have overtaken the bytes that nobody has read yet.
            try await roundTrips(50, ping, pong)
            #expect(try await ours.read(exactly: bytes.count) == bytes)
            #expect(try await ours.read(upTo: 1) == nil)
        }
    }

    @Test func `that is dropped unfinished is reset`() async throws {
        try await within {
            let pair = try await Pair()
            do {
                let ours = try await pair.dialled.openStream()
                try await ours.write([1])
            }
            var inbound = pair.accepted.inbound.makeAsyncIterator()
            let theirs = try #require(await inbound.next())
            await #expect(throws: QuicError.streamReset(code: 0)) { try await theirs.read(exactly: 2) }
        }
    }

    @Test func `waits for its turn when the peer allows no more`() async throws {
        try await within {
            let pair = try await Pair(server: { $0.streamsPerConnection = 2 })
            let (first, farFirst) = try await pair.stream()
            let (second, farSecond) = try await pair.stream()
            let opened = Count()
            let third = Task {
                let stream = try await pair.dialled.openStream()
                opened.increment()
                return stream
            }
            let cancelled = Task { try await pair.dialled.openStream() }
            cancelled.cancel()
            await #expect(throws: QuicError.cancelled) { try await cancelled.value }
            // Ended on both sides, but not yet read: the peer keeps its slot until it is.
            try await first.write([7], end: true)
            try await farFirst.write([], end: true)
            #expect(try await first.read(upTo: 1) == nil)
            try await roundTrips(50, second, farSecond)
            #expect(opened.value == 0)
            #expect(try await farFirst.read(exactly: 1) == [7])
            #expect(try await farFirst.read(upTo: 1) == nil)
            #expect(try await third.value.id == 8)
        }
    }

    @Test func `keeps to the rate`() async throws {
        try await within {
            let pair = try await Pair(server: { $0.sendBytesPerSecond = 8 << 20 })
            let (ours, theirs) = try await pair.stream()
            let clock = ContinuousClock()
            let start = clock.now
            async let sending: Void = theirs.write([UInt8](repeating: 1, count: 2 << 20), end: true)
            _ = try await ours.read(exactly: 2 << 20)
            try await sending
            // 2 MiB at 8 MiB/s less one burst of 64 KiB.
            #expect(clock.now - start > .milliseconds(230))
        }
    }
}

private final class Count: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.add(1, ordering: .relaxed) }
}

/// Time in which the other streams could have done what they must not.
private func roundTrips(_ count: Int, _ ping: QuicStream, _ pong: QuicStream) async throws {
    for _ in 0..<count {
        try await ping.write([1])
        _ = try await pong.read(exactly: 1)
        try await pong.write([2])
        _ = try await ping.read(exactly: 1)
    }
}
