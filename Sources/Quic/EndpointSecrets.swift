import CNgtcp2
import Crypto
import Linux
import Runtime

/// What an endpoint derives ids and tokens from.
struct EndpointSecrets {
    /// A Retry token is good for so long: a stranger answers at once.
    private static let retryLife = Duration.seconds(10)
    private static let resetsPerSecond = 32

    /// For Retry tokens; new at every start.
    private let retry = RandomSource.system.bytes(32)
    /// For stateless resets; the same after a restart, so that peers of the old process learn that it is gone.
    private let reset: [UInt8]
    private var resetSecond: UInt64 = 0
    private var resetsInSecond = 0

    init(identity: Identity) {
        reset = identity.secret(label: "lanspread stateless reset")
    }

    // MARK: - Ids

    /// A connection id of ours: the shard, then chance.
    static func makeID(shard: UInt8) -> ngtcp2_cid {
        var cid = ngtcp2_cid()
        fill(&cid, count: ConnectionKey.ownBytes, shard: shard)
        return cid
    }

    static func fill(_ cid: inout ngtcp2_cid, count: Int, shard: UInt8) {
        var random = SystemRandomNumberGenerator()
        cid.datalen = min(count, ConnectionKey.limitBytes)
        let length = cid.datalen
        withUnsafeMutableBytes(of: &cid.data) { bytes in
            for index in 0..<length { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            bytes[0] = shard
        }
    }

    static func key(_ cid: ngtcp2_cid) -> ConnectionKey? {
        withUnsafeBytes(of: cid.data) { bytes in
            ConnectionKey(UnsafeRawBufferPointer(rebasing: bytes[..<min(cid.datalen, bytes.count)]))
        }
    }

    // MARK: - Stateless reset

    func resetToken(_ cid: ngtcp2_cid) -> [UInt8] {
        var cid = cid
        return [UInt8](unsafeUninitializedCapacity: Int(NGTCP2_STATELESS_RESET_TOKENLEN)) { buffer, count in
            let code = ngtcp2_crypto_generate_stateless_reset_token(buffer.baseAddress, reset, reset.count, &cid)
            precondition(code == 0, "a keyed hash of memory failed")
            count = Int(NGTCP2_STATELESS_RESET_TOKENLEN)
        }
    }

    /// For the 8 bytes of an id of ours in a packet.
    func resetToken(_ id: UnsafeRawPointer) -> [UInt8] {
        var cid = ngtcp2_cid()
        cid.datalen = ConnectionKey.ownBytes
        withUnsafeMutableBytes(of: &cid.data) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: id, count: ConnectionKey.ownBytes))
        }
        return resetToken(cid)
    }

    /// A packet that looks like any other and says: this connection is gone. Nil when enough were sent this second.
    mutating func resetPacket(for id: UnsafeRawPointer, now: UInt64) -> [UInt8]? {
        if now / 1_000_000_000 != resetSecond {
            resetSecond = now / 1_000_000_000
            resetsInSecond = 0
        }
        guard resetsInSecond < Self.resetsPerSecond else { return nil }
        resetsInSecond += 1
        let token = resetToken(id)
        let noise = RandomSource.system.bytes(Self.noiseBytes)
        let packet = [UInt8](unsafeUninitializedCapacity: Self.resetBytes) { buffer, count in
            count = max(
                0, ngtcp2_pkt_write_stateless_reset(buffer.baseAddress, buffer.count, token, noise, noise.count))
        }
        return packet.isEmpty ? nil : packet
    }

    private static let noiseBytes = 22
    private static let resetBytes = 39
    /// Smaller than what it answers, or two hosts that both forgot would answer each other for ever.
    static let resetAnswersBytes = 43

    // MARK: - Retry

    func retryPacket(_ header: ngtcp2_pkt_hd, id: ngtcp2_cid, to remote: SocketAddress, now: UInt64) -> [UInt8] {
        var client = header.scid
        var original = header.dcid
        var id = id
        // Room for the token of either version of the library (magic, cid, time stamp, tag and chance).
        let token = [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            count = max(
                0,
                remote.withSockaddr { address, length in
                    ngtcp2_crypto_generate_retry_token(
                        buffer.baseAddress, retry, retry.count, header.version, address, length, &id, &original, now)
                })
        }
        guard !token.isEmpty else { return [] }
        return [UInt8](unsafeUninitializedCapacity: PayloadLadder.least) { buffer, count in
            count = max(
                0,
                ngtcp2_crypto_write_retry(
                    buffer.baseAddress, buffer.count, header.version, &client, &id, &original, token, token.count))
        }
    }

    /// The id that the client made up before our Retry; nil when the token is not ours, or old, or somebody else's.
    func originalID(_ token: [UInt8], _ header: ngtcp2_pkt_hd, from remote: SocketAddress, now: UInt64) -> ngtcp2_cid? {
        var original = ngtcp2_cid()
        var id = header.dcid
        let code = remote.withSockaddr { address, length in
            ngtcp2_crypto_verify_retry_token(
                &original, token, token.count, retry, retry.count, header.version, address, length, &id,
                Self.retryLife.wholeNanoseconds, now)
        }
        return code == 0 ? original : nil
    }
}
