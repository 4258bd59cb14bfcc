import Control
import ControlServer
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing

/// Every one of them ends within ten seconds and costs nobody else anything.
@Suite struct `A hostile control client` {
    /// A well-behaved client is served.
    private func expectService(_ house: House) async throws {
        let client = try house.client()
        try await client.call(1, "rpc.version")
        #expect(try await client.line()?["result"] == RPC.versionResult)
    }

    private func kind(_ line: JSONValue?) -> String? { line?["error"]?["data"]?["kind"]?.string }

    @Test func `with a line over the limit is answered and closed`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await client.send([UInt8](repeating: UInt8(ascii: "x"), count: Limits.controlRequestBytes + 1))
            let reply = try await client.line()
            #expect(self.kind(reply) == "malformed")
            #expect(reply?["error"]?["message"]?.string?.contains("65536") == true)
            #expect(try await client.line() == nil)
            try await self.expectService(house)
        }
    }

    @Test func `with a line at the limit is only answered`() async throws {
        try await House().open { house in
            let client = try house.client()
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: Limits.controlRequestBytes)
            try await client.send(line + [UInt8(ascii: "\n")])
            #expect(try await client.line()?["error"]?["code"]?.int == -32700)
            try await client.call(1, "rpc.version")
            #expect(try await client.line()?["id"] == 1)
        }
    }

    @Test func `that never ends its line is answered and closed`() async throws {
        var settings = ControlServerSettings()
        settings.lineDeadline = .milliseconds(50)
        try await House(settings).open { house in
            let client = try house.client()
            try await client.send(#"{"jsonrpc":"2.0","#)
            #expect(try await client.line()?["error"]?["message"]?.string?.contains("not finished") == true)
            #expect(try await client.line() == nil)
            try await self.expectService(house)
        }
    }

    @Test func `with 513 brackets is answered and served on`() async throws {
        try await House().open { house in
            let client = try house.client()
            for opening in ["[", #"{"a":"#] {
                try await client.send(String(repeating: opening, count: 513) + "\n")
                #expect(try await client.line()?["error"]?["code"]?.int == -32700)
            }
            try await client.send(Array("\u{0}\u{1}garbage\n".utf8) + [0xff, 0xfe, 0x0a])
            #expect(self.kind(try await client.line()) == "malformed")
            #expect(self.kind(try await client.line()) == "malformed")
            try await client.call(1, "rpc.version")
            #expect(try await client.line()?["id"] == 1)
        }
    }

    @Test func `that never reads its reply is dropped`() async throws {
        var settings = ControlServerSettings()
        settings.replyDeadline = .milliseconds(100)
        let house = try House(settings)
        let text = String(repeating: "x", count: 2 << 20)
        house.handler.state.withLock { $0.reply = ["text": .string(text)] }
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "daemon.status")
            try await self.expectService(house)
            #expect(await house.handler.next(house.handler.ended.stream) == "daemon.status")
            await house.says("A control client is dropped: it left a reply unread.")
            try await self.expectService(house)
        }
    }

    @Test func `that leaves in the middle of a reply costs nothing`() async throws {
        let house = try House()
        let text = String(repeating: "x", count: 2 << 20)
        house.handler.state.withLock { $0.reply = ["text": .string(text)] }
        try await house.open { house in
            for _ in 1...8 { try await self.askAndLeave(house) }
            try await self.expectService(house)
        }
    }

    private func askAndLeave(_ house: House) async throws {
        let client = try house.client()
        try await client.call(1, "daemon.status")
        var some = [UInt8](repeating: 0, count: 100)
        try await client.waitForBytes()
        _ = try some.withUnsafeMutableBytes { try UnixSocket.receive(client.socket, into: $0) }
    }

    @Test func `beyond the sixty-fourth is told busy and closed`() async throws {
        try await House().open { house in
            var clients: [Client] = []
            for _ in 1...Limits.controlClients {
                let client = try house.client()
                try await client.call(1, "rpc.version")
                _ = try await client.line()
                clients.append(client)
            }
            let refused = try house.client()
            let reply = try await refused.line()
            #expect(self.kind(reply) == "busy")
            #expect(reply?["id"] == .null)
            #expect(try await refused.line() == nil)
            clients.removeFirst()
            // The place is free when the server has seen the client go: ask until then.
            while true {
                let next = try house.client()
                try await next.call(1, "rpc.version")
                if try await next.line()?["id"] == 1 { break }
            }
        }
    }

    @Test func `that asks more than it reads waits for its own answers`() async throws {
        try await House().open { house in
            let client = try house.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for id in 1...5_000 { try await client.call(Int64(id), "rpc.version") } }
                var seen = 0
                while seen < 5_000, try await client.line() != nil { seen += 1 }
                #expect(seen == 5_000)
                try await group.waitForAll()
            }
        }
    }

    @Test func `that wants a reply beyond the limit gets a failure`() async throws {
        let house = try House()
        let text = String(repeating: "x", count: Limits.controlReplyBytes)
        house.handler.state.withLock { $0.reply = ["text": .string(text)] }
        try await house.open { house in
            let client = try house.client()
            try await client.call(1, "daemon.status")
            #expect(self.kind(try await client.line()) == "internal_fault")
        }
    }
}
