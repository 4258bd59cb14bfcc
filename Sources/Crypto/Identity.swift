import CGnuTLS
package import Model

/// This host's key and certificate; `peer` is what other hosts call us.
package final class Identity: Sendable {
    package let peer: PeerID
    /// The private key and the certificate, to be kept in a file that only the daemon reads.
    package let pem: [UInt8]
    /// Complete after `init`; GnuTLS only reads it afterwards, so sessions on any thread may share it.
    nonisolated(unsafe) let credentials: gnutls_certificate_credentials_t

    package static func generate() throws(CryptoError) -> Identity {
        let key = try PrivateKey.generate()
        let certificate = try Certificate.selfSigned(by: key)
        return try Identity(key: key, certificate: certificate)
    }

    package convenience init(pem: [UInt8]) throws(CryptoError) {
        try self.init(key: PrivateKey.load(pem: pem), certificate: Certificate.load(pem: pem))
    }

    private init(key: borrowing PrivateKey, certificate: borrowing Certificate) throws(CryptoError) {
        peer = try certificate.peer()
        guard try key.keyHash() == peer.digest else { throw .notAnIdentity }
        pem = try key.pem() + certificate.pem()
        var made: gnutls_certificate_credentials_t?
        try check("gnutls_certificate_allocate_credentials", gnutls_certificate_allocate_credentials(&made))
        guard let made else { throw .function("gnutls_certificate_allocate_credentials", code: 0) }
        credentials = made
        var chain: gnutls_x509_crt_t? = certificate.handle
        guard gnutls_certificate_set_x509_key(made, &chain, 1, key.handle) >= 0 else { throw .notAnIdentity }
        gnutls_certificate_set_verify_function(made) { session in TlsSession.verify(session) }
    }

    /// 32 bytes that only this identity can make, the same after every start; each use has its own label.
    package func secret(label: String) -> [UInt8] {
        SHA256.hash(Array(label.utf8) + [0] + pem).bytes
    }

    deinit { gnutls_certificate_free_credentials(credentials) }
}
