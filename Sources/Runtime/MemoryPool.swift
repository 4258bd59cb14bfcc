import Linux

/// A block of memory on loan; it goes back to its pool when the last reference goes.
///
/// Shared by hand: one side writes, then hands it on. Nothing here keeps two threads from touching the same bytes.
package final class MemoryBlock: @unchecked Sendable {
    package let start: UnsafeMutableRawPointer
    package let capacity: Int
    private let pool: MemoryPool
    /// Goes with the block; set before anybody else has it.
    fileprivate var permit: AnyObject?

    fileprivate init(start: UnsafeMutableRawPointer, capacity: Int, pool: MemoryPool) {
        self.start = start
        self.capacity = capacity
        self.pool = pool
    }

    deinit {
        pool.takeBack(start)
    }

    package func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(count >= 0 && count <= capacity, "\(count) bytes of a block of \(capacity)")
        return UnsafeMutableRawBufferPointer(start: start, count: count)
    }
}

/// A bounded number of equal blocks: what is on its way is never more than the pool holds.
///
/// The block that came back last goes out first, while its bytes are still in the processor's caches.
package final class MemoryPool: Sendable {
    private struct State: @unchecked Sendable {
        /// Owned by the pool while they lie here; @unchecked for these pointers, which only the lock reaches.
        var free: [UnsafeMutableRawPointer] = []
        var lent = 0
        var waiting: [OneShot<MemoryBlock?>] = []
    }

    /// Blocks are written to files and sockets: whole pages.
    private static let alignment = 4_096

    package let blockBytes: Int
    package let limit: Int
    private let state = Locked(State())

    package init(blockBytes: Int, limit: Int) {
        precondition(blockBytes > 0 && limit > 0, "a pool that lends nothing")
        self.blockBytes = blockBytes
        self.limit = limit
    }

    deinit {
        // No block is lent: each holds its pool.
        state.withLock { state in for block in state.free { block.deallocate() } }
    }

    /// In the order of asking, behind those who wait already.
    package func acquire() async throws(CancellationError) -> MemoryBlock {
        if Task.isCancelled { throw CancellationError() }
        let shot = OneShot<MemoryBlock?>()
        let start: UnsafeMutableRawPointer? = state.withLock { state in
            if let start = take(&state) { return start }
            state.waiting.append(shot)
            return nil
        }
        if let start { return MemoryBlock(start: start, capacity: blockBytes, pool: self) }
        guard let block = await shot.take(orGive: nil) else {
            state.withLock { $0.waiting.removeAll { $0 === shot } }
            throw CancellationError()
        }
        return block
    }

    /// Nil when all are lent.
    package func tryAcquire() -> MemoryBlock? {
        guard let start = state.withLock({ take(&$0) }) else { return nil }
        return MemoryBlock(start: start, capacity: blockBytes, pool: self)
    }

    /// Gives the memory of idle blocks back to the system, for the quiet after the work.
    package func trim() {
        let idle = state.withLock { state in
            defer { state.free.removeAll() }
            return state.free.map { UInt(bitPattern: $0) }
        }
        for block in idle { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
    }

    /// How many are lent now.
    package var lent: Int { state.withLock { $0.lent } }

    private func take(_ state: inout State) -> UnsafeMutableRawPointer? {
        // Nobody is overtaken: while somebody waits, every block is lent.
        guard state.lent < limit else { return nil }
        state.lent += 1
        return state.free.popLast() ?? .allocate(byteCount: blockBytes, alignment: Self.alignment)
    }

    fileprivate func takeBack(_ start: UnsafeMutableRawPointer) {
        // A waiter that was cancelled refuses the block; its refusal must not end in this function again, so the next
        // one is asked with the same pointer and the wrapping happens outside the lock.
        while true {
            let next: OneShot<MemoryBlock?>? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.free.append(start)
                    state.lent -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            if next.value != nil { continue }
            // Between the look and the giving it may be cancelled after all: then the new block comes back by itself.
            next.give(MemoryBlock(start: start, capacity: blockBytes, pool: self))
            return
        }
    }
}

/// At most so many blocks of a pool for one of those who use it, so that nobody's slowness takes them all.
package final class MemoryShare: Sendable {
    /// The right to one block; given back when the block is.
    private final class Permit: Sendable {
        private let share: MemoryShare

        init(_ share: MemoryShare) { self.share = share }
        deinit { share.giveBack() }
    }

    private struct State {
        var held = 0
        var waiting: [OneShot<Bool>] = []
    }

    private let pool: MemoryPool
    private let limit: Int
    private let state = Locked(State())

    package init(of pool: MemoryPool, limit: Int) {
        precondition(limit > 0, "a share of nothing")
        self.pool = pool
        self.limit = limit
    }

    /// Waits for the share first and for the pool then, so that who has its share does not stand in others' way.
    package func acquire() async throws(CancellationError) -> MemoryBlock {
        if Task.isCancelled { throw CancellationError() }
        let shot = OneShot<Bool>()
        let mustWait = state.withLock { state in
            if state.held < limit {
                state.held += 1
                return false
            }
            state.waiting.append(shot)
            return true
        }
        if mustWait, await !shot.take(orGive: false) {
            state.withLock { $0.waiting.removeAll { $0 === shot } }
            throw CancellationError()
        }
        let permit = Permit(self)
        let block = try await pool.acquire()
        block.permit = permit
        return block
    }

    /// The right goes to who waits longest; one that was cancelled does not want it.
    private func giveBack() {
        while true {
            let next: OneShot<Bool>? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.held -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            if next.give(true) { return }
        }
    }
}
