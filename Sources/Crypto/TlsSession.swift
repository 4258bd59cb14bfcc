import CGnuTLS
package import Model

/// One TLS 1.3 session with certificates on both sides, to be driven by QUIC.
///
/// Whoever drives it looks at `peer` when the handshake is complete. Tickets and early data are off: they would skip
/// the certificates. Belongs to one thread, like the connection it serves.
package final class TlsSession {
    package enum Role: Sendable { case client, server }

    /// The `gnutls_session_t`; Quic's C library knows what to do with it.
    package let pointer: OpaquePointer
    /// Who the other side is; nil until its certificate was seen and its key accepted.
    package fileprivate(set) var peer: PeerID?
    /// The bytes of `peer`, for who does not know our nouns.
    package var peerKeyHash: [UInt8]? { peer?.digest.bytes }
    /// The session uses its credentials until the end.
    private let identity: Identity

    /// - Parameter reference: what the QUIC library wants to find in the session (`gnutls_session_get_ptr`); it must
    ///   stay where it is while the session lives.
    package init(
        _ role: Role, identity: Identity, alpn: String, reference: UnsafeMutableRawPointer
    ) throws(CryptoError) {
        var made: gnutls_session_t?
        try check("gnutls_init", gnutls_init(&made, TlsSession.flags(role)))
        guard let made else { throw .function("gnutls_init", code: 0) }
        pointer = made
        self.identity = identity
        try check("gnutls_priority_set_direct", gnutls_priority_set_direct(made, TlsSession.priorities, nil))
        let credentials = UnsafeMutableRawPointer(identity.credentials)
        try check("gnutls_credentials_set", gnutls_credentials_set(made, GNUTLS_CRD_CERTIFICATE, credentials))
        var protocolName = Array(alpn.utf8)
        let code = protocolName.withUnsafeMutableBufferPointer { buffer in
            var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(clamping: buffer.count))
            return gnutls_alpn_set_protocols(made, &datum, 1, UInt32(GNUTLS_ALPN_MANDATORY.rawValue))
        }
        try check("gnutls_alpn_set_protocols", code)
        if role == .server { gnutls_certificate_server_set_request(made, GNUTLS_CERT_REQUIRE) }
        gnutls_session_set_ptr(made, reference)
        // The session's own pointer is taken by QUIC; the one for a session cache is free, since there is no cache.
        gnutls_db_set_ptr(made, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { gnutls_deinit(pointer) }

    private static func flags(_ role: Role) -> UInt32 {
        let common = UInt32(GNUTLS_NO_END_OF_EARLY_DATA.rawValue) | UInt32(GNUTLS_NO_AUTO_SEND_TICKET.rawValue)
        switch role {
        case .client: return UInt32(GNUTLS_CLIENT) | common
        case .server: return UInt32(GNUTLS_SERVER) | common
        }
    }

    /// TLS 1.3 only. Both ciphers are always offered, so that hosts with and without AES in hardware find a common one.
    private static let priorities: String = {
        let ciphers =
            lan_cpu_has_aes() != 0
            ? "+AES-128-GCM:+CHACHA20-POLY1305" : "+CHACHA20-POLY1305:+AES-128-GCM"
        return "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:\(ciphers)"
            + ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE"
    }()

    /// Called by GnuTLS in the middle of the handshake; that the other side owns the key is checked by TLS itself.
    static func verify(_ session: gnutls_session_t?) -> Int32 {
        var count: UInt32 = 0
        guard let session, let context = gnutls_db_get_ptr(session),
            gnutls_certificate_type_get(session) == GNUTLS_CRT_X509,
            let chain = gnutls_certificate_get_peers(session, &count), count >= 1,
            let peer = try? Certificate.decode(der: chain[0]).peer()
        else { return GNUTLS_E_CERTIFICATE_ERROR }
        Unmanaged<TlsSession>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.peer = peer }
        return 0
    }
}
