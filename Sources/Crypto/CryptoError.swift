/// Why a key, a certificate or a session could not be made.
package enum CryptoError: Error, Hashable, Sendable {
    /// The file does not hold a private key and its certificate; it can be moved away, then a new one is made.
    case notAnIdentity
    /// GnuTLS refused; nothing a caller can do but say so.
    case function(String, code: Int32)
}
