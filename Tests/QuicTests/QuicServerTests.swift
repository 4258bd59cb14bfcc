import Crypto
import Linux
import Model
import Runtime
import TestKit
import Testing

@testable import Quic

@Suite struct `A QUIC server` {
    @Test func `runs again after it ended, and its consumer goes on`() async throws {
        try await within {
            let loop = try EventLoop(name: "again")
            let host = try await Host()
            var settings = QuicSettings(listen: [.loopback(port: 0)], alpn: "test/1")
            settings.acceptBacklog = 4
            let server = QuicServer(loops: [loop], identity: host.identity, settings: settings, log: .silent)
            for _ in 0..<2 {
                let up = OneShot<Void>()
                let running = Task { try await server.run { up.give() } }
                await up.take()
                let address = try #require(await server.listening().first)
                let dialled = try await host.server.connect(to: address)
                // Each run's consumer is a new one; the first is cancelled in mid-wait.
                let first = Task { for await connection in server.accepted { _ = connection.id } }
                first.cancel()
                await first.value
                let again = try await host.server.connect(to: address)
                var arrivals = server.accepted.makeAsyncIterator()
                _ = try #require(await arrivals.next())
                running.cancel()
                await #expect(throws: CancellationError.self) { try await running.value }
                #expect(await dialled.waitUntilClosed().connectionIsLost)
                #expect(await again.waitUntilClosed().connectionIsLost)
                #expect(await server.listening().isEmpty)
                await #expect(throws: QuicError.connectionLost(.stopped)) {
                    try await server.connect(to: host.address)
                }
            }
            loop.stop()
        }
    }

    @Test func `says that it is reduced when the kernel gives it less buffer than it wants`() async throws {
        try await within {
            let loop = try EventLoop(name: "buffers")
            // More than any kernel gives, whoever asks (socket(7)): half of the largest Int32.
            for (wanted, isShort) in [(4_096, false), (Int(Int32.max), true)] {
                var settings = QuicSettings(listen: [.loopback(port: 0)], alpn: "test/1")
                settings.socketBufferBytes = wanted
                let reason = OneShot<String?>()
                let server = QuicServer(
                    loops: [loop], identity: try Identity.generate(), settings: settings, log: .silent,
                    degraded: { reason.give($0) })
                let running = Task { try await server.run {} }
                let told = await reason.take()
                #expect((told != nil) == isShort)
                #expect(told?.contains("net.core.rmem_max=\(wanted)") ?? true)
                running.cancel()
                _ = try? await running.value
            }
            loop.stop()
        }
    }

    @Test func `cannot listen where another does`() async throws {
        try await within {
            let host = try await Host()
            let address = try await host.address
            await #expect(throws: QuicError.self) { try await Host { $0.listen = [address] } }
        }
    }

    @Test func `ends at once, whatever waits on it`() async throws {
        try await within(.seconds(2)) {
            let pair = try await Pair()
            let (ours, theirs) = try await pair.stream()
            let pool = MemoryPool(blockBytes: 4 << 20, limit: 1)
            let block = try await pool.acquire()
            async let stalled = #expect(throws: QuicError.connectionLost(.stopped)) {
                try await theirs.write(block, count: 4 << 20, end: true)
            }
            try await eventually { await pair.server.server.pathCounters().bytesSent > 500_000 }
            #expect(await pair.server.stop() is CancellationError)
            _ = await stalled
            await #expect(throws: QuicError.self) { try await ours.read(exactly: 4 << 20) }
        }
    }

    @Test func `takes garbage for what it is`() async throws {
        try await within {
            let pair = try await Pair()
            let address = try await pair.server.address
            let stranger = try UdpSocket(bind: .loopback(port: 0))
            let random = RandomSource(seed: 7)
            var count: UInt64 = 0
            for length in [0, 1, 7, 8, 20, 21, 22, 43, 1_199, 1_200, 1_472] {
                for form in [UInt8(0x40), 0xc0, 0xff, 0x00] {
                    var bytes = random.bytes(length)
                    if length > 0 { bytes[0] = form | bytes[0] & 0x0f }
                    // A version that we speak, and lengths of ids that lie.
                    if length > 6, form == 0xc0 { bytes.replaceSubrange(1...5, with: [0, 0, 0, 1, bytes[5]]) }
                    count += 1
                    guard length > 0 else { continue }
                    _ = try bytes.withUnsafeBytes { try stranger.send($0, segment: $0.count, to: address) }
                }
            }
            try await eventually { await pair.server.server.pathCounters().strayDatagrams > 30 }
            let (ours, theirs) = try await pair.stream()
            try await ours.write([5], end: true)
            #expect(try await theirs.read(exactly: 1) == [5])
        }
    }

    @Test func `tells a peer that its connection was forgotten, but not for ever`() async throws {
        try await within {
            let server = try await Host()
            let address = try await server.address
            let stranger = try UdpSocket(bind: .loopback(port: 0))
            var packet = RandomSource.system.bytes(60)
            packet[0] = 0x40
            for _ in 0..<100 { _ = try packet.withUnsafeBytes { try stranger.send($0, segment: 60, to: address) } }
            try await eventually { await server.server.pathCounters().strayDatagrams == 100 }
            var answers: [[UInt8]] = []
            while try stranger.receive({ received in
                for start in stride(from: 0, to: received.bytes.count, by: received.segment) {
                    answers.append([UInt8](received.bytes[start..<start + received.segment]))
                }
            }) > 0 {}
            // The limit of a second, or of two when the test crosses from one to the next.
            #expect(answers.count == 32 || answers.count == 64)
            let token = packet.withUnsafeBytes { bytes in
                bytes.baseAddress.map { EndpointSecrets(identity: server.identity).resetToken($0 + 1) }
            }
            #expect(answers.allSatisfy { $0.count < 43 && $0[0] & 0xc0 == 0x40 && Array($0.suffix(16)) == token })
        }
    }

    @Test func `is not kept busy by half-open handshakes`() async throws {
        try await within {
            let server = try await Host {
                $0.halfOpen = 4
                $0.handshakeDeadline = .milliseconds(700)
            }
            let flood = try await FirstPackets(count: 12)
            try flood.send(to: try await server.address)
            try await eventually { await server.server.pathCounters().refusedHandshakes == 8 }
            #expect(await server.server.pathCounters().halfOpen == 4)
            // After the deadline there is room again.
            try await eventually { await server.server.pathCounters().halfOpen == 0 }
            let client = try await Host()
            _ = try await client.server.connect(to: server.address)
        }
    }

    @Test func `under load asks strangers to prove their address, and takes who does`() async throws {
        try await within {
            let server = try await Host { $0.halfOpenBeforeRetry = 2 }
            let flood = try await FirstPackets(count: 10)
            try flood.send(to: try await server.address)
            try await eventually { await server.server.pathCounters().retries == 8 }
            #expect(await server.server.pathCounters().halfOpen == 2)
            let client = try await Host()
            let connection = try await client.server.connect(to: server.address)
            #expect(connection.peerKeyHash == server.identity.peer.digest.bytes)
            // A loaded machine is asked more than once.
            #expect(await server.server.pathCounters().retries > 8)
        }
    }

    @Test func `closes who is not taken in time`() async throws {
        try await within {
            let server = try await Host { $0.acceptBacklog = 1 }
            let client = try await Host()
            let first = try await client.server.connect(to: server.address)
            do {
                // Whether the dial is told before or after it has succeeded is a matter of two datagrams.
                let second = try await client.server.connect(to: server.address)
                #expect(await second.waitUntilClosed() == .connectionLost(.closedThere(code: 0)))
            } catch {
                #expect(error as? QuicError == .refused)
            }
            #expect(!first.isClosed)
        }
    }
}

/// The first packets of handshakes that never go on, caught on their way to nobody.
private struct FirstPackets: Sendable {
    private let packets: [[UInt8]]

    init(count: Int) async throws {
        let client = try await Host()
        let trap = try UdpSocket(bind: .loopback(port: 0))
        let address = trap.address
        let dials = (0..<count).map { _ in Task { try await client.server.connect(to: address) } }
        var packets: [[UInt8]] = []
        try await eventually {
            while let _ = try? trap.receive({ received in
                if received.bytes.count >= 1_200, packets.count < count, isNew(received, packets) {
                    packets.append([UInt8](received.bytes.prefix(received.segment)))
                }
            }), packets.count < count {
                await Task.yield()
            }
            return packets.count == count
        }
        for dial in dials { dial.cancel() }
        self.packets = packets
    }

    func send(to address: SocketAddress) throws {
        let socket = try UdpSocket(bind: .loopback(port: 0))
        for packet in packets {
            _ = try packet.withUnsafeBytes { try socket.send($0, segment: $0.count, to: address) }
        }
    }
}

/// Not the probe of a handshake that is there already: another id of the client.
private func isNew(_ received: UdpSocket.Received, _ packets: [[UInt8]]) -> Bool {
    let head = [UInt8](received.bytes.prefix(24))
    return !packets.contains { $0[6..<14] == head[6..<14] }
}
