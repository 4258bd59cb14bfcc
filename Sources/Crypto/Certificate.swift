import CGnuTLS
import Model

/// Owns a GnuTLS private key.
struct PrivateKey: ~Copyable {
    let handle: gnutls_x509_privkey_t

    private init() throws(CryptoError) {
        var made: gnutls_x509_privkey_t?
        try check("gnutls_x509_privkey_init", gnutls_x509_privkey_init(&made))
        guard let made else { throw .function("gnutls_x509_privkey_init", code: 0) }
        handle = made
    }

    static func generate() throws(CryptoError) -> PrivateKey {
        let key = try PrivateKey()
        try check(
            "gnutls_x509_privkey_generate",
            gnutls_x509_privkey_generate(key.handle, GNUTLS_PK_EDDSA_ED25519, 0, 0))
        return key
    }

    static func load(pem: [UInt8]) throws(CryptoError) -> PrivateKey {
        let key = try PrivateKey()
        let code = withDatum(pem) { gnutls_x509_privkey_import2(key.handle, $0, GNUTLS_X509_FMT_PEM, nil, 0) }
        guard code == 0 else { throw .notAnIdentity }
        return key
    }

    func pem() throws(CryptoError) -> [UInt8] {
        var datum = gnutls_datum_t()
        // PKCS #8, since the older form has no Ed25519.
        let code = gnutls_x509_privkey_export2_pkcs8(
            handle, GNUTLS_X509_FMT_PEM, nil, UInt32(GNUTLS_PKCS_PLAIN.rawValue), &datum)
        try check("gnutls_x509_privkey_export2_pkcs8", code)
        return take(datum)
    }

    /// SHA-256 of the public half; the certificate of this key has the same.
    func keyHash() throws(CryptoError) -> Digest {
        try digest("gnutls_x509_privkey_get_key_id") { bytes, count in
            gnutls_x509_privkey_get_key_id(handle, UInt32(GNUTLS_KEYID_USE_SHA256.rawValue), bytes, &count)
        }
    }

    deinit { gnutls_x509_privkey_deinit(handle) }
}

/// Owns a GnuTLS certificate.
struct Certificate: ~Copyable {
    let handle: gnutls_x509_crt_t

    private init() throws(CryptoError) {
        var made: gnutls_x509_crt_t?
        try check("gnutls_x509_crt_init", gnutls_x509_crt_init(&made))
        guard let made else { throw .function("gnutls_x509_crt_init", code: 0) }
        handle = made
    }

    static func load(pem: [UInt8]) throws(CryptoError) -> Certificate {
        let certificate = try Certificate()
        let code = withDatum(pem) { gnutls_x509_crt_import(certificate.handle, $0, GNUTLS_X509_FMT_PEM) }
        guard code == 0 else { throw .notAnIdentity }
        return certificate
    }

    static func decode(der: gnutls_datum_t) throws(CryptoError) -> Certificate {
        let certificate = try Certificate()
        var der = der
        try check("gnutls_x509_crt_import", gnutls_x509_crt_import(certificate.handle, &der, GNUTLS_X509_FMT_DER))
        return certificate
    }

    /// A certificate that says nothing but its key: peers look at neither its names nor its dates.
    static func selfSigned(by key: borrowing PrivateKey) throws(CryptoError) -> Certificate {
        let certificate = try Certificate()
        let handle = certificate.handle
        let serial: [UInt8] = [1]
        try check("gnutls_x509_crt_set_version", gnutls_x509_crt_set_version(handle, 3))
        try check("gnutls_x509_crt_set_serial", gnutls_x509_crt_set_serial(handle, serial, serial.count))
        // Fixed dates (1970 to 2100) and no clock: a host whose clock is wrong makes the same certificate.
        try check("gnutls_x509_crt_set_activation_time", gnutls_x509_crt_set_activation_time(handle, 0))
        try check("gnutls_x509_crt_set_expiration_time", gnutls_x509_crt_set_expiration_time(handle, 4_102_444_800))
        try check("gnutls_x509_crt_set_dn", gnutls_x509_crt_set_dn(handle, "CN=lanspread", nil))
        try check("gnutls_x509_crt_set_key", gnutls_x509_crt_set_key(handle, key.handle))
        let usage = UInt32(GNUTLS_KEY_DIGITAL_SIGNATURE)
        try check("gnutls_x509_crt_set_key_usage", gnutls_x509_crt_set_key_usage(handle, usage))
        try check("gnutls_x509_crt_sign2", gnutls_x509_crt_sign2(handle, handle, key.handle, GNUTLS_DIG_SHA512, 0))
        return certificate
    }

    func pem() throws(CryptoError) -> [UInt8] {
        var datum = gnutls_datum_t()
        try check("gnutls_x509_crt_export2", gnutls_x509_crt_export2(handle, GNUTLS_X509_FMT_PEM, &datum))
        return take(datum)
    }

    /// SHA-256 of the SubjectPublicKeyInfo; only Ed25519 and P-256 keys name a peer.
    func peer() throws(CryptoError) -> PeerID {
        let algorithm = gnutls_x509_crt_get_pk_algorithm(handle, nil)
        if algorithm == Int32(GNUTLS_PK_ECDSA.rawValue) {
            var curve = GNUTLS_ECC_CURVE_INVALID
            let code = gnutls_x509_crt_get_pk_ecc_raw(handle, &curve, nil, nil)
            try check("gnutls_x509_crt_get_pk_ecc_raw", code)
            guard curve == GNUTLS_ECC_CURVE_SECP256R1 else { throw .notAnIdentity }
        } else {
            guard algorithm == Int32(GNUTLS_PK_EDDSA_ED25519.rawValue) else { throw .notAnIdentity }
        }
        return PeerID(
            try digest("gnutls_x509_crt_get_key_id") { bytes, count in
                gnutls_x509_crt_get_key_id(handle, UInt32(GNUTLS_KEYID_USE_SHA256.rawValue), bytes, &count)
            })
    }

    deinit { gnutls_x509_crt_deinit(handle) }
}

func check(_ function: String, _ code: Int32) throws(CryptoError) {
    guard code >= 0 else { throw .function(function, code: code) }
}

private func digest(
    _ function: String, _ body: (UnsafeMutablePointer<UInt8>?, inout Int) -> Int32
) throws(CryptoError) -> Digest {
    var hash = [UInt8](repeating: 0, count: Digest.byteCount)
    var count = hash.count
    try check(function, hash.withUnsafeMutableBufferPointer { body($0.baseAddress, &count) })
    guard count == hash.count, let digest = Digest(hash) else { throw .function(function, code: 0) }
    return digest
}

private func withDatum<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Result) -> Result {
    var bytes = bytes
    return bytes.withUnsafeMutableBufferPointer { buffer in
        var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(clamping: buffer.count))
        return body(&datum)
    }
}

/// Copies what GnuTLS allocated, wipes it (it may be a key) and gives it back.
private func take(_ datum: gnutls_datum_t) -> [UInt8] {
    let bytes = [UInt8](UnsafeBufferPointer(start: datum.data, count: Int(datum.size)))
    gnutls_memset(datum.data, 0, Int(datum.size))
    lan_gnutls_free(datum.data)
    return bytes
}
