import Control
import Glibc
import Linux
import Model

/// A connection to the daemon for one thread that has nothing else to do.
final class DaemonConnection {
    enum Wake { case readable, interrupted, timeout }

    private let socket: Descriptor
    private var framing = LineFraming(limit: Limits.controlReplyBytes)
    private var events: ArraySlice<ControlEvent> = []
    private var lastID: Int64 = 0

    /// A daemon that is alive answers what needs no waiting in far less.
    static let answerLimit = Duration.seconds(15)

    init(_ path: String) throws(Failure) {
        do {
            socket = try UnixSocket.connect(path: path)
            try UnixSocket.setLimits(socket, receive: nil, send: Self.answerLimit)
        } catch {
            if error.isPermission { throw SocketRefusal(path).failure }
            if error.isRefused || error.isNoEntry { throw Self.notRunning }
            throw Failure(.unreachable, "The daemon cannot be reached at \(path): \(error.text).")
        }
    }

    static let notRunning = Failure(
        .unreachable, "The daemon is not running.", hint: "Start it with: systemctl start lanspreadd")

    /// A connection that was there and is there no more; the daemon may come back.
    static let lost = Failure(.unreachable, "The daemon closed the connection.", retryable: true)

    // MARK: - Calls

    /// - Parameter limit: nil: `answerLimit` for what answers at once, and for ever for what does not.
    func call(
        _ method: ControlMethod, _ parameters: JSONValue = [:], within limit: Duration? = nil
    ) throws(Failure) -> JSONValue {
        lastID += 1
        let id = JSONValue.int(lastID)
        try send(JSONRPC.encodeRequest(.init(id: id, method: method.name, parameters: parameters)))
        let deadline = Deadline(limit ?? (method.answersAtOnce ? Self.answerLimit : nil))
        while true {
            switch try incoming(deadline) {
            case .result(id, let result):
                // What came in one piece with the reply would wait for the next piece, which may never come.
                try keepEvents()
                return result
            case .failure(let other, let failure) where other == id || other == .null: throw failure
            case .event(let event): events.append(event)
            case .result, .failure: continue
            case nil: throw Failure(.timeout, "The daemon does not answer.", hint: "See: journalctl -u lanspreadd")
            }
        }
    }

    /// All pages of a list.
    func list(_ method: ControlMethod, _ parameters: JSONValue = [:]) throws(Failure) -> JSONValue {
        guard let page = method.entry.page else { return try call(method, parameters) }
        var rows: [JSONValue] = []
        var after: JSONValue = .null
        var result: JSONValue
        repeat {
            var asked = parameters.object ?? [:]
            asked["after"] = after
            result = try call(method, .object(asked))
            rows += result[page.list]?.array ?? []
            after = result["next"] ?? .null
        } while after != .null
        var fields = result.object ?? [:]
        fields[page.list] = .array(rows)
        fields["next"] = nil
        return .object(fields)
    }

    private func send(_ line: [UInt8]) throws(Failure) {
        do throws(LinuxError) {
            try line.withUnsafeBytes { bytes in
                Result { () throws(LinuxError) in try UnixSocket.sendFully(socket, bytes) }
            }.get()
        } catch {
            // What it said before it left may still be here: a refusal of the 65th client is.
            if error.isBrokenPipe { return }
            throw Failure(.unreachable, "The daemon does not read: \(error.text).")
        }
    }

    // MARK: - What comes

    /// An event that is here already.
    func takeEvent() -> ControlEvent? { events.popFirst() }

    /// Reads what has come into the events, without waiting for more than one piece.
    func receiveEvents() throws(Failure) {
        try receive()
        try keepEvents()
    }

    private func keepEvents() throws(Failure) {
        while let incoming = try decode() {
            if case .event(let event) = incoming { events.append(event) }
        }
    }

    /// Waits for bytes, a signal or the deadline.
    func wait(_ signals: SignalDescriptor?, until deadline: Deadline) -> Wake {
        var polled = [pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)]
        if let signals { polled.append(pollfd(fd: signals.descriptor.rawValue, events: Int16(POLLIN), revents: 0)) }
        let count = poll(&polled, nfds_t(polled.count), deadline.milliseconds)
        if polled.count > 1, polled[1].revents != 0 { return .interrupted }
        return count > 0 ? .readable : .timeout
    }

    /// Waits until the daemon has closed the connection; false when it has not.
    func waitForEnd(until deadline: Deadline) -> Bool {
        while case .readable = wait(nil, until: deadline) {
            do {
                try receiveEvents()
            } catch {
                return true
            }
        }
        return false
    }

    private func incoming(_ deadline: Deadline) throws(Failure) -> JSONRPC.Incoming? {
        while true {
            if let incoming = try decode() { return incoming }
            if case .timeout = wait(nil, until: deadline), deadline.hasPassed { return nil }
            try receive()
        }
    }

    private func decode() throws(Failure) -> JSONRPC.Incoming? {
        while let line = framing.next() {
            guard case .line(let bytes) = line else {
                throw Failure(.internalFault, "The daemon sent a line that is too long.")
            }
            do {
                if let incoming = try JSONRPC.decodeIncoming(bytes) { return incoming }
            } catch {
                throw Failure(.internalFault, "The daemon sent a line that was not understood: \(error.sentence).")
            }
        }
        return nil
    }

    /// One piece; the socket is waited for before.
    private func receive() throws(Failure) {
        var room = [UInt8](repeating: 0, count: 256 << 10)
        let count: Int?
        do {
            count = try room.withUnsafeMutableBytes { bytes throws(LinuxError) in
                try UnixSocket.receive(socket, into: bytes)
            }
        } catch {
            throw Self.lost
        }
        guard let count, count > 0 else { throw Self.lost }
        framing.append(room[..<count])
    }
}

extension Failure {
    var isLostConnection: Bool { self == DaemonConnection.lost }
}

/// An instant of the monotonic clock after which nothing is waited for.
struct Deadline {
    private let nanoseconds: UInt64

    init(_ limit: Duration?) {
        guard let limit else {
            nanoseconds = .max
            return
        }
        let (seconds, attoseconds) = limit.components
        let sum = UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
        nanoseconds = Machine.monotonicNanoseconds() &+ sum
    }

    var hasPassed: Bool { nanoseconds <= Machine.monotonicNanoseconds() }

    static func earlier(_ one: Deadline, _ other: Deadline) -> Deadline {
        one.nanoseconds < other.nanoseconds ? one : other
    }

    /// Waits until the descriptor is readable; false when the time was over before.
    func waits(for descriptor: Descriptor) -> Bool {
        var polled = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return withExtendedLifetime(descriptor) { poll(&polled, 1, milliseconds) > 0 }
    }

    /// For poll: -1 waits for ever; rounded up, so that a deadline has passed when poll returns.
    var milliseconds: Int32 {
        if nanoseconds == .max { return -1 }
        let now = Machine.monotonicNanoseconds()
        if nanoseconds <= now { return 0 }
        return Int32(clamping: (nanoseconds - now + 999_999) / 1_000_000)
    }
}
