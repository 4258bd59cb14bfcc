import Control
import ControlServer
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `A subscription` {
    private func event(_ number: UInt64, _ text: String = "") -> ControlEvent {
        ControlEvent(number: number, name: EventName.operationProgress, fields: ["text": .string(text)])
    }

    private func feed(_ house: House) throws -> EventFeed {
        try #require(house.handler.state.withLock { $0.feeds.last })
    }

    @Test func `is a snapshot and then every event`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            let reply = try await client.line()
            #expect(reply?["result"] == ["epoch": "e", "number": 10, "snapshot": ["games": []]])
            for number in 11...40 { #expect(try self.feed(house).offer(self.event(UInt64(number)))) }
            for number in 11...40 { #expect(try await client.incoming() == .event(self.event(UInt64(number)))) }
            // Calls are answered between events.
            try await client.call(2, "rpc.version")
            #expect(try await client.line()?["id"] == 2)
        }
    }

    @Test func `goes on after the position that was asked for`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe", ["since": ["epoch": "e", "number": 3]])
            #expect(try await client.line()?["result"]?["number"] == 3)
        }
    }

    /// So that the reason of a failing daemon reaches those who listen.
    @Test func `gets what was said before the server was told to stop`() async throws {
        let kept = Mutex<Client?>(nil)
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            _ = try await client.line()
            kept.withLock { $0 = client }
            for number in 11...13 { #expect(try self.feed(house).offer(self.event(UInt64(number)))) }
        }
        let client = try #require(kept.withLock { $0 })
        for number in 11...13 { #expect(try await client.incoming() == .event(self.event(UInt64(number)))) }
    }

    /// A client must not wait for events behind a snapshot that it never got.
    @Test func `ends when its snapshot is beyond the limit of a reply`() async throws {
        try await House().open { house in
            let text = String(repeating: "x", count: Limits.controlReplyBytes)
            house.handler.state.withLock { $0.snapshot = .string(text) }
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            #expect(try await client.line()?["error"]?["data"]?["kind"] == "internal_fault")
            let feed = try self.feed(house)
            while feed.offer(self.event(11)) { await Task.yield() }
        }
    }

    @Test func `has a gap where an event is beyond the limit of a line`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            _ = try await client.line()
            let text = String(repeating: "x", count: Limits.controlReplyBytes)
            _ = try self.feed(house).offer(self.event(11, text))
            _ = try self.feed(house).offer(self.event(12))
            let gap = ControlEvent(number: 11, name: EventName.gap, fields: ["from": 11, "to": 11])
            #expect(try await client.incoming() == .event(gap))
            #expect(try await client.incoming() == .event(self.event(12)))
        }
    }

    @Test func `takes the place of the one before`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            _ = try await client.line()
            let old = try self.feed(house)
            _ = old.offer(self.event(11))
            #expect(try await client.incoming() == .event(self.event(11)))
            try await client.call(2, "events.subscribe")
            #expect(try await client.line()?["id"] == 2)
            #expect(!old.offer(self.event(12)), "the publisher forgets the old one")
            _ = try self.feed(house).offer(self.event(12, "new"))
            #expect(try await client.incoming() == .event(self.event(12, "new")))
            // Each one that is replaced ends, however fast they come.
            for id in Int64(3)...9 { try await client.call(id, "events.subscribe") }
            for id in Int64(3)...9 { #expect(try await client.line()?["id"] == .int(id)) }
            _ = try self.feed(house).offer(self.event(13))
            #expect(try await client.incoming() == .event(self.event(13)))
        }
    }

    /// After a gap a client begins again: what it reads after the new snapshot is newer than that. It is not dropped
    /// for the answer that it cannot have yet.
    @Test func `begins again behind what was sent before`() async throws {
        var settings = ControlServerSettings()
        settings.replyDeadline = .milliseconds(500)
        try await House(settings).open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            _ = try await client.line()
            let text = String(repeating: "x", count: 4_096)
            for number in 1...4_000 { _ = try self.feed(house).offer(self.event(UInt64(number), text)) }
            try await client.call(2, "events.subscribe")
            try await self.waitUntilOthersAreDropped(house)
            var next: UInt64 = 1
            while case .event(let event)? = try await client.incoming() {
                #expect(event.number == next)
                next += 1
            }
            // That was the reply, and far from all was told: what waited was for the old subscription.
            #expect(next > 1 && next < 1_000)
            _ = try self.feed(house).offer(self.event(4_001))
            #expect(try await client.incoming() == .event(self.event(4_001)))
        }
    }

    @Test func `of a client that does not read has a gap and is not dropped`() async throws {
        var settings = ControlServerSettings()
        settings.replyDeadline = .milliseconds(50)
        try await House(settings).open { house in
            let client = try house.client()
            try await client.call(1, "events.subscribe")
            _ = try await client.line()
            let text = String(repeating: "x", count: 4_096)
            for number in 1...4_000 { _ = try self.feed(house).offer(self.event(UInt64(number), text)) }
            // A reply that is unread for as long costs the connection; when that has happened, the time is over.
            try await self.waitUntilOthersAreDropped(house)
            var next: UInt64 = 1
            var gaps = 0
            while next <= 4_000, case .event(let event)? = try await client.incoming() {
                if event.name == EventName.gap {
                    gaps += 1
                    #expect(event.fields["from"] == .bytes(next))
                } else {
                    #expect(event.number == next)
                }
                next = event.number + 1
            }
            #expect(gaps == 1)
            #expect(next == 4_001)
            _ = try self.feed(house).offer(self.event(4_001))
            #expect(try await client.incoming() == .event(self.event(4_001)))
        }
    }

    private func waitUntilOthersAreDropped(_ house: House) async throws {
        house.handler.state.withLock { $0.reply = ["text": .string(String(repeating: "x", count: 2 << 20))] }
        let client = try house.client()
        try await client.call(1, "daemon.status")
        await house.says("A control client is dropped: it left a reply unread.")
    }

    @Test func `ends for the publisher when its client leaves`() async throws {
        try await House().open { house in
            try await self.subscribeAndLeave(house)
            let feed = try self.feed(house)
            // The server learns of it from the loop; an offer is refused from then on.
            while feed.offer(self.event(11)) { await Task.yield() }
        }
    }

    private func subscribeAndLeave(_ house: House) async throws {
        let client = try house.client()
        try await client.call(1, "events.subscribe")
        _ = try await client.line()
    }
}
