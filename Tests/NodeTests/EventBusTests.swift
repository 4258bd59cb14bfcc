import Control
import Model
import Testing

@testable import Node

@Suite struct `An event bus` {
    private func operation(_ number: Int64) throws -> OperationSnapshot {
        OperationSnapshot(
            id: OperationID(rawValue: number), game: try #require(GameID("quake")), kind: .download,
            brief: OperationBrief(version: try #require(GameVersion("1"))), started: "2026-01-01T00:00:00Z")
    }

    @Test func `gives a snapshot and then exactly the events after it`() async throws {
        let bus = EventBus(epoch: "one")
        bus.publish(.operationStarted(try operation(1)))
        let subscription = bus.subscribe(since: nil)
        #expect(subscription.position == EventPosition(epoch: "one", number: 1))
        #expect(subscription.snapshot["operations"]?.array?.count == 1)
        bus.publish(.operationFinished(try operation(1)))
        let event = await subscription.feed.next()
        #expect(event?.number == 2)
        #expect(event?.name == EventName.operationFinished)
        #expect(bus.subscribe(since: nil).snapshot["operations"]?.array?.isEmpty == true)
    }

    @Test func `gives a returning subscriber what it missed and no snapshot`() async throws {
        let bus = EventBus(epoch: "one")
        for number in 1...3 { bus.publish(.outboundTransfersChanged(number)) }
        let subscription = bus.subscribe(since: EventPosition(epoch: "one", number: 1))
        #expect(subscription.snapshot == .null)
        #expect(await subscription.feed.next()?.number == 2)
        #expect(await subscription.feed.next()?.number == 3)
    }

    @Test(arguments: [EventPosition(epoch: "other", number: 1), EventPosition(epoch: "one", number: 99)])
    func `gives a snapshot to one that comes from elsewhere`(_ position: EventPosition) {
        let bus = EventBus(epoch: "one")
        bus.publish(.localReady)
        #expect(bus.subscribe(since: position).snapshot != .null)
    }

    @Test func `does not promise events that it has dropped`() {
        let bus = EventBus(epoch: "one")
        for number in 0...Limits.eventsRetained { bus.publish(.outboundTransfersChanged(number)) }
        #expect(bus.subscribe(since: EventPosition(epoch: "one", number: 0)).snapshot != .null)
        #expect(bus.subscribe(since: EventPosition(epoch: "one", number: 1)).snapshot == .null)
    }
}
