/// A connection id as a key of the routing table.
///
/// Ours have 8 bytes, of which the first is the shard: the net loop that owns the connection. A client may make up to
/// 20 bytes of its own for its first packets.
struct ConnectionKey: Hashable {
    static let ownBytes = 8
    static let limitBytes = 20

    private let first: UInt64
    private let second: UInt64
    private let third: UInt32
    private let count: UInt8

    /// An id of ours; `bytes` has at least 8.
    @inline(__always)
    init(own bytes: UnsafeRawPointer) {
        first = bytes.loadUnaligned(as: UInt64.self)
        second = 0
        third = 0
        count = UInt8(Self.ownBytes)
    }

    /// Nil for lengths that QUIC version 1 does not have.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.limitBytes else { return nil }
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
        (first, second, third) = words
        count = UInt8(bytes.count)
    }
}
