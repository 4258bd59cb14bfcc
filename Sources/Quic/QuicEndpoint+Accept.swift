import CNgtcp2
import Linux
import Runtime

/// How connections begin: strangers' first packets, and dials.
extension QuicEndpoint {
    /// The net loop of this endpoint, in the first byte of its connection ids.
    private static let shard: UInt8 = 0
    /// The code that says "not now" to a client (RFC 9000, 20.1, CONNECTION_REFUSED).
    private static let refusedCode: UInt64 = 0x02

    // MARK: - Strangers

    /// Makes a connection of a first packet, unless a limit or the packet speaks against it.
    func accept(
        _ packet: UnsafeRawBufferPointer, _ message: UdpSocket.Received, _ port: SocketPort, _ now: UInt64
    ) -> ConnectionCore? {
        if packet[0] & 0x80 == 0 {
            sayForgotten(packet, message, port, now)
            return nil
        }
        var header = ngtcp2_pkt_hd()
        let start = packet.start.assumingMemoryBound(to: UInt8.self)
        // A client fills its first datagram (RFC 9000, 14.1), so an answer is never larger than the question.
        guard packet.count >= PayloadLadder.least, ngtcp2_accept(&header, start, packet.count) == 0,
            header.version == UInt32(NGTCP2_PROTO_VER_V1)
        else { return nil }
        var opening = ConnectionOpening(
            dcid: header.scid, scid: EndpointSecrets.makeID(shard: Self.shard), originalDcid: header.dcid)
        let proven = provenID(header, message.from, now)
        if let proven {
            opening.originalDcid = proven.original
            opening.retryScid = header.dcid
            opening.token = proven.token
        }
        switch verdict(message.from, isProven: proven != nil) {
        case .admit: break
        case .askAgain:
            counters.retries += 1
            let id = EndpointSecrets.makeID(shard: Self.shard)
            answer(secrets.retryPacket(header, id: id, to: message.from, now: now), message, port)
            return nil
        case .refuse:
            counters.refusedHandshakes += 1
            answer(refusal(header), message, port)
            return nil
        }
        return begin(opening, clientID: header.dcid, message, port, now)
    }

    private func begin(
        _ opening: ConnectionOpening, clientID: ngtcp2_cid, _ message: UdpSocket.Received, _ port: SocketPort,
        _ now: UInt64
    ) -> ConnectionCore? {
        let core = ConnectionCore(
            id: arrivals.nextID(), endpoint: self, port: port, remote: message.from, connected: nil)
        core.local = message.to
        do {
            try core.begin(opening, now: now)
        } catch {
            log.debug("A handshake could not begin.", .field("address", message.from))
            return nil
        }
        guard let own = EndpointSecrets.key(opening.scid), let client = EndpointSecrets.key(clientID) else {
            return nil
        }
        route(own, to: core)
        route(client, to: core)
        core.clientKeys = [client]
        halfOpen.begin(message.from)
        add(core)
        return core
    }

    private func verdict(_ address: SocketAddress, isProven: Bool) -> HalfOpenLedger.Verdict {
        if connections.count >= settings.connections { return .refuse }
        return halfOpen.judge(address, isProven: isProven)
    }

    private func provenID(
        _ header: ngtcp2_pkt_hd, _ address: SocketAddress, _ now: UInt64
    ) -> (original: ngtcp2_cid, token: [UInt8])? {
        var header = header
        var count = 0
        guard let start = lan_header_token(&header, &count), count > 0 else { return nil }
        let token = [UInt8](UnsafeBufferPointer(start: start, count: count))
        guard let original = secrets.originalID(token, header, from: address, now: now) else { return nil }
        return (original, token)
    }

    private func refusal(_ header: ngtcp2_pkt_hd) -> [UInt8] {
        var client = header.scid
        var server = header.dcid
        return [UInt8](unsafeUninitializedCapacity: PayloadLadder.least) { buffer, count in
            count = max(
                0,
                ngtcp2_crypto_write_connection_close(
                    buffer.baseAddress, buffer.count, header.version, &client, &server, Self.refusedCode, nil, 0))
        }
    }

    /// A packet for a connection of an earlier life of ours: the peer learns now, not when it has waited long enough.
    private func sayForgotten(
        _ packet: UnsafeRawBufferPointer, _ message: UdpSocket.Received, _ port: SocketPort, _ now: UInt64
    ) {
        guard packet.count >= EndpointSecrets.resetAnswersBytes,
            let reset = secrets.resetPacket(for: packet.start + 1, now: now)
        else { return }
        answer(reset, message, port)
    }

    private func answer(_ bytes: [UInt8], _ message: UdpSocket.Received, _ port: SocketPort) {
        // A full socket drops it: a stranger asks again.
        guard !bytes.isEmpty, !port.isFull else { return }
        bytes.withUnsafeBytes { _ = port.send($0, segment: $0.count, to: message.from, from: message.to) }
    }

    // MARK: - Dials

    func dial(_ remote: SocketAddress, _ connected: Pending<QuicConnection>) {
        if connected.isFinished { return }
        guard connections.count < settings.connections else {
            connected.fail(.tooManyConnections)
            return
        }
        guard let port = port(for: remote) else {
            connected.fail(.noSocket)
            return
        }
        let core = ConnectionCore(
            id: arrivals.nextID(), endpoint: self, port: port, remote: remote, connected: connected)
        let own = EndpointSecrets.makeID(shard: Self.shard)
        let opening = ConnectionOpening(dcid: EndpointSecrets.makeID(shard: UInt8.random(in: 0...255)), scid: own)
        do {
            try core.begin(opening, now: Machine.monotonicNanoseconds())
        } catch {
            connected.fail(error)
            return
        }
        if let key = EndpointSecrets.key(own) { route(key, to: core) }
        add(core)
    }

    /// The task that dialled was cancelled.
    func cancel(_ connected: Pending<QuicConnection>) {
        guard connected.fail(.cancelled), let core = connections.values.first(where: { $0.connected === connected })
        else { return }
        end(core, QuicEnding(.cancelled, .code(0)))
    }

    // MARK: - Ids of a connection

    func resetToken(_ id: ngtcp2_cid) -> [UInt8] { secrets.resetToken(id) }

    /// Makes one more id for a connection; answers like a callback.
    func issue(
        _ cid: UnsafeMutablePointer<ngtcp2_cid>, _ count: Int, _ token: UnsafeMutablePointer<UInt8>,
        for core: ConnectionCore
    ) -> Int32 {
        EndpointSecrets.fill(&cid.pointee, count: count, shard: Self.shard)
        guard let key = EndpointSecrets.key(cid.pointee) else { return NGTCP2_ERR_CALLBACK_FAILURE }
        let bytes = resetToken(cid.pointee)
        token.update(from: bytes, count: bytes.count)
        route(key, to: core)
        return 0
    }

    func unroute(_ cid: ngtcp2_cid, from core: ConnectionCore) {
        guard let key = EndpointSecrets.key(cid) else { return }
        unroute(key, from: core)
    }
}
