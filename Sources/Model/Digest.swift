/// The 32 bytes of a SHA-256, compared and ordered as bytes.
///
/// Four words and no array: digests are keys of every table that knows chunks or peers, so they must not allocate.
package struct Digest: Hashable, Sendable, Comparable {
    package static let byteCount = 32

    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil unless `bytes` has exactly 32 of them.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var index = 0
        for byte in bytes {
            switch index / 8 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
            index += 1
        }
        self.words = words
    }

    /// Nil unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes)
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Digest.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }

    package var hex: String { Hex.encode(bytes) }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }
    package static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }

    package func hash(into hasher: inout Hasher) {
        // All of it: a digest is uniform, but what a stranger gives out as one is not, and a thousand of them that
        // agree in their first word would make every table that knows peers slow.
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

/// The name of exactly this content: SHA-256 of a manifest's canonical bytes.
package struct Root: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let digest: Digest

    package init(_ digest: Digest) { self.digest = digest }

    package init?(hex: some StringProtocol) {
        guard let digest = Digest(hex: hex) else { return nil }
        self.digest = digest
    }

    package var hex: String { digest.hex }
    package var description: String { digest.hex }
    /// The first eight digits, for people; nothing is ever found by it.
    package var short: String { String(digest.hex.prefix(8)) }
    package static func < (left: Root, right: Root) -> Bool { left.digest < right.digest }
}

/// Who a peer is: SHA-256 of its SubjectPublicKeyInfo, never an address.
package struct PeerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let digest: Digest

    package init(_ digest: Digest) { self.digest = digest }

    package init?(hex: some StringProtocol) {
        guard let digest = Digest(hex: hex) else { return nil }
        self.digest = digest
    }

    package var hex: String { digest.hex }
    package var description: String { digest.hex }
    /// The first eight digits, for people; two peers may share them, so nothing is ever found by it.
    package var short: String { String(digest.hex.prefix(8)) }
    package static func < (left: PeerID, right: PeerID) -> Bool { left.digest < right.digest }
}
