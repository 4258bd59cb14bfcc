/// How far a peer may send on one stream.
///
/// The law: what may arrive without a reader is at most `base` bytes; a reader widens the window by what it wants, and
/// only a byte that landed with a reader moves it on.
struct StreamWindow {
    let base: UInt64

    private var granted: UInt64
    private var taken: UInt64 = 0
    private var wanted: UInt64 = 0

    init(base: UInt64) {
        self.base = base
        granted = base
    }

    /// A reader waits for so many bytes more.
    mutating func want(_ count: Int) { wanted = UInt64(max(count, 0)) }

    /// So many bytes reached a reader.
    mutating func take(_ count: Int) {
        taken += UInt64(count)
        wanted -= min(wanted, UInt64(count))
    }

    /// What the peer may send beyond what it was told before; call it once per batch.
    mutating func due() -> UInt64 {
        let target = taken + wanted + base
        guard target > granted else { return 0 }
        defer { granted = target }
        return target - granted
    }
}

/// Bytes that came before anybody wanted them; a stream window long at most.
struct Inbox {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { bytes.count == start }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        // Moved down when more than half is used up, so every byte is moved once on average.
        if start > bytes.count / 2 {
            bytes.removeSubrange(..<start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    mutating func take(_ limit: Int, into array: inout [UInt8]) {
        let taken = min(limit, count)
        array.append(contentsOf: bytes[start..<start + taken])
        advance(taken)
    }

    /// Returns how many bytes were copied.
    mutating func take(_ limit: Int, to target: UnsafeMutableRawPointer) -> Int {
        let taken = min(limit, count)
        guard taken > 0 else { return 0 }
        bytes.withUnsafeBytes { source in
            target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[start..<start + taken]).start, byteCount: taken)
        }
        advance(taken)
        return taken
    }

    /// Forgets everything; returns how much it was.
    mutating func drop() -> Int {
        let dropped = count
        bytes = []
        start = 0
        return dropped
    }

    private mutating func advance(_ taken: Int) {
        start += taken
        guard start == bytes.count else { return }
        bytes.removeAll(keepingCapacity: bytes.capacity <= 64 << 10)
        start = 0
    }
}

extension UnsafeRawBufferPointer {
    /// The address of a buffer that is known to have bytes.
    var start: UnsafeRawPointer {
        guard let baseAddress else { preconditionFailure("an empty buffer has no address") }
        return baseAddress
    }
}
