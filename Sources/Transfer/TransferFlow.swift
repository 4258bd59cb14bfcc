package import Model
package import Runtime

/// Bytes that went one way between this host and one peer: how many, since when, and how fast now.
///
/// A value; whoever reads it asks it for the rate of the moment, so that a flow that stalls slows down by itself.
package struct TransferFlow: Sendable, Hashable {
    /// Two seconds in eight parts: a chunk of a slow line does not make the rate jump, and a stall is seen soon.
    private static let partNanoseconds: UInt64 = 250_000_000
    private static let parts: UInt64 = 8

    package let since: Instant
    package private(set) var bytes: UInt64 = 0
    /// When bytes were counted last.
    package private(set) var last: Instant
    /// Bytes of the last parts; the one of `part` modulo their number is the newest.
    private var window: [UInt64]
    private var part: UInt64

    package init(since: Instant) {
        self.since = since
        last = since
        part = since.nanoseconds / TransferFlow.partNanoseconds
        window = [UInt64](repeating: 0, count: Int(TransferFlow.parts))
    }

    package mutating func count(_ bytes: UInt64, at now: Instant) {
        advance(to: now)
        self.bytes &+= bytes
        window[Int(part % TransferFlow.parts)] &+= bytes
        last = max(last, now)
    }

    /// Bytes a second over the last two seconds, or over its life when that is shorter.
    package func rate(at now: Instant) -> UInt64 {
        var copy = self
        copy.advance(to: now)
        let sum = copy.window.reduce(UInt64(0)) { $0 &+ $1 }
        // The newest part has only begun: its bytes count, and so does as much of it as has passed.
        let whole = (TransferFlow.parts - 1) * TransferFlow.partNanoseconds
        let begun = now.nanoseconds % TransferFlow.partNanoseconds
        let life = UInt64(clamping: (now - since).wholeNanoseconds)
        let span = max(min(whole + begun, life), TransferFlow.partNanoseconds)
        return UInt64(exactly: (Double(sum) * 1e9 / Double(span)).rounded()) ?? 0
    }

    private mutating func advance(to now: Instant) {
        let newest = now.nanoseconds / TransferFlow.partNanoseconds
        guard newest > part else { return }
        for old in 1...min(newest - part, TransferFlow.parts) { window[Int((part + old) % TransferFlow.parts)] = 0 }
        part = newest
    }
}

/// What one peer is sent of one content, as people see it.
package struct OutboundRow: Sendable, Hashable {
    package let content: ServedContent
    package let peer: PeerID
    package let flow: TransferFlow
}

/// Adds up the transfers of one content to one peer: a peer that asks for chunk after chunk is one row with a rate, and
/// not a new one with each request.
///
/// Pure; `TransferRegistry` owns the only copy.
struct TransferMeter {
    private struct Key: Hashable {
        let peer: PeerID
        let content: ServedContent
    }

    private var flows: [Key: TransferFlow] = [:]

    /// A transfer is served; it goes on with the row of the one before it when that was a moment ago.
    mutating func begin(_ content: ServedContent, _ peer: PeerID, now: Instant) {
        let key = Key(peer: peer, content: content)
        if let flow = flows[key], now - flow.last < Limits.transferMemory { return }
        if flows.count >= Limits.transferRows, let oldest = flows.min(by: { $0.value.last < $1.value.last }) {
            flows[oldest.key] = nil
        }
        flows[key] = TransferFlow(since: now)
    }

    mutating func count(_ bytes: UInt64, _ content: ServedContent, _ peer: PeerID, now: Instant) {
        flows[Key(peer: peer, content: content)]?.count(bytes, at: now)
    }

    /// The running ones and those that ended a moment ago; forgets the others.
    mutating func rows(running: [TransferSnapshot], now: Instant) -> [OutboundRow] {
        let kept = Set(running.map { Key(peer: $0.peer, content: $0.content) })
        flows = flows.filter { kept.contains($0.key) || now - $0.value.last < Limits.transferMemory }
        return flows.map { OutboundRow(content: $0.key.content, peer: $0.key.peer, flow: $0.value) }
    }
}

/// When a number that changes many times a second is told: at once, and then not again before a pause is over. The
/// last one always is.
struct CountPace {
    enum Step: Hashable {
        case tell(Int)
        case wait(until: Instant)
    }

    let pause: Duration
    private var told = 0
    private var next: Instant?

    init(pause: Duration) { self.pause = pause }

    /// Nil: everybody knows.
    mutating func step(_ count: Int, now: Instant) -> Step? {
        guard count != told else { return nil }
        if let next, now < next { return .wait(until: next) }
        told = count
        next = now + pause
        return .tell(count)
    }
}
