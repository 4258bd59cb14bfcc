import Linux
import Runtime
import Testing

@testable import Quic

@Suite struct `A shortage of UDP buffers` {
    @Test func `is told only when there is one, with the command that ends it`() {
        #expect(BufferShortage(granted: 2 << 20, wanted: 2 << 20) == nil)
        let shortage = BufferShortage(granted: 208 << 10, wanted: 2 << 20)
        #expect(shortage?.sentence.contains("208 KiB of buffer where 2048 KiB are wanted") == true)
        #expect(shortage?.sentence.contains("sysctl -w net.core.rmem_max=2097152 net.core.wmem_max=2097152") == true)
    }
}

@Suite struct `A turn queue` {
    private final class Member {}

    @Test func `gives each member a quantum and then the next one its turn`() {
        let (first, second, third) = (Member(), Member(), Member())
        var queue = TurnQueue<Member>(quantum: 100)
        for member in [first, second, third] { queue.append(member) }
        var order: [ObjectIdentifier] = []
        for _ in 0..<6 {
            guard let current = queue.current else { break }
            order.append(ObjectIdentifier(current))
            queue.spend(60)
            queue.spend(60)
        }
        let round = [first, second, third].map { ObjectIdentifier($0) }
        #expect(order == round + round)
    }

    @Test func `puts a newcomer behind all that wait`() {
        let (first, second, late) = (Member(), Member(), Member())
        var queue = TurnQueue<Member>(quantum: 1)
        queue.append(first)
        queue.append(second)
        queue.spend(1)
        queue.append(late)
        #expect(queue.current === second)
        queue.spend(1)
        #expect(queue.current === first)
        queue.spend(1)
        #expect(queue.current === late)
    }

    @Test func `forgets members wherever they stand`() {
        let members = (0..<4).map { _ in Member() }
        var queue = TurnQueue<Member>(quantum: 1)
        for member in members { queue.append(member) }
        queue.spend(1)
        queue.remove(members[0])
        #expect(queue.current === members[1])
        queue.removeCurrent()
        #expect(queue.current === members[2])
        queue.remove(members[3])
        queue.removeCurrent()
        #expect(queue.isEmpty)
    }
}

@Suite struct `A rate gate` {
    @Test func `lets everything through without a rate`() {
        var gate = RateGate()
        gate.spend(1 << 40, at: 5)
        #expect(gate.admit(5) == nil)
    }

    @Test func `keeps to its rate after a burst`() {
        var gate = RateGate(bytesPerSecond: 1_000_000)
        var now: UInt64 = 10_000_000_000
        var sent = 0
        while now < 12_000_000_000 {
            if let later = gate.admit(now) {
                now = later
            } else {
                gate.spend(10_000, at: now)
                sent += 10_000
            }
        }
        #expect((2_000_000...2_100_000).contains(sent))
    }

    @Test func `survives numbers beyond all measure`() {
        var gate = RateGate(bytesPerSecond: 1)
        gate.spend(.max, at: .max >> 1)
        #expect(gate.admit(.max >> 1) != nil)
    }
}

@Suite struct `A half-open ledger` {
    private let stranger = SocketAddress("192.168.1.2:1000")
    private let local = SocketAddress.loopback(port: 9)

    @Test func `refuses one address after its limit and takes it again later`() throws {
        let stranger = try #require(stranger)
        var ledger = HalfOpenLedger(limit: 64, limitPerAddress: 2, retryFrom: 64)
        for port in 1...2 {
            #expect(ledger.judge(stranger.withPort(UInt16(port)), isProven: false) == .admit)
            ledger.begin(stranger.withPort(UInt16(port)))
        }
        #expect(ledger.judge(stranger, isProven: true) == .refuse)
        ledger.finish(stranger)
        #expect(ledger.judge(stranger, isProven: false) == .admit)
    }

    @Test func `excepts loopback from the limit of an address, not from that of all`() {
        var ledger = HalfOpenLedger(limit: 5, limitPerAddress: 1, retryFrom: 64)
        for _ in 0..<5 {
            #expect(ledger.judge(local, isProven: false) == .admit)
            ledger.begin(local)
        }
        #expect(ledger.judge(local, isProven: true) == .refuse)
    }

    @Test func `asks for proof under load`() {
        var ledger = HalfOpenLedger(limit: 5, limitPerAddress: 1, retryFrom: 1)
        #expect(ledger.judge(local, isProven: false) == .admit)
        ledger.begin(local)
        #expect(ledger.judge(local, isProven: false) == .askAgain)
        #expect(ledger.judge(local, isProven: true) == .admit)
    }
}

@Suite struct `A stream window` {
    @Test func `stays where it is while nobody reads`() {
        var window = StreamWindow(base: 100)
        #expect(window.due() == 0)
    }

    @Test func `opens by what a reader wants, at once, and not again as it lands`() {
        var window = StreamWindow(base: 100)
        window.want(1_000)
        #expect(window.due() == 1_000)
        window.take(600)
        #expect(window.due() == 0)
        window.take(400)
        #expect(window.due() == 0)
        window.take(50)
        #expect(window.due() == 50)
    }

    @Test func `never lets more than its base come without a reader`() {
        var window = StreamWindow(base: 100)
        var granted: UInt64 = 100
        var taken: UInt64 = 0
        for count in [10, 200, 7, 1_000] {
            window.want(count)
            granted += window.due()
            window.take(count)
            taken += UInt64(count)
            granted += window.due()
            #expect(granted - taken == 100)
        }
    }
}

@Suite struct `An inbox` {
    @Test func `gives the bytes in the order in which they came`() {
        var inbox = Inbox()
        var expected: [UInt8] = []
        var read: [UInt8] = []
        for round in 0..<200 {
            let bytes = (0..<round % 17).map { UInt8(truncatingIfNeeded: $0 &+ round) }
            expected += bytes
            bytes.withUnsafeBytes { inbox.append($0) }
            inbox.take(round % 11, into: &read)
        }
        inbox.take(.max, into: &read)
        #expect(read == expected)
        #expect(inbox.isEmpty)
    }
}

@Suite struct `A send queue` {
    private func memory(_ count: Int) -> HeapBytes { HeapBytes([UInt8](repeating: 7, count: count)) }

    @Test func `tells a writer when its bytes are in packets and keeps them until they have arrived`() {
        var queue = SendQueue()
        let (first, second) = (Pending<Void>(), Pending<Void>())
        weak var kept: HeapBytes?
        do {
            let bytes = memory(10)
            kept = bytes
            queue.append(bytes, bytes.start, 10, ends: false, first)
        }
        let end = memory(0)
        queue.append(end, end.start, 0, ends: true, second)
        queue.sent(4)
        #expect(!first.isFinished)
        queue.sent(6)
        #expect(first.isFinished && !second.isFinished)
        #expect(queue.piece.ends && queue.piece.count == 0)
        queue.sent(0)
        #expect(second.isFinished && queue.hasSentEnd && queue.piece.isEmpty)
        queue.acknowledged(9)
        #expect(kept != nil)
        queue.acknowledged(10)
        #expect(kept == nil)
    }

    @Test func `fails who waits and keeps the memory of what was sent`() async {
        var queue = SendQueue()
        let written = Pending<Void>()
        let bytes = memory(10)
        queue.append(bytes, bytes.start, 10, ends: false, written)
        queue.sent(3)
        queue.fail(.streamReset(code: 9))
        #expect(queue.piece.isEmpty)
        await #expect(throws: QuicError.streamReset(code: 9)) { try await written.value {} }
    }
}
