import Control
import ControlServer
import Linux
import Model
import Runtime
import TestKit
import Testing

@Suite struct `The control socket's file` {
    private func expectService(_ house: House) async throws {
        let client = try house.client()
        try await client.call(1, "rpc.version")
        #expect(try await client.line()?["id"] == 1)
    }

    @Test func `is for user and group, and goes with the daemon`() async throws {
        let house = try House()
        try await house.open { #expect($0.mode() == 0o660) }
        #expect(house.mode() == nil)
    }

    @Test func `of a dead daemon is replaced`() async throws {
        let house = try House()
        // The listener is closed at once and its file stays, as after a kill.
        _ = try UnixSocket.listen(path: house.path, mode: 0o660)
        #expect(house.mode() != nil)
        try await house.open { try await self.expectService($0) }
    }

    @Test func `of a living daemon is left alone`() async throws {
        let living = try House()
        try await living.open { living in
            let second = ControlServer(
                socketPath: living.path, handler: living.handler, loop: living.loop, log: .silent)
            await #expect(throws: ControlServerError.alreadyRunning(path: living.path)) {
                try await second.run(up: {})
            }
            try await self.expectService(living)
        }
    }

    @Test func `is never some other file`() async throws {
        let house = try House()
        try house.write("control.sock", "a game.db, given by mistake")
        await #expect(throws: ControlServerError.self) { try await house.open { _ in } }
        #expect(house.mode() != nil)
    }

    @Test func `is not touched when systemd holds the socket`() async throws {
        let outer = try House()
        let socket = try UnixSocket.listen(path: outer.path, mode: 0o666)
        let house = try House(inherited: socket)
        for _ in 1...2 {
            try await house.open { _ in
                let client = try Client(outer.path, outer.loop)
                try await client.call(1, "rpc.version")
                #expect(try await client.line()?["id"] == 1)
            }
        }
        #expect(outer.mode() == 0o666)
        #expect(house.mode() == nil)
    }
}
