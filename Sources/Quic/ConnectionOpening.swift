import CNgtcp2
import Linux

/// Why a connection ends and what the peer is told of it.
struct QuicEnding {
    enum Farewell { case none, code(UInt64), error(Int32) }

    let error: QuicError
    let farewell: Farewell

    init(_ error: QuicError, _ farewell: Farewell) {
        self.error = error
        self.farewell = farewell
    }
}

/// The ids with which a connection begins.
struct ConnectionOpening {
    /// The other side's id and ours.
    var dcid: ngtcp2_cid
    var scid: ngtcp2_cid
    /// The id that the client made up; a server repeats it under the protection of TLS.
    var originalDcid: ngtcp2_cid?
    /// The id in our Retry, when the client came back with its token.
    var retryScid: ngtcp2_cid?
    var token: [UInt8] = []

    /// Makes the ngtcp2 connection; returns the library's code.
    func make(
        _ quic: inout OpaquePointer?, path: UnsafePointer<ngtcp2_path>, isServer: Bool, settings: QuicSettings,
        now: UInt64, resetToken: [UInt8], userData: UnsafeMutableRawPointer
    ) -> Int32 {
        var callbacks = ConnectionCallbacks.table(isServer: isServer)
        var library = Self.librarySettings(settings, now: now)
        var params = transportParams(settings, isServer: isServer, resetToken: resetToken)
        var dcid = dcid
        var scid = scid
        guard isServer else {
            return lan_conn_client_new(&quic, &dcid, &scid, path, &callbacks, &library, &params, userData)
        }
        // Copied by the library.
        return token.withUnsafeBufferPointer { token in
            if let start = token.baseAddress, token.count > 0 { lan_settings_token(&library, start, token.count) }
            return lan_conn_server_new(
                &quic, &dcid, &scid, path, UInt32(NGTCP2_PROTO_VER_V1), &callbacks, &library, &params, userData)
        }
    }

    private static func librarySettings(_ settings: QuicSettings, now: UInt64) -> ngtcp2_settings {
        var library = ngtcp2_settings()
        lan_settings_default(&library)
        library.cc_algo = NGTCP2_CC_ALGO_CUBIC
        library.initial_ts = now
        // A local network: the default of 333 ms would make the first lost packet cost a second.
        library.initial_rtt = 1_000_000
        library.max_tx_udp_payload_size = PayloadLadder.limit
        library.no_tx_udp_payload_size_shaping = 1
        library.no_pmtud = 1
        // One acknowledgement for so many packets: they cost the sender as much as data.
        library.ack_thresh = 24
        library.handshake_timeout = settings.handshakeDeadline.wholeNanoseconds
        return library
    }

    private func transportParams(
        _ settings: QuicSettings, isServer: Bool, resetToken: [UInt8]
    ) -> ngtcp2_transport_params {
        var params = ngtcp2_transport_params()
        lan_transport_params_default(&params)
        params.initial_max_stream_data_bidi_local = settings.streamWindowBytes
        params.initial_max_stream_data_bidi_remote = settings.requestWindowBytes
        params.initial_max_stream_data_uni = 0
        params.initial_max_data = settings.connectionWindowBytes
        params.initial_max_streams_bidi = UInt64(settings.streamsPerConnection)
        params.initial_max_streams_uni = 0
        params.max_idle_timeout = settings.idleTimeout.wholeNanoseconds
        params.max_ack_delay = 5_000_000
        params.disable_active_migration = 1
        guard isServer else { return params }
        if var original = originalDcid { lan_params_original_dcid(&params, &original) }
        if let retry = retryScid {
            params.retry_scid = retry
            params.retry_scid_present = 1
        }
        params.stateless_reset_token_present = 1
        withUnsafeMutableBytes(of: &params.stateless_reset_token) { $0.copyBytes(from: resetToken.prefix($0.count)) }
        return params
    }
}

/// Two socket addresses at a place that does not move, as ngtcp2 wants them.
///
/// It stays the same for the life of a connection: packets prove who sent them by their encryption, so a peer that
/// answers from another of its addresses is still this peer.
final class PathMemory {
    let pointer = UnsafeMutablePointer<ngtcp2_path>.allocate(capacity: 1)
    private let local: UnsafeMutableRawPointer
    private let remote: UnsafeMutableRawPointer
    /// Of `sockaddr_storage`.
    private static let bytes = 128

    init() {
        local = .allocate(byteCount: Self.bytes, alignment: 8)
        remote = .allocate(byteCount: Self.bytes, alignment: 8)
        pointer.initialize(to: ngtcp2_path())
    }

    func set(local localAddress: SocketAddress, remote remoteAddress: SocketAddress) {
        pointer.pointee.local = Self.store(localAddress, local)
        pointer.pointee.remote = Self.store(remoteAddress, remote)
    }

    private static func store(_ address: SocketAddress, _ memory: UnsafeMutableRawPointer) -> ngtcp2_addr {
        address.withSockaddr { source, count in
            memory.copyMemory(from: source, byteCount: min(Int(count), bytes))
            return ngtcp2_addr(addr: memory.assumingMemoryBound(to: ngtcp2_sockaddr.self), addrlen: count)
        }
    }

    deinit {
        pointer.deallocate()
        local.deallocate()
        remote.deallocate()
    }
}

/// How large a datagram may be: the largest that Ethernet carries, and less when a path says no.
struct PayloadLadder {
    /// 1,500 bytes less the headers of IPv4 and UDP.
    static let limit = 1_472
    /// What every path of QUIC carries (RFC 9000, 14).
    static let least = 1_200

    private(set) var bytes: Int

    init(isIPv6: Bool) { bytes = isIPv6 ? Self.limit - 20 : Self.limit }

    /// EMSGSIZE: 1,392 fits into the tunnels that are common, 1,200 into all.
    mutating func stepDown() { bytes = bytes > 1_392 ? 1_392 : Self.least }
}

extension Duration {
    /// For C; what does not fit is for ever.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, isTooLarge) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return isTooLarge ? .max >> 2 : min(product &+ UInt64(attoseconds / 1_000_000_000), .max >> 2)
    }
}
