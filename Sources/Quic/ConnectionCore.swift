import CNgtcp2
import Crypto
import Linux
import Runtime

/// One ngtcp2 connection with its TLS session, on its loop.
///
/// Plain and not Sendable, reached from C callbacks through user data. Callbacks only record; whatever calls the
/// library again happens after the C call that they came from. It ends in one place, `QuicEndpoint.end`.
final class ConnectionCore {
    enum Phase { case handshaking, up, ended }

    /// A peer that does not finish the half of a stream that was reset pins our memory.
    static let resetLimit = Duration.seconds(10)
    private static let silentExpiriesLimit = 3

    let id: UInt64
    let remote: SocketAddress
    let isDialled: Bool
    let gate: ConnectionGate
    let port: SocketPort
    /// Our address that the peer knows, where a host has several.
    var local: SocketAddress?
    /// Lives as long as any of its connections that has not ended: `QuicEndpoint.stop` ends them all, and nothing here
    /// touches it in phase `ended`. Unsafe, since the check would cost two counts for every packet.
    unowned(unsafe) let endpoint: QuicEndpoint
    /// The dial that waits for this connection; forgotten when it was answered, since it would keep the handle alive.
    private(set) var connected: Pending<QuicConnection>?

    private(set) var phase = Phase.handshaking
    private(set) var quic: OpaquePointer?
    private(set) var tls: TlsSession?
    /// All ids that lead here.
    var keys: Set<ConnectionKey> = []
    /// The ids that the client made up for its first packets.
    var clientKeys: [ConnectionKey] = []
    let path = PathMemory()

    /// Set by the callback when both sides have shown their keys.
    var isVerified = false
    var turns = TurnQueue<StreamCore>(quantum: 64 << 10)
    var payload: PayloadLadder
    /// In the endpoint's list of connections that have something to write.
    var isQueued = false
    var streams: [Int64: StreamCore] = [:]
    /// What the library answered when writing, if that ended the connection.
    var writeFault: Int32?

    /// Timers that ran out since the last packet came.
    private var silentExpiries = 0
    private let reference = UnsafeMutablePointer<ngtcp2_crypto_conn_ref>.allocate(capacity: 1)
    private var openers: [Pending<QuicStream>] = []
    private var credit: UInt64 = 0
    private var creditStreams: [StreamCore] = []
    private var slotsToReturn = 0
    private var handshakeDeadline = UInt64.max
    private var resetDeadline = UInt64.max

    init(
        id: UInt64, endpoint: QuicEndpoint, port: SocketPort, remote: SocketAddress,
        connected: Pending<QuicConnection>?
    ) {
        self.id = id
        self.endpoint = endpoint
        self.port = port
        self.remote = remote
        self.connected = connected
        isDialled = connected != nil
        gate = ConnectionGate(streams: endpoint.settings.streamsPerConnection)
        payload = PayloadLadder(isIPv6: remote.isIPv6)
        path.set(local: port.address, remote: remote)
    }

    deinit {
        if let quic { ngtcp2_conn_del(quic) }
        reference.deallocate()
    }

    // MARK: - Beginning

    func begin(_ opening: ConnectionOpening, now: UInt64) throws(QuicError) {
        let settings = endpoint.settings
        let me = Unmanaged.passUnretained(self).toOpaque()
        reference.initialize(
            to: ngtcp2_crypto_conn_ref(
                get_conn: { reference in
                    guard let me = reference?.pointee.user_data else { return nil }
                    return Unmanaged<ConnectionCore>.fromOpaque(me)._withUnsafeGuaranteedRef { $0.quic }
                },
                user_data: me))
        let code = opening.make(
            &quic, path: path.pointer, isServer: !isDialled, settings: settings, now: now,
            resetToken: endpoint.resetToken(opening.scid), userData: me)
        guard code == 0, let quic else { throw .function("ngtcp2_conn_new", code: code) }
        do {
            let session = try TlsSession(
                isDialled ? .client : .server, identity: endpoint.identity, alpn: settings.alpn, reference: reference)
            tls = session
            let code =
                isDialled
                ? ngtcp2_crypto_gnutls_configure_client_session(session.pointer)
                : ngtcp2_crypto_gnutls_configure_server_session(session.pointer)
            guard code == 0 else { throw QuicError.function("ngtcp2_crypto_gnutls_configure", code: code) }
            ngtcp2_conn_set_tls_native_handle(quic, UnsafeMutableRawPointer(session.pointer))
        } catch let error as QuicError {
            throw error
        } catch {
            throw .function("gnutls", code: 0)
        }
        handshakeDeadline = now &+ settings.handshakeDeadline.wholeNanoseconds
        expiry = min(ngtcp2_conn_get_expiry(quic), handshakeDeadline)
    }

    // MARK: - The life

    /// When `fire` is wanted; kept so that a loop's turn costs nothing for connections that sleep.
    private(set) var expiry = UInt64.max

    func refreshExpiry() {
        guard let quic else { return }
        expiry = min(ngtcp2_conn_get_expiry(quic), handshakeDeadline, resetDeadline)
    }

    /// Returns why the connection ends now, if it does.
    func fire(_ now: UInt64) -> QuicEnding? {
        guard let quic else { return nil }
        if handshakeDeadline <= now {
            return QuicEnding(.tooSlow(after: endpoint.settings.handshakeDeadline), .code(0))
        }
        if resetDeadline <= now {
            let limit = Self.resetLimit.wholeNanoseconds
            let oldest = streams.values.compactMap(\.resetAt).min() ?? .max
            if oldest <= now &- limit { return QuicEnding(.connectionLost(.overLimit), .code(0)) }
            resetDeadline = oldest == .max ? .max : oldest &+ limit
        }
        guard ngtcp2_conn_get_expiry(quic) <= now else { return nil }
        // A path that swallows large packets without a word looks like this; a dead peer does not mind small ones.
        silentExpiries += 1
        if silentExpiries % Self.silentExpiriesLimit == 0 { payload.stepDown() }
        let code = ngtcp2_conn_handle_expiry(quic, now)
        return code == 0 ? nil : ending(code)
    }

    /// Returns why the connection ends now, if it does.
    @inline(__always)
    func read(_ packet: UnsafePointer<UInt8>, _ count: Int, now: UInt64) -> QuicEnding? {
        guard let quic else { return nil }
        silentExpiries = 0
        let code = lan_conn_read_packet(quic, path.pointer, packet, count, now)
        return code == 0 ? nil : ending(code)
    }

    /// What a library error means and what the peer is told.
    func ending(_ code: Int32) -> QuicEnding {
        switch code {
        case NGTCP2_ERR_DRAINING, NGTCP2_ERR_CLOSING: return peerClosed()
        case NGTCP2_ERR_IDLE_CLOSE: return QuicEnding(.connectionLost(.silent), .none)
        case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
            return QuicEnding(.tooSlow(after: endpoint.settings.handshakeDeadline), .code(0))
        case NGTCP2_ERR_DROP_CONN, NGTCP2_ERR_RETRY:
            return QuicEnding(.connectionLost(.fault(code: Int64(code))), .none)
        default: return QuicEnding(.connectionLost(.fault(code: Int64(code))), .error(code))
        }
    }

    private func peerClosed() -> QuicEnding {
        guard let quic else { return QuicEnding(.connectionLost(.stopped), .none) }
        var code: UInt64 = 0
        let isApplication = lan_conn_peer_close(quic, &code) != 0
        // An application that knew our key may say why it does not want us, even before we know that it accepted it.
        if isApplication, phase != .handshaking || code != 0 {
            return QuicEnding(.connectionLost(.closedThere(code: code)), .none)
        }
        // Before both keys were accepted, every other kind of end says that the other side does not want us.
        if phase == .handshaking { return QuicEnding(.refused, .none) }
        return QuicEnding(.connectionLost(.fault(code: Int64(clamping: code))), .none)
    }

    /// Returns the dial that waited.
    func comesUp() -> Pending<QuicConnection>? {
        phase = .up
        handshakeDeadline = .max
        defer { connected = nil }
        return connected
    }

    /// Ends everything that waits here; `QuicEndpoint.end` alone calls it.
    func finish(_ error: QuicError) {
        phase = .ended
        for stream in streams.values { stream.lost(error) }
        streams = [:]
        turns.removeAll()
        creditStreams = []
        for opener in openers { opener.fail(error) }
        openers = []
        connected?.fail(error)
        connected = nil
        gate.close(error)
        if let quic { ngtcp2_conn_del(quic) }
        quic = nil
        tls = nil
        expiry = .max
    }

    /// From a handle.
    func close(code: UInt64) {
        guard phase != .ended else { return }
        endpoint.end(self, QuicEnding(.connectionLost(.closedHere(code: code)), .code(code)))
    }

    // MARK: - Streams

    /// From a handle.
    func open(_ pending: Pending<QuicStream>) {
        guard phase == .up else {
            pending.fail(gate.reason ?? .connectionLost(.stopped))
            return
        }
        openers.append(pending)
        openWaiting()
    }

    /// Opens what waits as far as the peer allows.
    func openWaiting() {
        guard let quic, !openers.isEmpty else { return }
        openers.removeAll { $0.isFinished }
        while let opener = openers.first, ngtcp2_conn_get_streams_bidi_left(quic) > 0 {
            openers.removeFirst()
            var id: Int64 = -1
            let code = ngtcp2_conn_open_bidi_stream(quic, &id, nil)
            guard code == 0 else {
                opener.fail(.function("ngtcp2_conn_open_bidi_stream", code: code))
                continue
            }
            let stream = adopt(id, windowBytes: endpoint.settings.streamWindowBytes)
            // When nobody waits any more the handle goes at once, and with it the stream.
            opener.finish(.success(QuicStream(stream, loop: endpoint.loop)))
        }
    }

    /// The peer opened a stream.
    func opened(_ id: Int64) {
        let stream = adopt(id, windowBytes: endpoint.settings.requestWindowBytes)
        _ = gate.arrived(QuicStream(stream, loop: endpoint.loop))
    }

    private func adopt(_ id: Int64, windowBytes: UInt64) -> StreamCore {
        let stream = StreamCore(id: id, connection: self, windowBytes: windowBytes)
        streams[id] = stream
        if let quic { ngtcp2_conn_set_stream_user_data(quic, id, Unmanaged.passUnretained(stream).toOpaque()) }
        return stream
    }

    /// ngtcp2 forgets a stream.
    func closed(_ id: Int64, code: UInt64) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        dequeue(stream)
        stream.closed(code: code)
    }

    /// Nothing of a closed stream is left: a peer may open one more in the place of its own.
    func streamLeft(_ stream: StreamCore) {
        guard phase != .ended else { return }
        let isOurs = (stream.id & 1 == 0) == isDialled
        if !isOurs { slotsToReturn += 1 }
        endpoint.mark(self)
    }

    /// Returns the instant.
    func shut(_ stream: StreamCore, code: UInt64, isReading: Bool, isWriting: Bool) -> UInt64 {
        let now = Machine.monotonicNanoseconds()
        guard let quic else { return now }
        // The library answers 0 for a stream that it has forgotten, and fails only without memory.
        if isReading {
            let result = lan_conn_shutdown_stream_read(quic, stream.id, code)
            if result != 0 { writeFault = result }
        }
        if isWriting {
            let result = lan_conn_shutdown_stream_write(quic, stream.id, code)
            if result != 0 { writeFault = result }
            resetDeadline = min(resetDeadline, now &+ Self.resetLimit.wholeNanoseconds)
        }
        endpoint.mark(self)
        return now
    }

    func enqueue(_ stream: StreamCore) {
        guard phase != .ended, !stream.isQueued, !stream.isBlocked, stream.hasPiece, !stream.isClosed else { return }
        stream.isQueued = true
        turns.append(stream)
        endpoint.mark(self)
    }

    func dequeue(_ stream: StreamCore) {
        guard stream.isQueued else { return }
        stream.isQueued = false
        turns.remove(stream)
    }

    // MARK: - Credit

    func returnCredit(_ count: Int) {
        // A stream that was closed with bytes unread may outlive its connection.
        guard phase != .ended else { return }
        credit += UInt64(count)
        if !isQueued { endpoint.mark(self) }
    }

    func queueCredit(_ stream: StreamCore) {
        guard phase != .ended else { return }
        creditStreams.append(stream)
        if !isQueued { endpoint.mark(self) }
    }

    /// Once per round of packets, never per packet.
    func giveCredit(_ quic: OpaquePointer) {
        if !creditStreams.isEmpty {
            for stream in creditStreams {
                let due = stream.dueCredit()
                guard due > 0 else { continue }
                let code = ngtcp2_conn_extend_max_stream_offset(quic, stream.id, due)
                if code != 0 { writeFault = code }
            }
            creditStreams.removeAll(keepingCapacity: true)
        }
        if credit > 0 {
            ngtcp2_conn_extend_max_offset(quic, credit)
            credit = 0
        }
        if slotsToReturn > 0 {
            ngtcp2_conn_extend_max_streams_bidi(quic, slotsToReturn)
            slotsToReturn = 0
        }
    }
}
