/// The bytes of one stream on their way out.
///
/// ngtcp2 keeps no copy: the memory of every segment stays until all of it is acknowledged or the stream is closed
/// (ngtcp2 programmers' guide, stream data ownership).
struct SendQueue {
    /// What goes into the next packet, as far as it fits.
    struct Piece {
        var start: UnsafeMutablePointer<UInt8>?
        var count = 0
        /// The stream ends after this piece.
        var ends = false
        var isEmpty: Bool { count == 0 && !ends }
    }

    private struct Segment {
        /// Keeps the bytes alive.
        let memory: AnyObject
        let start: UnsafeMutablePointer<UInt8>
        let count: Int
        let ends: Bool
        let endOffset: UInt64
        let written: Pending<Void>
    }

    /// The piece at the front of what is unsent; plain values, since every packet reads them.
    private(set) var piece = Piece()
    private var segments: [Segment] = []
    /// The first of `segments` that is not wholly sent.
    private var unsent = 0
    private var queuedOffset: UInt64 = 0
    /// An end was queued: nothing can follow.
    private(set) var isEnded = false
    /// The end went into a packet.
    private(set) var hasSentEnd = false

    mutating func append(
        _ memory: AnyObject, _ start: UnsafeMutablePointer<UInt8>, _ count: Int, ends: Bool, _ written: Pending<Void>
    ) {
        queuedOffset += UInt64(count)
        isEnded = isEnded || ends
        segments.append(
            Segment(
                memory: memory, start: start, count: count, ends: ends, endOffset: queuedOffset, written: written))
        if unsent == segments.count - 1 { loadPiece() }
    }

    /// So many bytes of `piece` went into a packet, and with the last of them its end.
    mutating func sent(_ count: Int) {
        piece.count -= count
        piece.start = piece.start.map { $0 + count }
        guard piece.count == 0, unsent < segments.count else { return }
        if piece.ends { hasSentEnd = true }
        segments[unsent].written.finish(.success(()))
        unsent += 1
        loadPiece()
    }

    /// Everything before `offset` arrived.
    mutating func acknowledged(_ offset: UInt64) {
        var done = 0
        while done < unsent, segments[done].endOffset <= offset { done += 1 }
        guard done > 0 else { return }
        segments.removeFirst(done)
        unsent -= done
    }

    /// No more is sent; whoever waits is told so. The memory stays until `clear`.
    mutating func fail(_ error: QuicError) {
        for segment in segments[unsent...] { segment.written.fail(error) }
        unsent = segments.count
        piece = Piece()
        isEnded = true
    }

    /// Only when ngtcp2 has forgotten the stream.
    mutating func clear() {
        segments = []
        unsent = 0
    }

    private mutating func loadPiece() {
        guard unsent < segments.count else {
            piece = Piece()
            return
        }
        let segment = segments[unsent]
        piece = Piece(start: segment.start, count: segment.count, ends: segment.ends)
    }
}

/// A copy of bytes at a place that does not move.
final class HeapBytes {
    let start: UnsafeMutablePointer<UInt8>
    let count: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        start = .allocate(capacity: max(count, 1))
        bytes.withUnsafeBufferPointer { source in
            guard let first = source.baseAddress else { return }
            start.initialize(from: first, count: count)
        }
    }

    deinit { start.deallocate() }
}
