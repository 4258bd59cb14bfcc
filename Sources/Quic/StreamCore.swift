import CNgtcp2
import Runtime

/// One stream on its loop: what came and nobody has read, who reads, what is to be sent.
///
/// Plain and not Sendable: reached from ngtcp2's callbacks through its user data, and from handles by way of the loop.
final class StreamCore {
    /// Who waits for bytes. A stream has one reader at a time.
    enum Reader {
        case none
        case exactly(Int, Pending<[UInt8]>)
        case some(Int, Pending<[UInt8]?>)
        /// The block is held so that it cannot be lent to another while packets are copied into it.
        case block(MemoryBlock, Pending<Void>)
    }

    private enum ReceiveEnd {
        case orderly
        case failed(QuicError)
    }

    /// The code of a stream that was dropped or whose task was cancelled.
    static let droppedCode: UInt64 = 0

    let id: Int64
    /// Nil once nothing of this stream concerns its connection any more.
    private(set) var connection: ConnectionCore?
    /// ngtcp2 has forgotten the stream and must not be asked about it; the inbox may still hold bytes.
    private(set) var isClosed = false

    var outbox = SendQueue()
    let meter = StreamMeter()
    /// In the connection's turn queue.
    var isQueued = false
    /// The peer's window is full; the stream comes back when it opens.
    var isBlocked = false
    /// Since when a reset waits for the peer's half.
    private(set) var resetAt: UInt64?

    private var inbox = Inbox()
    private var window: StreamWindow
    private var isCreditQueued = false
    private var reader = Reader.none
    private var gathered: [UInt8] = []
    private var receiveEnd: ReceiveEnd?
    private var sendFault: QuicError?
    /// Where a waiting block goes on; these two alone are looked at for a packet in mid-transfer.
    private var target: UnsafeMutableRawPointer?
    private var targetLeft = 0

    init(id: Int64, connection: ConnectionCore, windowBytes: UInt64) {
        self.id = id
        self.connection = connection
        window = StreamWindow(base: windowBytes)
    }

    var hasPiece: Bool { !outbox.piece.isEmpty }

    // MARK: - From packets

    func received(_ bytes: UnsafeRawBufferPointer, isLast: Bool) {
        meter.add(bytes.count)
        var rest = bytes
        if targetLeft > 0, let target, rest.count > 0 {
            // A block waits, so the inbox is empty: straight from the packet to where it belongs.
            let count = min(targetLeft, rest.count)
            target.copyMemory(from: rest.start, byteCount: count)
            landed(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if targetLeft == 0 { serveReader() }
        }
        if rest.count > 0 {
            inbox.append(rest)
            serveReader()
        }
        if isLast {
            receiveEnd = .orderly
            serveReader()
        }
    }

    func acknowledged(_ offset: UInt64) { outbox.acknowledged(offset) }

    /// The peer gave the stream up: between our hosts a reset is always one of both halves.
    func peerReset(code: UInt64) {
        // What came whole before can still be read (RFC 9000, 3.2, "Data Recvd").
        if receiveEnd == nil { failReceiving(.streamReset(code: code)) }
        failSending(.streamReset(code: code))
    }

    /// The peer does not want to read on. ngtcp2 answers with a reset of our half by itself and says so only when we
    /// write; it keeps the code until the stream is closed.
    func peerStopped() {
        if case .failed(let error) = receiveEnd {
            failSending(error)
        } else {
            failSending(.streamReset(code: Self.droppedCode))
        }
    }

    /// ngtcp2 has forgotten the stream; bytes that came whole can still be read.
    func closed(code: UInt64) {
        isClosed = true
        if receiveEnd == nil { failReceiving(.streamReset(code: code)) }
        failSending(.streamReset(code: code))
        outbox.clear()
        leaveIfDrained()
    }

    /// The connection is gone; what came whole before can still be read.
    func lost(_ error: QuicError) {
        isClosed = true
        connection = nil
        if receiveEnd == nil { failReceiving(error) }
        failSending(error)
        outbox.clear()
    }

    // MARK: - Reading

    func read(_ next: Reader, at offset: Int = 0, count: Int) {
        guard case .none = reader else { preconditionFailure("stream \(id) has two readers") }
        reader = next
        switch next {
        case .none, .some: break
        case .exactly: gathered.reserveCapacity(min(count, 64 << 10))
        case .block(let block, _):
            target = block.start + offset
            targetLeft = count
        }
        // What may come without being asked for is not widened by a reader that takes what is there.
        if case .some = next {} else { window.want(count) }
        queueCredit()
        serveReader()
    }

    private func serveReader() {
        switch reader {
        case .none: return
        case .exactly(let count, let pending):
            let before = gathered.count
            inbox.take(count - before, into: &gathered)
            consumed(gathered.count - before)
            if gathered.count == count {
                let bytes = gathered
                release()
                pending.finish(.success(bytes))
            } else if let receiveEnd {
                release()
                pending.fail(Self.error(of: receiveEnd))
            }
        case .some(let limit, let pending):
            if !inbox.isEmpty {
                var bytes: [UInt8] = []
                inbox.take(limit, into: &bytes)
                consumed(bytes.count)
                release()
                pending.finish(.success(bytes))
            } else if let receiveEnd {
                release()
                if case .orderly = receiveEnd {
                    pending.finish(.success(nil))
                } else {
                    pending.fail(Self.error(of: receiveEnd))
                }
            }
        case .block(_, let pending):
            if let target, targetLeft > 0, !inbox.isEmpty { landed(inbox.take(targetLeft, to: target)) }
            if targetLeft == 0 {
                release()
                pending.finish(.success(()))
            } else if let receiveEnd {
                release()
                pending.fail(Self.error(of: receiveEnd))
            }
        }
    }

    private func landed(_ count: Int) {
        target = target.map { $0 + count }
        targetLeft -= count
        consumed(count)
    }

    /// Bytes reached a reader: only now may as many follow.
    private func consumed(_ count: Int) {
        guard count > 0 else { return }
        window.take(count)
        connection?.returnCredit(count)
        queueCredit()
        if isClosed { leaveIfDrained() }
    }

    private func release() {
        reader = .none
        gathered = []
        target = nil
        targetLeft = 0
        window.want(0)
    }

    private static func error(of end: ReceiveEnd) -> QuicError {
        switch end {
        case .orderly: .endedEarly
        case .failed(let error): error
        }
    }

    // MARK: - Credit

    private func queueCredit() {
        guard !isCreditQueued, !isClosed, receiveEnd == nil, let connection else { return }
        isCreditQueued = true
        connection.queueCredit(self)
    }

    /// What the peer may send more; asked once per batch.
    func dueCredit() -> UInt64 {
        isCreditQueued = false
        return isClosed ? 0 : window.due()
    }

    // MARK: - Writing

    func write(
        _ memory: AnyObject, _ start: UnsafeMutablePointer<UInt8>, _ count: Int, ends: Bool, _ written: Pending<Void>
    ) {
        // A task that was cancelled before its write began.
        if written.isFinished { return }
        if let sendFault {
            written.fail(sendFault)
            return
        }
        precondition(!outbox.isEnded, "stream \(id) was ended before this write")
        outbox.append(memory, start, count, ends: ends, written)
        connection?.enqueue(self)
    }

    // MARK: - Ending

    /// Both halves at once, here and there; whoever waits is told.
    func reset(code: UInt64, _ error: QuicError? = nil) {
        let error = error ?? .streamReset(code: code)
        failReceiving(error)
        failSending(error)
        guard !isClosed, resetAt == nil, let connection else { return }
        resetAt = connection.shut(self, code: code, isReading: true, isWriting: true)
    }

    /// Nobody has a handle any more: what was ended is delivered, what was not is reset.
    func abandon() {
        let isReading = receiveEnd == nil
        let isWriting = sendFault != nil || !outbox.isEnded
        failReceiving(.streamReset(code: Self.droppedCode))
        guard !isClosed, resetAt == nil, let connection else { return }
        if isWriting { failSending(.streamReset(code: Self.droppedCode)) }
        guard isReading || isWriting else { return }
        let now = connection.shut(self, code: Self.droppedCode, isReading: isReading, isWriting: isWriting)
        // An answer that was written to its end may take as long as the path needs.
        if isWriting { resetAt = now }
    }

    private func failReceiving(_ error: QuicError) {
        if case .orderly = receiveEnd {} else { receiveEnd = .failed(error) }
        // Dropped bytes are the connection's to give again, else resets would starve its other streams.
        let dropped = inbox.drop()
        if dropped > 0 { connection?.returnCredit(dropped) }
        serveReader()
        if isClosed { leaveIfDrained() }
    }

    private func failSending(_ error: QuicError) {
        if sendFault == nil { sendFault = error }
        outbox.fail(error)
        if isQueued { connection?.dequeue(self) }
    }

    private func leaveIfDrained() {
        guard inbox.isEmpty, let connection else { return }
        self.connection = nil
        connection.streamLeft(self)
    }
}
