import Control
import Linux
import Runtime

/// One client's connection on the loop's thread: lines in, lines out, deadlines for both.
///
/// It is read only while somebody waits for a line, so a client that sends faster than it is served waits in the
/// kernel. It never knows what the lines mean.
actor ControlSocket: EventSource {
    enum Input: Hashable, Sendable {
        case line([UInt8])
        /// Nothing comes after these two.
        case tooLong, unfinished
    }

    /// A line on its way out; its sender waits for `settled`.
    private final class Outgoing {
        let bytes: [UInt8]
        let deadline: UInt64
        var sent = 0
        var isSent = false
        let settled: AsyncStream<Void>.Continuation

        init(_ bytes: [UInt8], deadline: UInt64, settled: AsyncStream<Void>.Continuation) {
            self.bytes = bytes
            self.deadline = deadline
            self.settled = settled
        }
    }

    /// Two of the largest requests fit into four reads.
    private static let readBytes = 32 << 10

    private var framing: LineFraming
    private var outgoing: [Outgoing] = []
    private var reader: AsyncStream<Void>.Continuation?
    /// No more lines come: the client finished sending, broke a rule, or is gone.
    private var isInputOver = false
    private var isUnfinished = false
    private var lineDeadline = UInt64.max

    private let descriptor: Descriptor
    private let loop: EventLoop
    private var registration: Int?
    private var interest: UInt32 = 0

    private let lineLimit: Duration
    private let goneSignal: @Sendable () -> Void

    /// Nobody is there any more, or we gave up on it; nothing is sent.
    private(set) var isGone = false
    /// Why we gave up; nil when the client left by itself.
    private(set) var dropReason: String?

    init(
        _ descriptor: Descriptor, loop: EventLoop, lineBytes: Int, lineLimit: Duration,
        gone: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        self.loop = loop
        self.lineLimit = lineLimit
        framing = LineFraming(limit: lineBytes)
        goneSignal = gone
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    func open() {
        registration = loop.register(self, fd: descriptor.rawValue, events: 0)
    }

    func close() {
        leave()
    }

    // MARK: - Lines in

    /// The next line; nil when none comes any more or the task was cancelled.
    func readLine() async -> Input? {
        while true {
            switch framing.next() {
            case .line(let line): return .line(line)
            case .tooLong:
                isInputOver = true
                return .tooLong
            case nil: break
            }
            if isUnfinished {
                isUnfinished = false
                return .unfinished
            }
            if isInputOver || Task.isCancelled { return nil }
            let (wakes, wake) = AsyncStream.makeStream(of: Void.self)
            reader = wake
            if framing.isInsideLine { startLineDeadline() }
            updateInterest()
            for await _ in wakes {}
            reader = nil
            lineDeadline = .max
            updateInterest()
        }
    }

    private func startLineDeadline() {
        guard lineDeadline == .max else { return }
        lineDeadline = Machine.monotonicNanoseconds() + lineLimit.nanoseconds
        if let registration { loop.mark(registration) }
    }

    private func receive() {
        var room = [UInt8](repeating: 0, count: Self.readBytes)
        while !isInputOver, reader != nil || isGone {
            let count: Int?
            do {
                count = try room.withUnsafeMutableBytes { bytes throws(LinuxError) in
                    try UnixSocket.receive(descriptor, into: bytes)
                }
            } catch {
                count = 0
            }
            guard let count else { return }
            if count == 0 { isInputOver = true } else { framing.append(room[..<count]) }
            if framing.isInsideLine { startLineDeadline() } else { lineDeadline = .max }
            if framing.hasLines || isInputOver { wakeReader() }
        }
    }

    private func wakeReader() {
        reader?.finish()
        reader = nil
        updateInterest()
    }

    // MARK: - Lines out

    /// Waits until the whole line is the kernel's; false when the client left first or left it unread for `limit`.
    ///
    /// The first attempt is made at once, also in a cancelled task: the answer to `daemon.shutdown` has to go out.
    func send(_ line: [UInt8], within limit: Duration?) async -> Bool {
        guard !isGone else { return false }
        let deadline = limit.map { Machine.monotonicNanoseconds() + $0.nanoseconds } ?? .max
        let (wakes, settled) = AsyncStream.makeStream(of: Void.self)
        let item = Outgoing(line, deadline: deadline, settled: settled)
        outgoing.append(item)
        transmit()
        // The loop reads deadlines when it is asked to.
        if let registration, !outgoing.isEmpty { loop.mark(registration) }
        for await _ in wakes {}
        return item.isSent
    }

    private func transmit() {
        while let item = outgoing.first {
            do {
                let count = try item.bytes.withUnsafeBytes { bytes throws(LinuxError) in
                    try UnixSocket.send(descriptor, UnsafeRawBufferPointer(rebasing: bytes[item.sent...]))
                }
                guard let count else { break }
                item.sent += count
            } catch {
                return leave()
            }
            if item.sent == item.bytes.count {
                item.isSent = true
                item.settled.finish()
                outgoing.removeFirst()
            }
        }
        updateInterest()
    }

    // MARK: - On the loop's thread

    nonisolated func ready(_ events: UInt32) { assumeIsolated { $0.handle(events) } }
    nonisolated var deadline: UInt64 { assumeIsolated { $0.nextDeadline } }
    nonisolated func fire(_ now: UInt64) { assumeIsolated { $0.expire(now) } }
    nonisolated func flush(_ now: UInt64) -> Bool { false }

    private func handle(_ events: UInt32) {
        if events & (Epoll.hangup | Epoll.failed) != 0 {
            // Both directions are closed, but lines may still wait: a client may ask and leave.
            isGone = true
            receive()
            return leave()
        }
        if events & EventLoop.readable != 0 { receive() }
        if events & EventLoop.writable != 0 { transmit() }
    }

    private var nextDeadline: UInt64 {
        outgoing.reduce(lineDeadline) { min($0, $1.deadline) }
    }

    private func expire(_ now: UInt64) {
        if outgoing.contains(where: { $0.deadline <= now }) {
            dropReason = "it left a reply unread"
            return leave()
        }
        if lineDeadline <= now {
            isUnfinished = true
            isInputOver = true
            wakeReader()
        }
    }

    /// The end of this connection, from whichever side; lines that were read before it are still handed out.
    private func leave() {
        isGone = true
        isInputOver = true
        lineDeadline = .max
        guard let registration else { return }
        loop.unregister(registration, fd: descriptor.rawValue)
        self.registration = nil
        for item in outgoing { item.settled.finish() }
        outgoing.removeAll()
        reader?.finish()
        reader = nil
        goneSignal()
    }

    private func updateInterest() {
        guard let registration else { return }
        var wanted: UInt32 = 0
        if reader != nil { wanted |= EventLoop.readable }
        if !outgoing.isEmpty { wanted |= EventLoop.writable }
        guard wanted != interest else { return }
        interest = wanted
        loop.modify(registration, fd: descriptor.rawValue, events: wanted)
    }
}

extension Duration {
    /// Whole nanoseconds; deadlines here are seconds.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
