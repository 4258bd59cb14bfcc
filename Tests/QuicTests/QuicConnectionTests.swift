import Crypto
import Linux
import Model
import Quic
import Runtime
import TestKit
import Testing

@Suite struct `A connection` {
    @Test func `shows each side the other's key`() async throws {
        try await within {
            let pair = try await Pair()
            #expect(pair.dialled.peerKeyHash == pair.server.identity.peer.digest.bytes)
            #expect(pair.accepted.peerKeyHash == pair.client.identity.peer.digest.bytes)
            #expect(pair.dialled.isDialled && !pair.accepted.isDialled)
            #expect(try await pair.dialled.remote == pair.server.address)
            #expect(try await pair.accepted.remote == pair.client.address)
            #expect(pair.dialled.id != 0)
        }
    }

    @Test func `works over IPv6`() async throws {
        let loopback = try #require(SocketAddress("[::1]:0"))
        try await within {
            let pair = try await Pair(client: { $0.listen = [loopback] }, server: { $0.listen = [loopback] })
            let (ours, theirs) = try await pair.stream()
            try await ours.write([1, 2, 3], end: true)
            #expect(try await theirs.read(exactly: 3) == [1, 2, 3])
        }
    }

    @Test func `leaves through the socket of the target's family`() async throws {
        let both = [SocketAddress.loopback(port: 0), try #require(SocketAddress("[::1]:0"))]
        try await within {
            let client = try await Host { $0.listen = both }
            let server = try await Host { $0.listen = both }
            for address in await server.server.listening() {
                let connection = try await client.server.connect(to: address)
                #expect(connection.remote == address)
            }
            let onlyFour = try await Host()
            let six = try #require(await server.server.listening().last)
            await #expect(throws: QuicError.noSocket) { try await onlyFour.server.connect(to: six) }
        }
    }

    @Test func `to nobody is too slow`() async throws {
        let silent = try UdpSocket(bind: .loopback(port: 0))
        let address = silent.address
        try await within {
            let client = try await Host { $0.handshakeDeadline = .milliseconds(200) }
            await #expect(throws: QuicError.tooSlow(after: .milliseconds(200))) {
                try await client.server.connect(to: address)
            }
        }
        withExtendedLifetime(silent) {}
    }

    @Test func `with another protocol is refused`() async throws {
        try await within {
            let client = try await Host { $0.alpn = "other/1" }
            let server = try await Host()
            let address = try await server.address
            await #expect(throws: QuicError.refused) { try await client.server.connect(to: address) }
        }
    }

    @Test func `beyond the limit is refused, here and there`() async throws {
        try await within {
            let pair = try await Pair(server: { $0.connections = 1 })
            let address = try await pair.server.address
            await #expect(throws: QuicError.refused) { try await pair.client.server.connect(to: address) }
            let other = try await pair.client.address
            await #expect(throws: QuicError.tooManyConnections) { try await pair.server.server.connect(to: other) }
            pair.dialled.close(code: 0)
            _ = await pair.accepted.waitUntilClosed()
            _ = try await pair.client.server.connect(to: address)
        }
    }

    @Test func `that is cancelled while it is dialled leaves nothing behind`() async throws {
        let silent = try UdpSocket(bind: .loopback(port: 0))
        let address = silent.address
        try await within {
            let client = try await Host()
            let dial = Task { try await client.server.connect(to: address) }
            try await eventually { await client.server.pathCounters().connections == 1 }
            dial.cancel()
            await #expect(throws: QuicError.cancelled) { try await dial.value }
            #expect(await client.server.pathCounters().connections == 0)
        }
        withExtendedLifetime(silent) {}
    }

    @Test func `that is closed wakes all who wait, on both sides`() async throws {
        try await within {
            let pair = try await Pair(server: { $0.streamsPerConnection = 1 })
            let (ours, theirs) = try await pair.stream()
            let here = QuicError.connectionLost(.closedHere(code: 42))
            let there = QuicError.connectionLost(.closedThere(code: 42))
            async let reading = #expect(throws: here) { try await ours.read(exactly: 1) }
            async let opening = #expect(throws: here) { try await pair.dialled.openStream() }
            async let farReading = #expect(throws: there) { try await theirs.read(upTo: 10) }
            async let end = pair.accepted.waitUntilClosed()
            try await eventually { await pair.client.server.pathCounters().connections == 1 }
            pair.dialled.close(code: 42)
            _ = await (reading, opening, farReading)
            #expect(await end == there)
            #expect(await pair.dialled.waitUntilClosed() == here)
            #expect(pair.dialled.isClosed && pair.accepted.isClosed)
            for await _ in pair.accepted.inbound {}
            await #expect(throws: here) { try await ours.write([1]) }
        }
    }

    @Test func `ends when its handle is dropped`() async throws {
        try await within {
            let client = try await Host()
            let server = try await Host()
            var arrivals = server.server.accepted.makeAsyncIterator()
            _ = try await client.server.connect(to: server.address)
            let accepted = try #require(await arrivals.next())
            #expect(await accepted.waitUntilClosed() == .connectionLost(.closedThere(code: 0)))
        }
    }

    @Test func `ends in silence when nothing comes`() async throws {
        try await within {
            let pair = try await Pair(server: { $0.idleTimeout = .milliseconds(200) })
            #expect(await pair.accepted.waitUntilClosed() == .connectionLost(.silent))
        }
    }

    @Test func `is waited for only as long as the task lives`() async throws {
        try await within {
            let pair = try await Pair()
            let waiting = Task { await pair.dialled.waitUntilClosed() }
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
            #expect(!pair.dialled.isClosed)
        }
    }
}
