package import Linux
import Synchronization

/// Waiting for one non-blocking descriptor to be readable or writable, for tasks on any executor.
///
/// It sits on a loop only while somebody waits. One reader and one writer at a time.
package final class Readiness: Sendable {
    package let descriptor: Descriptor
    private let source: Source

    /// - Parameter reading: what counts as readable; of a file in /proc it is not the bytes but `Epoll.urgent`.
    package init(_ descriptor: Descriptor, on loop: EventLoop, reading: UInt32 = EventLoop.readable) {
        self.descriptor = descriptor
        source = Source(descriptor, loop, reading)
    }

    deinit {
        source.close()
    }

    /// Returns when a read would not wait, which the end of the stream and an error do not either.
    package func readable() async throws(CancellationError) {
        try await source.wait(for: EventLoop.readable)
    }

    package func writable() async throws(CancellationError) {
        try await source.wait(for: EventLoop.writable)
    }

    /// All waiting ends, now and from now on, as if the descriptor were ready.
    package func close() {
        source.close()
    }

    /// Everything but `loop` is touched on the loop's thread only, hence @unchecked.
    private final class Source: EventSource, @unchecked Sendable {
        private let descriptor: Descriptor
        private let loop: EventLoop
        private let reading: UInt32
        private var id: Int?
        private var reader: OneShot<Bool>?
        private var writer: OneShot<Bool>?
        private var isClosed = false

        init(_ descriptor: Descriptor, _ loop: EventLoop, _ reading: UInt32) {
            self.descriptor = descriptor
            self.loop = loop
            self.reading = reading
        }

        func wait(for events: UInt32) async throws(CancellationError) {
            let shot = OneShot<Bool>()
            loop.perform { self.begin(shot, events) }
            let isReady = await shot.take(orGive: false)
            if isReady { return }
            loop.perform { self.forget(shot) }
            throw CancellationError()
        }

        func close() {
            loop.perform {
                self.isClosed = true
                self.reader?.give(true)
                self.writer?.give(true)
                self.reader = nil
                self.writer = nil
                self.update()
            }
        }

        private func begin(_ shot: OneShot<Bool>, _ events: UInt32) {
            if isClosed {
                shot.give(true)
                return
            }
            if shot.value != nil { return }
            if events == EventLoop.readable {
                precondition(reader == nil, "a descriptor has one reader at a time")
                reader = shot
            } else {
                precondition(writer == nil, "a descriptor has one writer at a time")
                writer = shot
            }
            update()
        }

        private func forget(_ shot: OneShot<Bool>) {
            if reader === shot { reader = nil }
            if writer === shot { writer = nil }
            update()
        }

        /// Registered exactly while somebody waits: an end of stream that nobody reads would spin the loop.
        private func update() {
            let events = (reader == nil ? 0 : reading) | (writer == nil ? 0 : EventLoop.writable)
            if let id {
                if events == 0 {
                    loop.unregister(id, fd: descriptor.rawValue)
                    self.id = nil
                } else {
                    loop.modify(id, fd: descriptor.rawValue, events: events)
                }
            } else if events != 0 {
                id = loop.register(self, fd: descriptor.rawValue, events: events)
            }
        }

        let deadline = UInt64.max
        func fire(_ now: UInt64) {}
        func flush(_ now: UInt64) -> Bool { false }

        func ready(_ events: UInt32) {
            // A hangup or an error ends both kinds of waiting: the call that follows says what it is.
            let isOver = events & (Epoll.hangup | Epoll.failed) != 0
            if isOver || events & reading != 0 {
                reader?.give(true)
                reader = nil
            }
            if isOver || events & EventLoop.writable != 0 {
                writer?.give(true)
                writer = nil
            }
            update()
        }
    }
}
