import Crypto
import Linux
import Model
import PeerLink
import Quic
import Runtime
import TestKit
import Wire

/// A peer that lies: a real identity on a real socket, with answers that the test chooses.
final class TestPeer: Sendable {
    let identity: Identity
    private let quic: QuicServer

    private init() throws {
        identity = try Identity.generate()
        guard let address = SocketAddress("127.0.0.1:0") else { throw TestFailure("no loopback") }
        quic = QuicServer(
            loops: [TestLoops.shared], identity: identity, settings: QuicSettings(listen: [address], alpn: Hello.alpn),
            log: .silent)
    }

    /// Runs a lying peer while `body` runs: it takes connections, says hello, announces `games`, and answers with
    /// `requests`. What the daemon tells it goes to `heard`.
    static func living<Value: Sendable>(
        games: [GameSummary] = [], requests: PeerRequests = .none,
        heard: @escaping @Sendable (PeerMessage) -> Void = { _ in },
        _ body: @escaping @Sendable (TestPeer) async throws -> Value
    ) async throws -> Value {
        let peer = try TestPeer()
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            let up = OneShot<Void>()
            group.addTask {
                do { try await peer.quic.run(up: { up.give() }) } catch is CancellationError {}
                return nil
            }
            await up.take()
            group.addTask {
                await peer.accept(games, requests, heard)
                return nil
            }
            group.addTask { try await body(peer) }
            var value: Value?
            while let result = try await group.next() {
                guard let result else { continue }
                value = result
                group.cancelAll()
            }
            guard let value else { throw TestFailure("the test peer ended without a result") }
            return value
        }
    }

    private func accept(
        _ games: [GameSummary], _ requests: PeerRequests, _ heard: @escaping @Sendable (PeerMessage) -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            for await connection in quic.accepted {
                group.addTask { await self.live(connection, games, requests, heard) }
            }
        }
    }

    private func live(
        _ connection: QuicConnection, _ games: [GameSummary], _ requests: PeerRequests,
        _ heard: @escaping @Sendable (PeerMessage) -> Void
    ) async {
        guard let link = PeerLink(connection, requests: requests, time: MonotonicTime(), log: .silent),
            (try? await link.greet(hello()) { _ in nil }) != nil
        else { return }
        link.post(.librarySnapshot(LibraryPage(revision: 1, page: 0, pages: 1, games: games)))
        _ = await link.run { message throws(LinkError) in
            if case .ping(let nonce) = message { link.post(.pong(nonce: nonce)) }
            heard(message)
        }
    }

    func address() async throws -> String {
        guard let address = await quic.listening().first else { throw TestFailure("the test peer does not listen") }
        return address.description
    }

    private func hello() throws -> Hello {
        guard let instance = Instance(RandomSource.system.bytes(Instance.byteCount)) else {
            throw TestFailure("an instance has 16 bytes")
        }
        return Hello(name: "liar", port: 1, revision: 1, digest: SHA256.hash([]), instance: instance)
    }

    // MARK: - Dialling

    /// A connection to a daemon up to its hello_ack, and its control stream, for bytes of one's own.
    func dial(_ address: String) async throws -> (connection: QuicConnection, control: QuicStream) {
        guard let remote = SocketAddress(address) else { throw TestFailure("\(address) is no address") }
        let connection = try await quic.connect(to: remote)
        let control = try await connection.openStream()
        try await control.write(WireCodec.encode(.hello(try hello())))
        let prefix = try await control.read(exactly: WireCodec.lengthBytes)
        _ = try await control.read(exactly: try WireCodec.length(prefix, limit: Limits.wireMessageBytes))
        return (connection, control)
    }

    /// A link to a daemon that lives while `body` runs: it says hello and answers pings.
    func link<Value: Sendable>(
        to address: String, _ body: @escaping @Sendable (PeerLink) async throws -> Value
    ) async throws -> Value {
        guard let remote = SocketAddress(address) else { throw TestFailure("\(address) is no address") }
        let connection = try await quic.connect(to: remote)
        guard let link = PeerLink(connection, requests: .none, time: MonotonicTime(), log: .silent) else {
            throw TestFailure("the daemon has no identity")
        }
        _ = try await link.greet(hello()) { _ in nil }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                _ = await link.run { message throws(LinkError) in
                    if case .ping(let nonce) = message { link.post(.pong(nonce: nonce)) }
                }
                return nil
            }
            group.addTask { try await body(link) }
            for try await case let value? in group {
                group.cancelAll()
                return value
            }
            throw TestFailure("the link ended")
        }
    }

    /// What an honest daemon answers to `get_manifest` of a game that is hashed.
    func manifest(of game: GameID, from address: String) async throws -> [UInt8] {
        let (connection, control) = try await dial(address)
        // A control stream that nobody holds any more is reset.
        defer { withExtendedLifetime(control) { connection.close(code: CloseCode.goodbye) } }
        let stream = try await connection.openStream()
        try await stream.write(WireCodec.encode(.getManifest(game, nil)), end: true)
        let header = try ReplyHeader.decode(
            try await stream.read(exactly: ReplyHeader.byteCount), bytesLimit: Limits.manifestBytes)
        let body = try await stream.read(exactly: Int(header.length))
        guard header.kind == .bytes else { throw TestFailure("the manifest of \(game) is not built yet") }
        return body
    }
}
