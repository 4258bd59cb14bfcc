import Linux
package import Runtime

/// Runs the tasks and actors of a scenario on the calling thread, one job after the other, in an order that a seed
/// chooses: each wait of the real code is a place where anything else that is ready may come first.
///
/// With nothing ready and the scenario not at its end, somebody waits who is never woken: that is an error too. Sets
/// and dictionaries have another order in each process; SWIFT_DETERMINISTIC_HASHING=1 makes a seed repeat exactly.
package final class ShuffledExecutor: TaskExecutor {
    private enum Item: Sendable {
        case job(UnownedJob)
        /// The next job of the door.
        case blocking
        case work(@Sendable () -> Void)
    }

    package struct Stuck: Error, CustomStringConvertible {
        package let description: String
    }

    private final class Ready: Sendable {
        private let items = Locked<[Item]>([])

        func add(_ item: Item) { items.withLock { $0.append(item) } }

        func take(_ random: RandomSource) -> Item? {
            items.withLock { items in
                guard !items.isEmpty else { return nil }
                items.swapAt(Int(random.uint64() % UInt64(items.count)), items.count - 1)
                return items.removeLast()
            }
        }
    }

    /// For actors that block: the same thread, as an executor of theirs. As a disk thread it keeps the order of its
    /// jobs; only when each comes is left to chance.
    private final class Door: SerialExecutor {
        private let ready: Ready
        private let jobs = Locked<[UnownedJob]>([])

        init(_ ready: Ready) { self.ready = ready }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            jobs.withLock { $0.append(job) }
            ready.add(.blocking)
        }

        func runNext() { jobs.withLock { $0.removeFirst() }.runSynchronously(on: asUnownedSerialExecutor()) }

        func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    }

    private let ready = Ready()
    private let door: Door
    private let random: RandomSource

    package init(seed: UInt64) {
        random = RandomSource(seed: seed)
        door = Door(ready)
    }

    package func enqueue(_ job: consuming ExecutorJob) { ready.add(.job(UnownedJob(job))) }

    package var blocking: any SerialExecutor { door }
    package var disk: DiskPool { DiskPool { [ready] in ready.add(.work($0)) } }

    /// Runs the scenario to its end, and what is ready then; returns how many choices were made.
    package func run(_ scenario: @escaping @Sendable () async throws -> Void) throws -> Int {
        let end = OneShot<Result<Void, any Error>>()
        let task = Task(executorPreference: self) {
            do {
                try await scenario()
                end.give(.success(()))
            } catch {
                end.give(.failure(error))
            }
        }
        var steps = 0
        while let item = ready.take(random) {
            steps += 1
            switch item {
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            case .blocking: door.runNext()
            case .work(let work): work()
            }
        }
        guard let result = end.value else {
            task.cancel()
            throw Stuck(description: "nothing is ready after \(steps) steps, and the scenario has not ended")
        }
        try result.get()
        return steps
    }
}
