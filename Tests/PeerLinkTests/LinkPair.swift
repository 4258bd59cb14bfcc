import Crypto
import Linux
import Model
import Quic
import Runtime
import TestKit
import Wire

@testable import PeerLink

/// A QUIC server of a host that a test makes, on a loop of its own.
final class TestHost: Sendable {
    let loop: EventLoop
    let identity: Identity
    let quic: QuicServer
    private let task: Task<Void, Never>

    init() async throws {
        loop = try EventLoop(name: "net")
        identity = try Identity.generate()
        let settings = QuicSettings(listen: [SocketAddress.loopback(port: 0)], alpn: "lanspread/1")
        let quic = QuicServer(loops: [loop], identity: identity, settings: settings, log: .silent)
        let up = OneShot<Void>()
        task = Task { try? await quic.run { up.give() } }
        await up.take()
        self.quic = quic
    }

    func address() async throws -> SocketAddress {
        guard let address = await quic.listening().first else { throw QuicError.noSocket }
        return address
    }

    func hello() throws -> Hello {
        guard let digest = Digest([UInt8](repeating: 1, count: 32)),
            let instance = Instance([UInt8](repeating: 2, count: 16))
        else { throw QuicError.noSocket }
        return Hello(name: identity.peer.short, port: 47_600, revision: 1, digest: digest, instance: instance)
    }

    func close() async {
        task.cancel()
        await task.value
        loop.stop()
    }
}

/// Two links, one to each side of one connection, greeted and running.
final class LinkPair: Sendable {
    let alpha: TestHost
    let bravo: TestHost
    /// alpha's link to bravo: the one that asks, in most tests.
    let asking: PeerLink
    let serving: PeerLink
    let heardByAlpha = Trace<PeerMessage>()
    let heardByBravo = Trace<PeerMessage>()
    private let askingEnd: Task<LinkError, Never>
    private let servingEnd: Task<LinkError, Never>

    /// - Parameter requests: what bravo answers.
    init(_ requests: PeerRequests = .none, time: any TimeSource = MonotonicTime()) async throws {
        alpha = try await TestHost()
        bravo = try await TestHost()
        let (dialled, taken) = try await Self.connect(alpha, bravo)
        guard let asking = PeerLink(dialled, requests: .none, time: time, log: .silent),
            let serving = PeerLink(taken, requests: requests, time: time, log: .silent)
        else { throw QuicError.refused }
        let (first, second) = (try alpha.hello(), try bravo.hello())
        async let answered = serving.greet(second) { _ in nil }
        let answer = try await asking.greet(first) { _ in nil }
        guard try await answered == first, answer == second else { throw QuicError.refused }
        self.asking = asking
        self.serving = serving
        askingEnd = Task { [heardByAlpha] in await asking.run { heardByAlpha.record($0) } }
        servingEnd = Task { [heardByBravo] in await serving.run { heardByBravo.record($0) } }
    }

    static func connect(_ dialler: TestHost, _ acceptor: TestHost) async throws -> (QuicConnection, QuicConnection) {
        let address = try await acceptor.address()
        let accepted = acceptor.quic.accepted
        let dialled = try await dialler.quic.connect(to: address)
        for await taken in accepted { return (dialled, taken) }
        throw CancellationError()
    }

    /// Why bravo's link ended.
    func servingEnded() async -> LinkError { await servingEnd.value }
    func askingEnded() async -> LinkError { await askingEnd.value }

    func close() async {
        asking.close()
        serving.close()
        _ = await askingEnd.value
        _ = await servingEnd.value
        await alpha.close()
        await bravo.close()
    }
}

extension PeerRequests {
    static func chunks(
        _ serve: @escaping @Sendable (PeerID, ChunkRequest, ChunkSink) async throws(PeerRefusal) -> Void
    ) -> PeerRequests {
        var requests = PeerRequests.none
        requests.chunks = serve
        return requests
    }

    static func manifests(
        _ serve: @escaping @Sendable (PeerID, GameID, Root?) async throws(PeerRefusal) -> ManifestReply
    ) -> PeerRequests {
        var requests = PeerRequests.none
        requests.manifest = serve
        return requests
    }
}
