import Control
import ControlServer
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@Suite struct `A control server` {
    @Test func `answers a call with its id`() async throws {
        let house = try House()
        house.handler.state.withLock { $0.reply = ["peers": [], "extra": 1] }
        try await house.open { house in
            let client = try house.client()
            try await client.call(7, "peer.list")
            #expect(try await client.incoming() == .result(id: 7, ["peers": [], "extra": 1, "next": .null]))
            try await client.call(8, "rpc.version")
            #expect(try await client.line()?["result"] == RPC.versionResult)
        }
    }

    @Test func `checks parameters before it calls anybody`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "game.download", ["gaem": "quake"])
            try await client.call(2, "no.such.thing")
            let replies = [try await client.line(), try await client.line()]
            #expect(Set(replies.map { $0?["error"]?["data"]?["kind"]?.string }) == ["usage", "no_such_method"])
            #expect(Set(replies.map { $0?["error"]?["code"]?.int }) == [-32602, -32601])
            #expect(house.handler.state.withLock { $0.calls } == [])
        }
    }

    @Test func `hands on a failure with its kind, subject and hint`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "game.info", ["game": "qwake"])
            let failure = Failure(.noSuchGame, "There is no such game.", subject: "qwake", hint: "Look.")
            #expect(try await client.incoming() == .failure(id: 1, failure))
        }
    }

    @Test func `lets a wait not hold up the call that ends it`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "operation.wait", ["operation_id": 42])
            try await client.call(2, "operation.cancel", ["operation_id": 42])
            let replies = [try await client.line()?["id"], try await client.line()?["id"]]
            #expect(Set(replies) == [1, 2])
        }
    }

    @Test func `begins the seventeenth call when one of sixteen has ended`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            for id in 1...Limits.controlCallsPerClient {
                try await client.call(Int64(id), "operation.wait", ["operation_id": 42])
                #expect(await house.handler.next(house.handler.began.stream) == "operation.wait")
            }
            try await client.call(17, "peer.list")
            // Another client is served meanwhile, so the server had its time to begin the seventeenth.
            let other = try house.client()
            try await other.call(1, "rpc.version")
            _ = try await other.line()
            #expect(house.handler.state.withLock { $0.calls.last } == "operation.wait")
            house.handler.gate.open()
            var ids: Set<JSONValue> = []
            for _ in 1...17 { ids.insert(try #require(try await client.line()?["id"])) }
            #expect(ids.count == 17)
        }
    }

    @Test func `says who changes something`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "game.download", ["game": "quake"])
            try await client.call(2, "peer.list")
            _ = try await client.line()
            _ = try await client.line()
            let notices = house.records.trace.events.filter { $0.level == .notice }
            #expect(notices.count == 1)
            let fields = notices.first?.fields ?? []
            #expect(fields.contains(.field("method", "game.download")))
            #expect(fields.contains(.game("quake")))
            #expect(fields.contains(.field("client_pid", Machine.processID)))
            #expect(fields.contains(.field("client_uid", Machine.userID)))
        }
    }

    @Test func `carries out a notification and answers nothing`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.send(#"{"jsonrpc":"2.0","method":"daemon.shutdown"}"# + "\n")
            #expect(await house.handler.next(house.handler.ended.stream) == "daemon.shutdown")
            try await client.call(1, "rpc.version")
            #expect(try await client.line()?["id"] == 1)
        }
    }

    @Test func `answers a client that has finished sending`() async throws {
        let house = try House()
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "operation.wait", ["operation_id": 42])
            try UnixSocket.shutdownWriting(client.socket)
            #expect(await house.handler.next(house.handler.began.stream) == "operation.wait")
            house.handler.gate.open()
            #expect(try await client.line()?["id"] == 1)
            #expect(try await client.line() == nil)
        }
    }

    @Test func `ends the waits of a client that left, and carries its changes through`() async throws {
        let house = try House()
        try await house.open { house in
            try await self.askAndLeave(house)
            #expect(await house.handler.next(house.handler.ended.stream) == "operation.wait")
            #expect(house.handler.state.withLock { $0.cancelled } == ["operation.wait"])
            house.handler.gate.open()
            #expect(await house.handler.next(house.handler.ended.stream) == "game.install")
            #expect(house.handler.state.withLock { $0.cancelled } == ["operation.wait"])
        }
    }

    private func askAndLeave(_ house: House) async throws {
        let client = try house.client()
        try await client.call(1, "operation.wait", ["operation_id": 42])
        try await client.call(2, "game.install", ["game": "quake"])
        _ = await house.handler.next(house.handler.began.stream)
        _ = await house.handler.next(house.handler.began.stream)
    }

    @Test func `can run again after it was stopped`() async throws {
        let house = try House()
        for id in 1...3 {
            try await house.open { house in
                let client = try house.client()
                try await client.call(Int64(id), "rpc.version")
                #expect(try await client.line()?["id"] == .int(Int64(id)))
                try await client.call(99, "operation.wait", ["operation_id": 42])
            }
        }
    }
}
