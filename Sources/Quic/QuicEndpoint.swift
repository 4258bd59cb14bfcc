import CNgtcp2
import Crypto
import Linux
import Runtime

/// All connections of one net loop, over all its sockets; the hot core beneath `QuicServer`.
///
/// Plain and not Sendable: it lives from `start` to `stop` of one run, on the thread of its loop.
final class QuicEndpoint: EventSource {
    let loop: EventLoop
    let identity: Identity
    let settings: QuicSettings
    let log: Log
    let arrivals: ConnectionArrivals
    /// Finished when the sockets fail or nobody wants this run any more.
    let over = Pending<QuicError>()

    var counters = QuicCounters()
    /// One batch, and the packet that turned out not to belong to it.
    let sendBuffer = UnsafeMutablePointer<UInt8>.allocate(
        capacity: UdpSocket.bytesPerSend + PayloadLadder.limit)

    private(set) var ports: [SocketPort] = []
    private(set) var connections: [UInt64: ConnectionCore] = [:]
    var halfOpen: HalfOpenLedger
    var secrets: EndpointSecrets

    private var routes: [ConnectionKey: ConnectionCore] = [:]
    private var farewells = FarewellTable()
    private var rate: RateGate
    private var rateDeadline = UInt64.max
    private var queue: [ConnectionCore] = []
    private var queueInTurn: [ConnectionCore] = []
    /// Verified or failed while packets were read; looked at when the library is no longer running.
    private var unsettled: [ConnectionCore] = []
    private var lastKey: ConnectionKey?
    private var lastConnection: ConnectionCore?
    private var number = -1
    private var nextDeadline = UInt64.max

    init(loop: EventLoop, identity: Identity, settings: QuicSettings, log: Log, arrivals: ConnectionArrivals) {
        self.loop = loop
        self.identity = identity
        self.settings = settings
        self.log = log
        self.arrivals = arrivals
        rate = RateGate(bytesPerSecond: settings.sendBytesPerSecond)
        halfOpen = HalfOpenLedger(
            limit: settings.halfOpen, limitPerAddress: settings.halfOpenPerAddress,
            retryFrom: settings.halfOpenBeforeRetry)
        secrets = EndpointSecrets(identity: identity)
    }

    deinit { sendBuffer.deallocate() }

    // MARK: - The life

    func start() throws(QuicError) {
        var missing: LinuxError?
        for address in settings.listen {
            do {
                ports.append(try SocketPort(address, endpoint: self))
            } catch {
                guard error.isUnknownFamily || (address.isIPv6 && address.isWildcard && error.isNoAddress) else {
                    throw .function(error.call, code: error.code)
                }
                missing = error
                log.notice(
                    "This host has no \(address.isIPv6 ? "IPv6" : "IPv4"): only the other addresses are listened on.",
                    kind: "family_missing", .field("address", address))
            }
        }
        if ports.isEmpty, let missing { throw .function(missing.call, code: missing.code) }
        number = loop.register(self, fd: -1, events: 0)
        for port in ports { port.open() }
    }

    /// Tells every peer and ends whatever waits; takes no longer than the sends do.
    func stop() {
        for core in Array(connections.values) { end(core, QuicEnding(.connectionLost(.stopped), .code(0))) }
        for port in ports { port.close() }
        if number >= 0 { loop.unregister(number, fd: -1) }
        number = -1
        queue = []
        farewells = FarewellTable()
    }

    func fail(_ error: QuicError) { over.fail(error) }

    func sendFailed(_ error: LinuxError) {
        log.debug("Datagrams were not sent.", .field("reason", error.text))
    }

    // MARK: - The loop

    var deadline: UInt64 { nextDeadline }

    func ready(_ events: UInt32) {}

    func fire(_ now: UInt64) {
        farewells.forget(before: now)
        if rateDeadline <= now {
            rateDeadline = .max
            for core in connections.values where !core.turns.isEmpty { mark(core) }
        }
        for core in Array(connections.values) where core.expiry <= now {
            if let ending = core.fire(now) { end(core, ending) } else { mark(core) }
        }
    }

    func flush(_ now: UInt64) -> Bool {
        settle()
        swap(&queue, &queueInTurn)
        for core in queueInTurn {
            core.isQueued = false
            guard core.phase != .ended else { continue }
            let hasMore = core.write(now)
            if let fault = core.writeFault {
                end(core, core.ending(fault))
            } else {
                core.refreshExpiry()
                if hasMore { mark(core) }
            }
        }
        queueInTurn.removeAll(keepingCapacity: true)
        // A loop over at most some hundred numbers a turn; a heap would cost more to keep.
        var first = min(rateDeadline, farewells.deadline)
        for core in connections.values where core.expiry < first { first = core.expiry }
        nextDeadline = first
        return !queue.isEmpty
    }

    /// The connection has something to write.
    func mark(_ core: ConnectionCore) {
        guard !core.isQueued, core.phase != .ended else { return }
        core.isQueued = true
        queue.append(core)
        if number >= 0 { loop.mark(number) }
    }

    func hasRoom(_ port: SocketPort) {
        for core in connections.values where core.port === port { mark(core) }
    }

    // MARK: - Sending

    func mayStream(_ now: UInt64) -> Bool {
        guard let later = rate.admit(now) else { return true }
        rateDeadline = min(rateDeadline, later)
        return false
    }

    func spend(_ bytes: Int, at now: UInt64) { rate.spend(bytes, at: now) }

    // MARK: - Receiving

    /// A run of datagrams from one sender.
    func received(_ message: UdpSocket.Received, _ port: SocketPort, _ now: UInt64) {
        guard message.bytes.count > 0, message.segment > 0 else {
            counters.datagramsReceived += 1
            counters.emptyDatagrams += 1
            return
        }
        counters.bytesReceived += UInt64(message.bytes.count)
        var rest = UnsafeRawBufferPointer(message.bytes)
        while rest.count > 0 {
            let count = min(message.segment, rest.count)
            counters.datagramsReceived += 1
            receive(UnsafeRawBufferPointer(rebasing: rest[..<count]), message, port, now)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    @inline(__always)
    private func receive(
        _ packet: UnsafeRawBufferPointer, _ message: UdpSocket.Received, _ port: SocketPort, _ now: UInt64
    ) {
        // Our limits stand before the library, which asserts (RFC 9000, 10.3: no packet has fewer than 21 bytes).
        guard packet.count >= 21, let key = key(of: packet) else {
            counters.strayDatagrams += 1
            return
        }
        let core: ConnectionCore
        if key == lastKey, let lastConnection {
            core = lastConnection
        } else if let found = routes[key] {
            core = found
            lastKey = key
            lastConnection = found
        } else if farewells.isKnown(key) {
            repeatFarewell(key)
            return
        } else if let made = accept(packet, message, port, now) {
            core = made
        } else {
            counters.strayDatagrams += 1
            return
        }
        if let ending = core.read(packet.start.assumingMemoryBound(to: UInt8.self), packet.count, now: now) {
            end(core, ending)
            return
        }
        if core.isVerified, core.phase == .handshaking { unsettled.append(core) }
        if !core.isQueued { mark(core) }
    }

    private func repeatFarewell(_ key: ConnectionKey) {
        guard let farewell = farewells.answer(key) else { return }
        farewell.bytes.withUnsafeBytes {
            _ = farewell.port.send($0, segment: $0.count, to: farewell.remote, from: farewell.local)
        }
    }

    private func key(of packet: UnsafeRawBufferPointer) -> ConnectionKey? {
        if packet[0] & 0x80 == 0 { return ConnectionKey(own: packet.start + 1) }
        let count = Int(packet[5])
        guard count <= ConnectionKey.limitBytes, packet.count > 7 + count else { return nil }
        return ConnectionKey(UnsafeRawBufferPointer(rebasing: packet[6..<6 + count]))
    }

    // MARK: - Connections

    /// Nil where no socket speaks the family of `remote`. One that is bound to loopback reaches nothing else, and one
    /// that is bound elsewhere does not reach loopback.
    func port(for remote: SocketAddress) -> SocketPort? {
        ports.first { port in
            port.address.isIPv6 == remote.isIPv6
                && (port.address.isWildcard || port.address.isLoopback == remote.isLoopback)
        }
    }

    func add(_ core: ConnectionCore) {
        connections[core.id] = core
        core.refreshExpiry()
        mark(core)
    }

    func route(_ key: ConnectionKey, to core: ConnectionCore) {
        // The first one keeps it: a stranger may make up an id that is taken.
        guard routes[key] == nil else { return }
        routes[key] = core
        core.keys.insert(key)
    }

    func unroute(_ key: ConnectionKey, from core: ConnectionCore) {
        guard core.keys.remove(key) != nil else { return }
        routes[key] = nil
        if key == lastKey { forgetLast() }
    }

    private func forgetLast() {
        lastKey = nil
        lastConnection = nil
    }

    /// What became of connections while packets were read.
    func settle() {
        while let core = unsettled.popLast() { comeUp(core) }
    }

    private func comeUp(_ core: ConnectionCore) {
        guard core.phase == .handshaking, core.isVerified else { return }
        guard let keyHash = core.tls?.peerKeyHash else {
            end(core, QuicEnding(.refused, .code(0)))
            return
        }
        let dial = core.comesUp()
        for key in core.clientKeys { unroute(key, from: core) }
        core.clientKeys = []
        let handle = QuicConnection(core, peerKeyHash: keyHash, loop: loop)
        if let dial {
            // A dial that was cancelled meanwhile drops the handle, which closes the connection.
            dial.finish(.success(handle))
        } else {
            halfOpen.finish(core.remote)
            if !arrivals.arrived(handle) { handle.close(code: 0) }
        }
        mark(core)
    }

    /// The one way in which a connection ends.
    func end(_ core: ConnectionCore, _ ending: QuicEnding) {
        guard core.phase != .ended else { return }
        if core.phase == .handshaking, !core.isDialled { halfOpen.finish(core.remote) }
        let packet = closingPacket(core, ending.farewell)
        connections[core.id] = nil
        for key in core.keys { routes[key] = nil }
        if lastConnection === core { forgetLast() }
        let now = Machine.monotonicNanoseconds()
        farewells.add(
            Farewell(bytes: packet, port: core.port, remote: core.remote, local: core.local), core.keys, now: now)
        core.keys = []
        core.finish(ending.error)
        nextDeadline = min(nextDeadline, farewells.deadline)
        if number >= 0 { loop.mark(number) }
    }

    private func closingPacket(_ core: ConnectionCore, _ farewell: QuicEnding.Farewell) -> [UInt8] {
        guard let quic = core.quic else { return [] }
        let now = Machine.monotonicNanoseconds()
        let count =
            switch farewell {
            case .none: 0
            case .code(let code): lan_conn_write_close(quic, sendBuffer, PayloadLadder.least, code, now)
            case .error(let error): lan_conn_write_close_for_error(quic, sendBuffer, PayloadLadder.least, error, now)
            }
        // Below 0 when there are no keys yet to say anything with.
        guard count > 0 else { return [] }
        let packet = UnsafeRawBufferPointer(start: sendBuffer, count: count)
        _ = core.port.send(packet, segment: count, to: core.remote, from: core.local)
        return [UInt8](packet)
    }
}
