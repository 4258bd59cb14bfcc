import CGnuTLS
package import Model

/// SHA-256 over bytes that come in pieces; GnuTLS takes the CPU's SHA instructions where they exist.
package struct SHA256Hasher: ~Copyable {
    private let handle: gnutls_hash_hd_t

    package init() {
        var made: gnutls_hash_hd_t?
        let code = gnutls_hash_init(&made, GNUTLS_DIG_SHA256)
        guard code == 0, let made else { preconditionFailure("GnuTLS has no SHA-256: \(code)") }
        handle = made
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        let code = gnutls_hash(handle, start, bytes.count)
        precondition(code == 0, "SHA-256 of bytes in memory failed: \(code)")
    }

    package consuming func finish() -> Digest {
        withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { buffer in
            // Gives the digest and starts over; the handle itself goes with this value.
            gnutls_hash_output(handle, buffer.baseAddress)
            guard let digest = Digest(buffer) else { preconditionFailure("a digest is 32 bytes") }
            return digest
        }
    }

    deinit { gnutls_hash_deinit(handle, nil) }
}

package enum SHA256 {
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    package static func hash(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { hash($0) }
    }
}
