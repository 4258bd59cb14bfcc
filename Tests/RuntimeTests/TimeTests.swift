import Runtime
import TestKit
import Testing

@Suite struct `An instant` {
    private let instant = Instant(nanoseconds: 5_000_000_000)

    @Test func `adds and subtracts durations and stops at the ends of the clock`() {
        #expect(instant + .seconds(2) == Instant(nanoseconds: 7_000_000_000))
        #expect(instant - .seconds(2) == Instant(nanoseconds: 3_000_000_000))
        #expect(instant + .seconds(Int64.max) == .never)
        #expect(instant - .seconds(10) == Instant(nanoseconds: 0))
        #expect(.never + .nanoseconds(1) == Instant.never)
        #expect(instant - Instant(nanoseconds: 1_000_000_000) == .seconds(4))
        #expect(Instant(nanoseconds: 1_000_000_000) - instant == .seconds(-4))
        #expect(Instant.never - Instant(nanoseconds: 0) == .nanoseconds(Int64.max))
    }
}

@Suite struct `Monotonic time` {
    @Test func `sleeps until the instant`() async throws {
        try await within {
            let time = MonotonicTime()
            let end = time.now + .milliseconds(3)
            try await time.sleep(until: end)
            #expect(time.now >= end)
            try await time.sleep(until: Instant(nanoseconds: 0))
        }
    }

    @Test func `stops sleeping when it is cancelled`() async throws {
        try await within {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await MonotonicTime().sleep(for: .seconds(3_600))
                        return false
                    } catch {
                        return true
                    }
                }
                group.cancelAll()
                #expect(await group.next() == true)
            }
        }
    }
}

@Suite struct `A random source` {
    @Test func `repeats itself with its seed`() {
        let (a, b) = (RandomSource(seed: 7), RandomSource(seed: 7))
        #expect((0..<10).map { _ in a.uint64() } == (0..<10).map { _ in b.uint64() })
        #expect(a.bytes(9) == b.bytes(9))
        #expect(RandomSource(seed: 8).uint64() != RandomSource(seed: 7).uint64())
    }

    @Test func `gives as many bytes as asked, and others each time`() {
        #expect(RandomSource.system.bytes(0) == [])
        #expect(RandomSource.system.bytes(32).count == 32)
        #expect(RandomSource.system.bytes(32) != RandomSource.system.bytes(32))
    }

    @Test func `jitters within its share`() {
        let random = TestSeed.random
        for _ in 0..<1_000 {
            let duration = random.jittered(.seconds(10), by: 0.1)
            #expect(duration >= .seconds(9) && duration <= .seconds(11), "seed \(TestSeed.value)")
        }
    }
}
