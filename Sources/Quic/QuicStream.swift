package import Runtime

/// One bidirectional stream, for any task; every wait honours cancellation and then resets the stream.
///
/// One reader at a time. Writes may overlap and go out in the order of the calls. A handle that is dropped resets what
/// was not ended in order.
package final class QuicStream: Sendable {
    package let id: Int64
    private let loop: EventLoop
    /// Touched on `loop` only: every use stands inside `perform`.
    nonisolated(unsafe) private let core: StreamCore
    private let meter: StreamMeter

    init(_ core: StreamCore, loop: EventLoop) {
        id = core.id
        meter = core.meter
        self.core = core
        self.loop = loop
    }

    deinit {
        // Handed to the loop, which alone touches it.
        nonisolated(unsafe) let core = core
        loop.perform { core.abandon() }
    }

    // MARK: - Reading

    /// - Throws: `.endedEarly` when the peer ended the stream before.
    package func read(exactly count: Int) async throws(QuicError) -> [UInt8] {
        guard count > 0 else { return [] }
        let pending = Pending<[UInt8]>()
        loop.perform { self.core.read(.exactly(count, pending), count: count) }
        return try await wait(for: pending)
    }

    /// What is there, at least one byte; nil at the orderly end.
    package func read(upTo limit: Int) async throws(QuicError) -> [UInt8]? {
        precondition(limit > 0, "a read of nothing cannot tell the end")
        let pending = Pending<[UInt8]?>()
        loop.perform { self.core.read(.some(limit, pending), count: limit) }
        return try await wait(for: pending)
    }

    /// Packets are copied straight into the block, and the peer may send on only as they are. The block is left alone
    /// when this returns or throws.
    package func read(into block: MemoryBlock, at offset: Int = 0, count: Int) async throws(QuicError) {
        precondition(offset >= 0 && count >= 0 && offset <= block.capacity - count, "a read beyond its block")
        guard count > 0 else { return }
        let pending = Pending<Void>()
        loop.perform { self.core.read(.block(block, pending), at: offset, count: count) }
        try await wait(for: pending)
    }

    // MARK: - Writing

    /// Returns when the bytes have gone into packets.
    package func write(_ bytes: [UInt8], end: Bool = false) async throws(QuicError) {
        guard !bytes.isEmpty || end else { return }
        let pending = Pending<Void>()
        loop.perform {
            let copy = HeapBytes(bytes)
            self.core.write(copy, copy.start, copy.count, ends: end, pending)
        }
        try await wait(for: pending)
    }

    /// Returns when the bytes have gone into packets; the block stays lent until the peer has acknowledged them, and
    /// nobody may change it.
    package func write(_ block: MemoryBlock, count: Int, end: Bool) async throws(QuicError) {
        precondition(count >= 0 && count <= block.capacity, "a write beyond its block")
        guard count > 0 || end else { return }
        let pending = Pending<Void>()
        loop.perform {
            let start = block.start.assumingMemoryBound(to: UInt8.self)
            self.core.write(block, start, count, ends: end, pending)
        }
        try await wait(for: pending)
    }

    /// The bytes that came and the bytes that went into packets, both halves together; for whoever looks if a stream
    /// stands still.
    package var bytesMoved: UInt64 { meter.bytes }

    // MARK: - Ending

    /// From any thread: both halves end here and there at once, and whoever waits is told.
    package func reset(code: UInt64) {
        loop.perform { self.core.reset(code: code) }
    }

    private func wait<Value>(for pending: Pending<Value>) async throws(QuicError) -> Value {
        try await pending.value { [self] in
            loop.perform {
                // Too late when the loop was faster: then the task has what it asked for.
                if pending.fail(.cancelled) { self.core.reset(code: StreamCore.droppedCode) }
            }
        }
    }
}
