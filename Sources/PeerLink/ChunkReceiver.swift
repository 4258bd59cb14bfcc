import Quic
package import Runtime
import Synchronization

/// The bytes of one `get_chunks`, in order, straight from packets into pooled blocks. One reader at a time.
package final class ChunkReceiver: Sendable {
    /// What the peer announced. It is not to be believed before the chunks' digests are.
    package let totalBytes: Int

    private let stream: QuicStream
    private let time: any TimeSource
    private let left: Mutex<Int>

    init(_ stream: QuicStream, totalBytes: Int, time: any TimeSource) {
        self.stream = stream
        self.totalBytes = totalBytes
        self.time = time
        left = Mutex(totalBytes)
    }

    /// Fills `count` bytes of the block; the block is left alone when this returns or throws.
    ///
    /// - Throws: `.malformed` when the peer announced fewer bytes than are asked for, `.tooSlow` when it stalls.
    package func next(into block: MemoryBlock, count: Int) async throws(LinkError) {
        let isAnnounced = left.withLock { left in
            guard count <= left else { return false }
            left -= count
            return true
        }
        guard isAnnounced else {
            cancel()
            throw .malformed("a reply holds fewer bytes than the chunks that were asked for")
        }
        let stream = self.stream
        do throws(LinkError) {
            try await moving(stream, time) { () throws(LinkError) in
                do throws(QuicError) {
                    try await stream.read(into: block, count: count)
                } catch {
                    throw LinkError(error)
                }
            }
        } catch {
            stream.reset(code: error.streamCode)
            throw error
        }
    }

    /// From any thread: the peer stops at once, and a waiting `next` throws.
    package func cancel() { stream.reset(code: LinkError.cancelled.streamCode) }
}
