import Linux

/// The last word to a peer of a connection that has ended.
struct Farewell {
    /// Empty when there is nothing to say.
    let bytes: [UInt8]
    let port: SocketPort
    let remote: SocketAddress
    let local: SocketAddress?
}

/// Ended connections, for as long as packets for them may still be on their way (RFC 9000, 10.2).
///
/// The library's connection is gone already; only the closing packet is kept, and said again to who did not hear it.
struct FarewellTable {
    /// Ten times what three probes of a local network take.
    private static let lifeNanoseconds: UInt64 = 1_000_000_000
    private static let limit = 512
    /// Each answers to the first packet, the second, the fourth and so on, and not more often than this.
    private static let answersLimit = 6

    private struct Entry {
        let farewell: Farewell
        let keys: Set<ConnectionKey>
        let until: UInt64
        var heard = 0
        var answers = 0
    }

    private var entries: [UInt64: Entry] = [:]
    private var numbers: [ConnectionKey: UInt64] = [:]
    private var first: UInt64 = 0
    private var next: UInt64 = 0

    /// All live equally long, so the oldest goes first.
    var deadline: UInt64 { entries[first]?.until ?? .max }

    mutating func add(_ farewell: Farewell, _ keys: Set<ConnectionKey>, now: UInt64) {
        if entries.count >= Self.limit { removeFirst() }
        entries[next] = Entry(farewell: farewell, keys: keys, until: now &+ Self.lifeNanoseconds)
        for key in keys { numbers[key] = next }
        next += 1
    }

    /// The word for a packet with this id, when it is time to say it; nil for ids that are not here.
    mutating func answer(_ key: ConnectionKey) -> Farewell? {
        guard let number = numbers[key], var entry = entries[number] else { return nil }
        entry.heard += 1
        let isTime = entry.heard.nonzeroBitCount == 1 && entry.answers < Self.answersLimit
        if isTime { entry.answers += 1 }
        entries[number] = entry
        let farewell = entry.farewell
        return isTime && !farewell.bytes.isEmpty ? farewell : nil
    }

    func isKnown(_ key: ConnectionKey) -> Bool { numbers[key] != nil }

    mutating func forget(before now: UInt64) {
        while let entry = entries[first], entry.until <= now { removeFirst() }
    }

    private mutating func removeFirst() {
        guard let entry = entries.removeValue(forKey: first) else { return }
        for key in entry.keys where numbers[key] == first { numbers[key] = nil }
        first += 1
    }
}
