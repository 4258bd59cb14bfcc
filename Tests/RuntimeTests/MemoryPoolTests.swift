import Runtime
import TestKit
import Testing

@Suite struct `A memory pool` {
    @Test func `lends no more than its limit, aligned to pages`() {
        let pool = MemoryPool(blockBytes: 10_000, limit: 2)
        let blocks = [pool.tryAcquire(), pool.tryAcquire()]
        #expect(pool.tryAcquire() == nil)
        for block in blocks {
            #expect(block?.capacity == 10_000)
            #expect((block.map { UInt(bitPattern: $0.start) } ?? 1) % 4_096 == 0)
        }
        // An array is let go after its last use, not at the end of its scope.
        withExtendedLifetime(blocks) { #expect(pool.lent == 2) }
    }

    @Test func `lends the block again that came back last`() {
        let pool = MemoryPool(blockBytes: 4_096, limit: 3)
        var (a, b) = (pool.tryAcquire(), pool.tryAcquire())
        let (first, second) = (a?.start, b?.start)
        a = nil
        b = nil
        a = pool.tryAcquire()
        b = pool.tryAcquire()
        #expect(a?.start == second)
        #expect(b?.start == first)
        pool.trim()
        #expect(pool.lent == 2)
    }

    @Test func `gives a block that comes back to the first who waits`() async throws {
        try await within {
            let pool = MemoryPool(blockBytes: 4_096, limit: 1)
            var held = try await pool.acquire() as MemoryBlock?
            let start = held?.start
            let order = Trace<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask {
                        let block = try await pool.acquire()
                        order.record(number)
                        #expect(pool.lent == 1)
                        _ = block.start
                    }
                }
                #expect(held?.start == start)
                held = nil
                try await group.waitForAll()
            }
            #expect(order.events.count == 10)
            #expect(pool.lent == 0)
        }
    }

    @Test func `loses no block when waiting is cancelled`() async throws {
        try await within {
            let pool = MemoryPool(blockBytes: 4_096, limit: 2)
            for _ in 0..<200 {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            do {
                                let block = try await pool.acquire()
                                await Task.yield()
                                _ = block.capacity
                            } catch {}
                        }
                    }
                    await Task.yield()
                    group.cancelAll()
                }
            }
            #expect(pool.lent == 0)
            _ = (try await pool.acquire(), try await pool.acquire())
        }
    }
}

@Suite struct `A share of a memory pool` {
    @Test func `leaves the rest to others however many ask within it`() async throws {
        try await within {
            let pool = MemoryPool(blockBytes: 4_096, limit: 4)
            let slow = MemoryShare(of: pool, limit: 3)
            var held = [try await slow.acquire(), try await slow.acquire(), try await slow.acquire()]
            let waiting = Trace<Int>()
            let fourth = Task {
                let block = try await slow.acquire()
                waiting.record(4)
                return block
            }
            // Whoever has a share of its own is not behind those who wait within theirs.
            let other = MemoryShare(of: pool, limit: 3)
            for _ in 0..<100 { _ = try await other.acquire() }
            #expect(waiting.events.isEmpty && pool.lent == 3)
            held.removeFirst()
            let late = try await fourth.value
            #expect(pool.lent == 3)
            withExtendedLifetime((held, late)) {}
        }
    }

    @Test func `loses no right when waiting is cancelled`() async throws {
        try await within {
            let pool = MemoryPool(blockBytes: 4_096, limit: 4)
            let share = MemoryShare(of: pool, limit: 2)
            for _ in 0..<200 {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 { group.addTask { _ = try? await share.acquire() } }
                    group.cancelAll()
                }
            }
            #expect(pool.lent == 0)
            let both = (try await share.acquire(), try await share.acquire())
            #expect(pool.lent == 2)
            withExtendedLifetime(both) {}
        }
    }
}
