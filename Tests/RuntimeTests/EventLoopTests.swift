import Linux
import Runtime
import Synchronization
import TestKit
import Testing

/// Pinned to a loop; says on which thread it runs.
private actor Pinned {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var count = 0

    init(_ loop: EventLoop) { self.loop = loop }

    func isHome() -> Bool { loop.isCurrent }

    func add() -> Int {
        count += 1
        return count
    }

    nonisolated func fromCallback() { assumeIsolated { $0.count += 100 } }
    func callBack() -> Int {
        fromCallback()
        return count
    }
}

/// Tells the test what the loop does with it.
private final class Probe: EventSource, @unchecked Sendable {
    let trace = Trace<String>()
    var deadline = UInt64.max
    var flushesLeft = 0
    var id = -1
    let counter: EventCounter

    init() throws { counter = try EventCounter() }

    func ready(_ events: UInt32) {
        counter.drain()
        trace.record("ready")
    }

    func fire(_ now: UInt64) {
        trace.record(now >= deadline ? "fire" : "fire too early")
        deadline = .max
    }

    func flush(_ now: UInt64) -> Bool {
        trace.record("flush")
        flushesLeft -= 1
        return flushesLeft > 0
    }
}

extension EventLoop {
    /// Runs a closure on the loop and waits for it.
    fileprivate func done<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        let shot = OneShot<Value>()
        perform { shot.give(body()) }
        return await shot.take()
    }
}

@Suite struct `An event loop` {
    @Test func `is the thread of its actors`() async throws {
        try await within {
            let loop = try EventLoop()
            let (a, b) = (Pinned(loop), Pinned(loop))
            #expect(await a.isHome())
            #expect(!loop.isCurrent)
            for _ in 0..<1_000 { _ = await a.add() }
            #expect(await a.callBack() == 1_100)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3_000 { group.addTask { _ = await b.add() } }
            }
            #expect(await b.add() == 3_001)
            loop.stop()
        }
    }

    @Test func `tells a source that it is ready and flushes it then`() async throws {
        try await within {
            let loop = try EventLoop()
            let probe = try Probe()
            await loop.done {
                probe.id = loop.register(probe, fd: probe.counter.descriptor.rawValue, events: EventLoop.readable)
            }
            #expect(probe.trace.events == [])
            probe.counter.signal()
            #expect(await probe.trace.wait(count: 2) == ["ready", "flush"])
            await loop.done { loop.unregister(probe.id, fd: probe.counter.descriptor.rawValue) }
            loop.stop()
        }
    }

    @Test func `flushes only what was marked, as long as it has more`() async throws {
        try await within {
            let loop = try EventLoop()
            let (busy, idle) = (try Probe(), try Probe())
            await loop.done {
                busy.id = loop.register(busy, fd: -1, events: 0)
                idle.id = loop.register(idle, fd: -1, events: 0)
                busy.flushesLeft = 3
                loop.mark(busy.id)
                loop.mark(busy.id)
            }
            #expect(await busy.trace.wait(count: 3) == ["flush", "flush", "flush"])
            _ = await loop.done { true }
            #expect(busy.trace.events.count == 3)
            #expect(idle.trace.events == [])
            loop.wake()
            #expect(await idle.trace.wait(count: 1) == ["flush"])
            loop.stop()
        }
    }

    @Test func `fires at a deadline, not before, and once`() async throws {
        try await within {
            let loop = try EventLoop()
            let probe = try Probe()
            await loop.done {
                probe.deadline = Machine.monotonicNanoseconds() + 5_000_000
                probe.id = loop.register(probe, fd: -1, events: 0)
            }
            // Turns before the deadline must not count as it.
            while probe.trace.events.isEmpty { _ = await loop.done { true } }
            #expect(await probe.trace.wait(count: 2) == ["fire", "flush"])
            await loop.done {
                probe.deadline = Machine.monotonicNanoseconds() + 5_000_000
                loop.mark(probe.id)
            }
            #expect(await probe.trace.wait(count: 5) == ["fire", "flush", "flush", "fire", "flush"])
            loop.stop()
        }
    }

    @Test func `does not give an old event to a new source`() async throws {
        try await within {
            let loop = try EventLoop()
            let fresh = try Probe()
            let told = Trace<Int>()
            let rivals = [try Rival(1, loop, fresh, told), try Rival(2, loop, fresh, told)]
            await loop.done {
                for (rival, other) in [(rivals[0], rivals[1]), (rivals[1], rivals[0])] {
                    rival.other = other
                    rival.id = loop.register(rival, fd: rival.fd, events: EventLoop.readable)
                }
                // Ready in the same look: whoever is told first gives the other's place to the fresh one.
                for rival in rivals { rival.counter.signal() }
            }
            await told.wait(count: 1)
            _ = await loop.done { true }
            #expect(told.events.count == 1)
            #expect(!fresh.trace.events.contains("ready"))
            await loop.done { for rival in rivals { rival.other = nil } }
            loop.stop()
        }
    }

    @Test func `does what it accepted before it stops`() async throws {
        try await within {
            let loop = try EventLoop()
            let count = Trace<Int>()
            for number in 0..<5_000 { loop.perform { count.record(number) } }
            loop.stop()
            #expect(count.events == Array(0..<5_000))
        }
    }

    @Test func `does not wake up when it has nothing to do`() async throws {
        try await within {
            let loop = try EventLoop(name: "idle-loop")
            let probe = try Probe()
            await loop.done { probe.id = loop.register(probe, fd: -1, events: 0) }
            let before = await loop.done { loop.turns }
            // A span must pass: the claim is about real time, and no event tells that nothing happened. A tick would
            // show in it; a busy machine can only make it longer, and an idle loop does not turn in that either.
            try await MonotonicTime().sleep(for: .milliseconds(100))
            let after = await loop.done { loop.turns }
            #expect(after - before <= 3)
            loop.stop()
        }
    }
}

/// Gives the place of its rival to a fresh source when it is told first.
private final class Rival: EventSource, @unchecked Sendable {
    let counter: EventCounter
    var fd: Int32 { counter.descriptor.rawValue }
    var id = -1
    var other: Rival?
    private let number: Int
    private let loop: EventLoop
    private let fresh: Probe
    private let told: Trace<Int>

    init(_ number: Int, _ loop: EventLoop, _ fresh: Probe, _ told: Trace<Int>) throws {
        counter = try EventCounter()
        self.number = number
        self.loop = loop
        self.fresh = fresh
        self.told = told
    }

    let deadline = UInt64.max
    func fire(_ now: UInt64) {}
    func flush(_ now: UInt64) -> Bool { false }

    func ready(_ events: UInt32) {
        counter.drain()
        guard let other else { return }
        loop.unregister(other.id, fd: other.fd)
        fresh.id = loop.register(fresh, fd: fresh.counter.descriptor.rawValue, events: EventLoop.readable)
        #expect(fresh.id == other.id)
        told.record(number)
    }
}
