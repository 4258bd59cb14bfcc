package import Linux
import Synchronization

/// Something with descriptors and a deadline that lives on one event loop.
///
/// Touched on that loop's thread only, never while one of its own methods runs.
package protocol EventSource: AnyObject {
    /// The descriptor that was registered is readable, writable or broken.
    func ready(_ events: UInt32)
    /// When `fire` is wanted, in nanoseconds of CLOCK_MONOTONIC; `.max` for never. It is read again after each of the
    /// other methods and after `mark`, and at no other time.
    var deadline: UInt64 { get }
    /// The deadline has passed.
    func fire(_ now: UInt64)
    /// Comes at the end of a turn in which this source was ready, fired or marked; returns whether there is more to do
    /// at once, in the next turn.
    func flush(_ now: UInt64) -> Bool
}

/// A thread that waits for descriptors and deadlines and is the executor of the actors pinned to it.
///
/// One turn: jobs, one look at epoll, deadlines, flushes, each bounded. A loop with nothing to do sleeps for ever:
/// there is no tick. `stop` is the last thing that happens to it; what is enqueued later never runs.
package final class EventLoop: SerialExecutor, @unchecked Sendable {
    package static var readable: UInt32 { Epoll.readable }
    package static var writable: UInt32 { Epoll.writable }

    /// A turn runs so many jobs and closures before it looks at the descriptors again.
    private static let jobsPerTurn = 1_024
    private static let eventsPerTurn = 64
    private static let wakeTag = UInt64.max

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        var isSignalled = false
        var marksAll = false
        var isStopping = false
    }

    /// One registration; the generation tells an event of an old one, fetched in the same turn, from its successor's.
    private struct Slot {
        var source: (any EventSource)?
        var deadline = UInt64.max
        var isMarked = false
        var generation: UInt32 = 0
    }

    private let inbox = Locked(Inbox())
    private let epoll: Epoll
    private let counter: EventCounter
    /// Of the loop's thread; 0 before it runs. Other threads only compare it with their own, so a stale 0 is right too.
    private let threadID = Atomic<UInt>(0)
    private let thread = Locked<KernelThread?>(nil)

    // Below: touched on the loop's thread only, which is what makes this class safe to share.
    private var local: [Work] = []
    private var localStart = 0
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var marked: [Int] = []
    /// How often the loop came round, for metrics; an idle one stands still.
    package private(set) var turns: UInt64 = 0
    private let events = Epoll.Events(capacity: eventsPerTurn)

    package init(name: String = "loop") throws(LinuxError) {
        epoll = try Epoll()
        counter = try EventCounter()
        try epoll.add(counter.descriptor.rawValue, events: Epoll.readable, tag: Self.wakeTag)
        let made = try KernelThread(name) { [self] in
            threadID.store(KernelThread.current, ordering: .relaxed)
            run()
        }
        thread.withLock { $0 = made }
    }

    package var isCurrent: Bool { threadID.load(ordering: .relaxed) == KernelThread.current }

    // MARK: - Any thread

    package func enqueue(_ job: consuming ExecutorJob) {
        add(.job(UnownedJob(job)))
    }

    /// Runs a closure on the loop's thread, after what was given to it before.
    package func perform(_ closure: @escaping @Sendable () -> Void) {
        add(.closure(closure))
    }

    /// Makes every source flush soon.
    package func wake() {
        signal { $0.marksAll = true }
    }

    /// Ends the thread after the work that is already there, and waits for that unless called on the thread itself.
    package func stop() {
        signal { $0.isStopping = true }
        let ended = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if isCurrent { ended?.detach() } else { ended?.join() }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isCurrent, "this runs on the thread of its event loop only")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func add(_ work: Work) {
        if isCurrent {
            local.append(work)
        } else {
            signal { $0.work.append(work) }
        }
    }

    private func signal(_ change: (inout Inbox) -> Void) {
        let mustSignal = inbox.withLock { inbox in
            change(&inbox)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        if mustSignal { counter.signal() }
    }

    // MARK: - The loop's thread

    /// Returns the number that the other calls take. A source without a descriptor gives -1.
    package func register(_ source: any EventSource, fd: Int32, events: UInt32) -> Int {
        checkIsolated()
        let id: Int
        if let free = freeSlots.popLast() {
            id = free
        } else {
            id = slots.count
            slots.append(Slot())
        }
        slots[id].source = source
        slots[id].deadline = source.deadline
        slots[id].isMarked = false
        if fd >= 0 { control("add") { () throws(LinuxError) in try epoll.add(fd, events: events, tag: tag(id)) } }
        return id
    }

    package func modify(_ id: Int, fd: Int32, events: UInt32) {
        checkIsolated()
        control("modify") { () throws(LinuxError) in try epoll.modify(fd, events: events, tag: tag(id)) }
    }

    /// Before the descriptor is closed.
    package func unregister(_ id: Int, fd: Int32) {
        checkIsolated()
        precondition(slots[id].source != nil, "a source is unregistered once")
        if fd >= 0 { control("remove") { () throws(LinuxError) in try epoll.remove(fd) } }
        let generation = slots[id].generation &+ 1
        slots[id] = Slot(generation: generation)
        freeSlots.append(id)
    }

    /// Asks for a flush at the end of this turn, and for the deadline to be read again.
    package func mark(_ id: Int) {
        checkIsolated()
        guard slots[id].source != nil, !slots[id].isMarked else { return }
        slots[id].isMarked = true
        marked.append(id)
    }

    private func tag(_ id: Int) -> UInt64 {
        UInt64(slots[id].generation) << 32 | UInt64(id)
    }

    /// Only a descriptor that is closed, foreign or registered twice fails here: a bug of ours.
    private func control(_ what: String, _ body: () throws(LinuxError) -> Void) {
        do {
            try body()
        } catch {
            preconditionFailure("a source could not be \(what)ed: \(error.text)")
        }
    }

    // MARK: - Turning

    private func run() {
        while true {
            turns += 1
            runWork()
            let isBusy = localStart < local.count || !marked.isEmpty
            receiveEvents(wait: isBusy ? 0 : timeToDeadline())
            if drainInbox() { break }
            runWork()
            flushMarked()
        }
        // What came before the stop is done; nobody may wait for ever for a job that was accepted.
        while localStart < local.count { runWork() }
    }

    private func timeToDeadline() -> UInt64 {
        var first = UInt64.max
        for slot in slots where slot.deadline < first { first = slot.deadline }
        if first == .max { return .max }
        let now = Machine.monotonicNanoseconds()
        return first > now ? first - now : 0
    }

    private func receiveEvents(wait: UInt64) {
        let count = epoll.wait(events, nanoseconds: wait)
        for index in 0..<count {
            let tag = events.tag(index)
            if tag == Self.wakeTag { continue }
            let id = Int(tag & 0xffff_ffff)
            guard slots[id].generation == UInt32(tag >> 32), let source = slots[id].source else { continue }
            source.ready(events.events(index))
            mark(id)
        }
    }

    /// Returns whether the loop was told to stop.
    private func drainInbox() -> Bool {
        let (marksAll, isStopping) = inbox.withLock { inbox in
            if inbox.isSignalled {
                counter.drain()
                inbox.isSignalled = false
            }
            if local.isEmpty { swap(&local, &inbox.work) } else { local += inbox.work }
            inbox.work.removeAll(keepingCapacity: true)
            defer { inbox.marksAll = false }
            return (inbox.marksAll, inbox.isStopping)
        }
        if marksAll { for id in slots.indices { mark(id) } }
        return isStopping
    }

    private func runWork() {
        let executor = asUnownedSerialExecutor()
        var left = Self.jobsPerTurn
        while localStart < local.count, left > 0 {
            let work = local[localStart]
            localStart += 1
            left -= 1
            switch work {
            case .job(let job): job.runSynchronously(on: executor)
            case .closure(let closure): closure()
            }
        }
        guard localStart == local.count else { return }
        // Released while `local` is not being changed: a closure may hold the last reference to something whose
        // `deinit` gives work to this loop.
        var done: [Work] = []
        swap(&local, &done)
        localStart = 0
        done.removeAll(keepingCapacity: true)
        if local.isEmpty { swap(&local, &done) }
    }

    private func flushMarked() {
        let now = Machine.monotonicNanoseconds()
        for id in slots.indices where slots[id].deadline <= now {
            guard let source = slots[id].source else { continue }
            source.fire(now)
            mark(id)
        }
        if marked.isEmpty { return }
        let turn = marked
        marked.removeAll(keepingCapacity: true)
        for id in turn where slots[id].isMarked {
            slots[id].isMarked = false
            guard let source = slots[id].source else { continue }
            let generation = slots[id].generation
            let hasMore = source.flush(now)
            guard slots[id].generation == generation else { continue }
            slots[id].deadline = source.deadline
            if hasMore { mark(id) }
        }
    }
}
