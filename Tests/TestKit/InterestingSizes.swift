/// File sizes at which something changes.
package enum InterestingSizes {
    private static let chunk = 4 << 20

    package static let all: [Int] = [
        // No bytes at all: a file without a chunk.
        0,
        1,
        chunk - 1,
        // Exactly one.
        chunk,
        chunk + 1,
        // Several, and a short last one.
        3 * chunk + 17,
    ]

    /// Beyond what 32 bits count; only for sparse files.
    package static let sparse: UInt64 = (4 << 30) + 5
}
