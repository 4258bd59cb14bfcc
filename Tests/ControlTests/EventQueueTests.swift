import Control
import Model
import Testing

@Suite struct `An event queue` {
    private func event(_ number: UInt64) -> ControlEvent { ControlEvent(number: number, name: "x") }

    @Test func `loses nothing up to its limit`() {
        var queue = EventQueue(limit: 3)
        for number in 1...3 { queue.offer(event(UInt64(number))) }
        #expect((1...4).map { _ in queue.take()?.number } == [1, 2, 3, nil])
    }

    @Test func `says from where to where it lost`() {
        var queue = EventQueue(limit: 2)
        for number in 1...5 { queue.offer(event(UInt64(number))) }
        #expect(queue.take()?.number == 1)
        // Room again, but what is lost stays one gap until the queue has run empty.
        queue.offer(event(6))
        #expect(queue.take()?.number == 2)
        let gap = queue.take()
        #expect(gap == ControlEvent(number: 6, name: EventName.gap, fields: ["from": 3, "to": 6]))
        queue.offer(event(7))
        #expect(queue.take()?.number == 7)
        #expect(queue.take() == nil)
    }

    /// An event with a list of so many rows: it weighs one more.
    private func list(_ number: UInt64, rows: Int) -> ControlEvent {
        ControlEvent(number: number, name: "x", fields: ["games": .array(.init(repeating: .null, count: rows))])
    }

    @Test func `loses what is too heavy together`() {
        var queue = EventQueue(limit: 100, rowsLimit: 10)
        queue.offer(list(1, rows: 4))
        queue.offer(list(2, rows: 4))
        queue.offer(list(3, rows: 0))
        #expect((1...3).map { _ in queue.take()?.name } == ["x", "x", EventName.gap])
        // Taken out, it weighs no more.
        queue.offer(list(4, rows: 9))
        #expect(queue.take()?.number == 4)
        #expect(queue.take() == nil)
    }

    @Test func `has room for one event of any weight`() {
        var queue = EventQueue(limit: 100, rowsLimit: 10)
        queue.offer(list(1, rows: 5_000))
        queue.offer(list(2, rows: 0))
        #expect(queue.take()?.number == 1)
        #expect(queue.take()?.fields == ["from": 2, "to": 2])
    }

    @Test func `takes a backlog beyond its limit`() {
        var queue = EventQueue(limit: 1, backlog: [event(1), event(2)])
        queue.offer(event(3))
        queue.offer(event(4))
        #expect((1...3).map { _ in queue.take()?.number } == [1, 2, 3])
        #expect(queue.take()?.fields == ["from": 4, "to": 4])
    }

    @Test func `gives no room back for a backlog that took none`() {
        var queue = EventQueue(limit: 100, rowsLimit: 10, backlog: [list(1, rows: 9)])
        queue.offer(list(2, rows: 7))
        #expect(queue.take()?.number == 1)
        queue.offer(list(3, rows: 7))
        #expect((1...2).map { _ in queue.take()?.name } == ["x", EventName.gap])
    }
}

@Suite struct `An event feed` {
    @Test func `wakes its consumer and ends when it is finished`() async {
        let feed = EventFeed(limit: 4)
        async let numbers = {
            var numbers: [UInt64] = []
            while let event = await feed.next() { numbers.append(event.number) }
            return numbers
        }()
        for number in 1...4 { #expect(feed.offer(ControlEvent(number: UInt64(number), name: "x"))) }
        feed.finish()
        #expect(await numbers == [1, 2, 3, 4])
        #expect(!feed.offer(ControlEvent(number: 5, name: "x")))
    }

    @Test func `lets a cancelled consumer go`() async {
        let feed = EventFeed()
        let consumer = Task { await feed.next() }
        consumer.cancel()
        #expect(await consumer.value == nil)
    }
}
