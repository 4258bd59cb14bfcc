import Glibc
import Linux
import TestKit
import Testing

@testable import Runtime

private struct Full: Error, Equatable {}

/// How many are in a place now, and were at most.
private final class Gauge: Sendable {
    private let state = Locked((now: 0, most: 0))
    var now: Int { state.withLock { $0.now } }
    var most: Int { state.withLock { $0.most } }

    func change(by step: Int) {
        state.withLock { state in
            state.now += step
            state.most = max(state.most, state.now)
        }
    }
}

private actor Worker {
    nonisolated let disk: DiskWorker
    nonisolated var unownedExecutor: UnownedSerialExecutor { disk.asUnownedSerialExecutor() }
    private var count = 0

    init(_ disk: DiskWorker) { self.disk = disk }

    func add() -> Int {
        count += 1
        return disk.isCurrent ? count : -1
    }
}

@Suite struct `A disk pool` {
    @Test func `runs work on its own threads and gives values and errors back`() async throws {
        try await within {
            let pool = try DiskPool(workers: 2)
            let other = try DiskPool(workers: 1)
            let first = await pool.run { KernelThread.current }
            let second = await other.run { KernelThread.current }
            #expect(first != second)
            do throws(Full) {
                _ = try await pool.run { () throws(Full) -> Int in throw Full() }
                Issue.record("nothing was thrown")
            } catch {
                #expect(error == Full())
            }
            pool.stop()
            other.stop()
        }
    }

    @Test func `never runs more at once than it has workers`() async throws {
        try await within {
            let pool = try DiskPool(workers: 3)
            let gauge = Gauge()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        await pool.run {
                            gauge.change(by: 1)
                            // A span must pass: nothing tells of a worker too many that does not come. Too short a
                            // one can only miss the fault, and there are 200 of them.
                            usleep(100)
                            gauge.change(by: -1)
                        }
                    }
                }
            }
            #expect(gauge.now == 0)
            #expect((1...3).contains(gauge.most))
            pool.stop()
        }
    }

    @Test func `takes work in the order in which it came`() throws {
        let queue = try BlockingQueue(name: "test", threads: 1)
        let order = Trace<Int>()
        let blocked = Semaphore()
        queue.add { blocked.wait() }
        for number in 0..<1_000 { queue.add { order.record(number) } }
        blocked.signal()
        queue.stop()
        #expect(order.events == Array(0..<1_000))
    }

    @Test func `finishes what it accepted before it stops`() async throws {
        try await within {
            let pool = try DiskPool(workers: 1)
            let blocked = Semaphore()
            async let first: Void = pool.run { blocked.wait() }
            async let second = pool.run { 2 }
            blocked.signal()
            await first
            #expect(await second == 2)
            pool.stop()
        }
    }

    @Test func `works at idle priority too`() async throws {
        try await within {
            let pool = try DiskPool(workers: 1)
            #expect(await pool.run(isIdle: true) { 3 } == 3)
            pool.stop()
        }
    }
}

@Suite struct `A disk worker` {
    @Test func `is the thread of its actor`() async throws {
        try await within {
            let disk = try DiskWorker()
            let worker = Worker(disk)
            for number in 1...500 { #expect(await worker.add() == number) }
            #expect(!disk.isCurrent)
            disk.stop()
        }
    }
}

@Suite struct `The loops` {
    @Test func `are made and stopped together`() async throws {
        try await within {
            let loops = try Loops(netLoops: 2, diskWorkers: 2)
            #expect(loops.net.count == 2)
            #expect(await loops.disk.run { true })
            loops.stop()
        }
    }
}
