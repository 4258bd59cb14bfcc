import Control
import Model
import Runtime
import Supervision
import TestKit
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

    /// What the operation table says last is what a snapshot has, also of one that goes on at the next start.
    @Test func `knows the operations that are active`() throws {
        let bus = EventBus(epoch: "one")
        bus.publish(.activeOperationsChanged([try operation(1), try operation(2)]))
        #expect(bus.subscribe(since: nil).snapshot["operations"]?.array?.count == 2)
        bus.publish(.activeOperationsChanged([try operation(2)]))
        #expect(bus.subscribe(since: nil).snapshot["operations"]?.array?.map { $0["operation_id"] } == [2])
    }
}

@Suite struct `A failing subsystem` {
    /// As lanspreadd joins the two.
    @Test func `is told of before the daemon goes`() async throws {
        struct Broken: Error {}
        try await within(.seconds(10)) {
            let bus = EventBus(epoch: "one")
            let subscription = bus.subscribe(since: nil)
            let supervisor = Supervisor(
                children: [
                    Child("QuicServer", .required, stopLimit: .seconds(1)) { up in
                        up()
                        throw Broken()
                    }
                ], time: MonotonicTime(), random: .system, log: .silent, describe: { _ in "It is broken." },
                changed: { bus.publish(.componentChanged($0)) },
                failed: { bus.publish(.runtimeFailed(component: $0, reason: $1)) })
            _ = await supervisor.run {}
            bus.finish()
            var events: [ControlEvent] = []
            while let event = await subscription.feed.next() { events.append(event) }
            let failure = try #require(events.first { $0.name == EventName.runtimeFailed })
            #expect(failure.fields == ["component": "QuicServer", "reason": "It is broken."])
            #expect(events.contains { $0.name == EventName.componentChanged && $0.number < failure.number })
        }
    }
}

@Suite struct `An event ledger` {
    private func row(_ game: String, _ sources: Int = 0) -> JSONValue {
        ["game": .string(game), "sources": .count(sources)]
    }

    private func peer(_ number: UInt8) throws -> PeerID { try Holdings.peer(number) }

    private func table(
        _ ledger: inout EventLedger, library: UInt64, _ rows: [JSONValue]
    ) -> GameTable { GameTable(reading: ledger.beginReading(), library: library, rows: rows) }

    @Test func `tells a library once, whoever finds it changed`() {
        var ledger = EventLedger()
        let rows = [row("doom"), row("quake")]
        let first = ledger.append(table(&ledger, library: 1, rows))
        #expect(first.map(\.name) == [EventName.localLibraryChanged])
        #expect(first.first?.fields["games"] == .array(rows))
        #expect(ledger.append(table(&ledger, library: 1, rows)).isEmpty)
        #expect(ledger.append(table(&ledger, library: 1, [row("doom", 1), row("quake")])).count == 1)
        #expect(ledger.append(table(&ledger, library: 2, [row("doom", 1)])).count == 1, "a game left the catalog")
        #expect(ledger.snapshot["games"] == .array([row("doom", 1)]))
    }

    @Test func `tells of a peer's library the rows that are others now`() throws {
        var ledger = EventLedger()
        _ = ledger.append(table(&ledger, library: 1, [row("doom"), row("quake"), row("zork")]))
        let rows = [row("doom"), row("quake", 2), row("zork")]
        let events = ledger.append(table(&ledger, library: 1, rows), causes: [try peer(1): true, try peer(2): false])
        #expect(events.map(\.name) == [EventName.remoteLibraryChanged])
        #expect(
            events.first?.fields == ["peer": .string(try peer(1).hex), "games": .array([row("quake", 2)])])
        #expect(ledger.snapshot["games"] == .array(rows))
        // Another library that changes no row is told; a peer that went and had nothing is not.
        #expect(ledger.append(table(&ledger, library: 1, rows), causes: [try peer(1): true]).count == 1)
        #expect(ledger.append(table(&ledger, library: 1, rows), causes: [try peer(1): false]).isEmpty)
    }

    /// The library counts it later: a table that is read in between must not be the one that nobody hears of.
    @Test func `tells that a game is gone, also before the library has counted it`() throws {
        var ledger = EventLedger()
        let rows = [row("doom"), row("quake"), row("zork")]
        _ = ledger.append(table(&ledger, library: 1, rows))
        for left in [[rows[0], rows[2]], [rows[0]], []] {
            let events = ledger.append(table(&ledger, library: 1, left))
            #expect(events.map { $0.fields["games"] } == [.array(left)])
            #expect(ledger.snapshot["games"] == .array(left))
        }
        _ = ledger.append(table(&ledger, library: 1, rows))
        let events = ledger.append(table(&ledger, library: 1, [rows[1]]), causes: [try peer(1): true])
        #expect(events.map(\.name) == [EventName.localLibraryChanged, EventName.remoteLibraryChanged])
        #expect(events.map { $0.fields["games"] } == [.array([rows[1]]), .array([])])
    }

    @Test func `does not let an older reading overwrite a newer one`() throws {
        var ledger = EventLedger()
        let old = table(&ledger, library: 1, [row("quake", 1)])
        let new = table(&ledger, library: 2, [row("quake", 2)])
        #expect(ledger.append(new).count == 1)
        #expect(ledger.append(old).isEmpty)
        #expect(ledger.snapshot["games"] == .array([row("quake", 2)]))
        let asked = ledger.append(old, isAskedFor: true)
        #expect(asked.map { $0.fields["games"] } == [.array([row("quake", 2)])], "what is newest answers it")
        let late = ledger.append(old, causes: [try peer(1): true])
        #expect(late.map { $0.fields["games"] } == [.array([])], "the peer's change is told, its rows were")
    }

    /// A reading for a peer's sake may be the first to see what changed here.
    @Test func `tells a change of this host as one`() throws {
        var ledger = EventLedger()
        _ = ledger.append(table(&ledger, library: 1, [row("quake")]))
        let events = ledger.append(table(&ledger, library: 2, [row("quake", 1)]), causes: [try peer(1): true])
        #expect(events.map(\.name) == [EventName.localLibraryChanged, EventName.remoteLibraryChanged])
        #expect(ledger.append(table(&ledger, library: 2, [row("quake", 1)])).isEmpty)
    }

    @Test func `adds up to what it told`() throws {
        var ledger = EventLedger()
        var rows = ["a", "b", "c"].map { row($0) }
        var seen: [String: JSONValue] = [:]
        func see(_ events: [ControlEvent]) {
            for event in events {
                for row in event.fields["games"]?.array ?? [] { seen[row["game"]?.string ?? ""] = row }
            }
        }
        see(ledger.append(table(&ledger, library: 1, rows)))
        for step in 1...30 {
            rows[step % 3] = row(["a", "b", "c"][step % 3], step)
            // Every fourth change is one of this host.
            let table = table(&ledger, library: UInt64(step / 4 + 1), rows)
            see(step % 4 == 0 ? ledger.append(table) : ledger.append(table, causes: [try peer(1): true]))
            #expect(seen.sorted { $0.key < $1.key }.map(\.value) == rows)
            #expect(ledger.snapshot["games"] == .array(rows))
        }
    }

    @Test func `keeps events by their number and by their rows`() {
        var backlog = EventBacklog(limit: 3, rowsLimit: 10)
        func append(_ number: UInt64, _ rows: Int) {
            let games = JSONValue.array([JSONValue](repeating: .null, count: rows))
            backlog.append(ControlEvent(number: number, name: "x", fields: ["games": games]))
        }
        for number in UInt64(1)...4 { append(number, 0) }
        #expect(backlog.events.map(\.number) == [2, 3, 4])
        append(5, 7)
        #expect(backlog.events.map(\.number) == [3, 4, 5] && backlog.rows == 10)
        append(6, 9)
        #expect(backlog.events.map(\.number) == [6])
        append(7, 10)
        #expect(backlog.events.isEmpty && backlog.rows == 0, "heavier than all the room")
    }
}
