import Linux
import Model
import Quic
import Runtime
import TestKit
import Testing
import Wire

@testable import PeerLink

/// A peer that speaks QUIC and lies above it, and the link that has to do with it.
private struct Liar {
    let alpha: TestHost
    let bravo: TestHost
    let connection: QuicConnection
    let control: QuicStream
    let link: PeerLink
    let end: Task<LinkError, Never>

    init(time: any TimeSource = MonotonicTime()) async throws {
        alpha = try await TestHost()
        bravo = try await TestHost()
        let (dialled, taken) = try await LinkPair.connect(alpha, bravo)
        connection = dialled
        let link = try #require(PeerLink(taken, requests: .none, time: time, log: .silent))
        let (mine, theirs) = (try bravo.hello(), try alpha.hello())
        async let greeted = link.greet(mine) { _ in nil }
        control = try await dialled.openStream()
        try await control.write(WireCodec.encode(.hello(theirs)))
        _ = try await greeted
        self.link = link
        end = Task { await link.run { _ in } }
    }

    func close() async {
        connection.close(code: 0)
        _ = await end.value
        await alpha.close()
        await bravo.close()
    }
}

@Suite(.timeLimit(.minutes(1))) struct `A link to a liar` {
    private let brackets = WireCodec.frame([UInt8](repeating: UInt8(ascii: "["), count: 513))

    @Test func `ends at a frame that claims 4 GiB, before a byte of it`() async throws {
        let liar = try await Liar()
        try await liar.control.write([255, 255, 255, 255])
        #expect(await liar.end.value == .malformed("a frame claims 4294967295 bytes where 65536 are allowed"))
        #expect(await liar.connection.waitUntilClosed() == .connectionLost(.closedThere(code: CloseCode.malformed)))
        await liar.close()
    }

    @Test func `ends at 513 brackets on the control stream`() async throws {
        let liar = try await Liar()
        try await liar.control.write(brackets)
        #expect(await liar.end.value == .malformed("a message is refused: it is nested deeper than 16 levels"))
        await liar.close()
    }

    @Test func `ends at a request of 4 GiB or of 513 brackets`() async throws {
        for bytes in [[255, 255, 255, 255], brackets] {
            let liar = try await Liar()
            let stream = try await liar.connection.openStream()
            try await stream.write(bytes)
            guard case .malformed = await liar.end.value else {
                Issue.record("the link went on")
                return await liar.close()
            }
            await liar.close()
        }
    }

    @Test func `refuses what it does not know and goes on`() async throws {
        let liar = try await Liar()
        try await liar.control.write(WireCodec.frame(Array(#"{"type":"weather"}"#.utf8)))
        let stream = try await liar.connection.openStream()
        try await stream.write(WireCodec.frame(Array(#"{"type":"get_weather"}"#.utf8)), end: true)
        #expect(try await stream.read(exactly: WireCodec.encode(.unknown).count) == WireCodec.encode(.unknown))
        await liar.close()
    }

    @Test func `resets a request that does not come within its deadline`() async throws {
        let clock = ManualClock()
        let liar = try await Liar(time: clock)
        let stream = try await liar.connection.openStream()
        try await stream.write([0, 0])
        await clock.sleepers(1)
        clock.advance(by: Limits.requestHeaderDeadline)
        await #expect(throws: QuicError.streamReset(code: 0)) { try await stream.read(exactly: 1) }
        #expect(!liar.link.isClosed)
        await liar.close()
    }

    @Test func `does not wait for a hello longer than the handshake deadline`() async throws {
        let clock = ManualClock()
        let (alpha, bravo) = (try await TestHost(), try await TestHost())
        let (dialled, taken) = try await LinkPair.connect(alpha, bravo)
        let link = try #require(PeerLink(taken, requests: .none, time: clock, log: .silent))
        let mine = try bravo.hello()
        async let greeted: LinkError? = #expect(throws: LinkError.tooSlow(after: Limits.handshakeDeadline)) {
            try await link.greet(mine) { _ in nil }
        }
        await clock.sleepers(1)
        clock.advance(by: Limits.handshakeDeadline)
        _ = await greeted
        #expect(await dialled.waitUntilClosed() == .connectionLost(.closedThere(code: CloseCode.tooSlow)))
        await alpha.close()
        await bravo.close()
    }
}
