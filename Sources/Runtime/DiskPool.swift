package import Linux

/// Work for threads that may block: taken in the order in which it came, by whichever thread is free.
final class BlockingQueue: Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var start = 0
        var isStopping = false
    }

    private let state = Locked(State())
    /// Counts the work that nobody has taken, and one more for each thread that is to end.
    private let semaphore = Semaphore()
    private let threads = Locked<[KernelThread]>([])
    private let threadIDs = Locked<Set<UInt>>([])

    init(name: String, threads count: Int) throws(LinuxError) {
        for index in 0..<max(1, count) {
            let thread = try KernelThread("\(name)-\(index)") { [self] in run() }
            threads.withLock { $0.append(thread) }
        }
    }

    var isCurrent: Bool { threadIDs.withLock { $0.contains(KernelThread.current) } }

    func add(_ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.work.append(work) }
        semaphore.signal()
    }

    /// Ends the threads after all work, and waits for that unless called on one of them.
    func stop() {
        state.withLock { $0.isStopping = true }
        let ended = threads.withLock { threads in
            defer { threads.removeAll() }
            return threads
        }
        let isOwn = isCurrent
        for _ in ended { semaphore.signal() }
        for thread in ended { if isOwn { thread.detach() } else { thread.join() } }
    }

    private func run() {
        _ = threadIDs.withLock { $0.insert(KernelThread.current) }
        while true {
            semaphore.wait()
            let work: (@Sendable () -> Void)? = state.withLock { state in
                guard state.start < state.work.count else { return nil }
                let first = state.work[state.start]
                state.start += 1
                // Moving the rest only once half of the array is gone makes taking constant on average.
                if state.start * 2 >= state.work.count {
                    state.work.removeFirst(state.start)
                    state.start = 0
                }
                return first
            }
            guard let work else { break }
            work()
        }
        _ = threadIDs.withLock { $0.remove(KernelThread.current) }
    }
}

/// A few threads for everything that blocks: files, hashes, scans.
package final class DiskPool: Sendable {
    private let add: @Sendable (@escaping @Sendable () -> Void) -> Void
    /// Nil for a pool whose threads are somebody else's.
    private let queue: BlockingQueue?

    package init(workers: Int) throws(LinuxError) {
        let queue = try BlockingQueue(name: "disk", threads: workers)
        self.queue = queue
        add = { queue.add($0) }
    }

    /// Gives each work to `add`, which runs it at a time of its own: for a simulation, which chooses the order.
    package init(adding add: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        queue = nil
        self.add = add
    }

    /// Runs the work on a disk thread, after what came before it, and returns to where the caller ran. It is never
    /// cancelled in the middle: two calls that belong together stay together.
    ///
    /// - Parameter isIdle: its disk accesses wait for everybody else's.
    package func run<Value: Sendable, Failure: Error>(
        isIdle: Bool = false, _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            add {
                if isIdle { Machine.setIdleDiskPriority(true) }
                let result = Result { () throws(Failure) in try work() }
                if isIdle { Machine.setIdleDiskPriority(false) }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// The same for who cannot wait for ever: nil when `limit` has passed or the task was cancelled before the work was
    /// done. It is done all the same, and nobody hears of it.
    package func run<Value: Sendable>(
        within limit: Duration, on time: any TimeSource, _ work: @escaping @Sendable () -> Value
    ) async -> Value? {
        let outcome = OneShot<Value?>()
        begin { outcome.give(work()) }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cut short when the work is done.
                try? await time.sleep(for: limit)
                outcome.give(nil)
            }
            let value = await outcome.take(orGive: nil)
            group.cancelAll()
            return value
        }
    }

    /// Gives the work to a disk thread and does not wait: for what may hang longer than whoever asks for it.
    package func begin(_ work: @escaping @Sendable () -> Void) {
        add(work)
    }

    /// After the work that is already there.
    package func stop() {
        queue?.stop()
    }
}

/// One disk thread as an executor, for an actor whose every call may block.
package final class DiskWorker: SerialExecutor {
    private let queue: BlockingQueue

    package init(name: String = "database") throws(LinuxError) {
        queue = try BlockingQueue(name: name, threads: 1)
    }

    package var isCurrent: Bool { queue.isCurrent }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.add { job.runSynchronously(on: executor) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isCurrent, "this runs on its disk thread only")
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// After the work that is already there.
    package func stop() {
        queue.stop()
    }
}

/// Every thread of the daemon that is not Swift's own.
package final class Loops: Sendable {
    package let net: [EventLoop]
    /// Avahi's client library blocks on D-Bus, so it never shares a loop.
    package let avahi: EventLoop
    package let disk: DiskPool
    package let database: DiskWorker

    package init(netLoops: Int, diskWorkers: Int) throws(LinuxError) {
        var net: [EventLoop] = []
        for index in 0..<max(1, netLoops) { net.append(try EventLoop(name: "net-\(index)")) }
        self.net = net
        avahi = try EventLoop(name: "avahi")
        disk = try DiskPool(workers: diskWorkers)
        database = try DiskWorker()
    }

    /// The last act: whoever still awaits something of them then waits for ever.
    package func stop() {
        database.stop()
        disk.stop()
        avahi.stop()
        for loop in net { loop.stop() }
    }
}
