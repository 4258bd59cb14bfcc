package import Linux
package import Model
package import Quic
package import Runtime
import Synchronization
package import Wire

/// Our connection to one peer, seen from above QUIC: control messages both ways, our requests, and the peer's.
///
/// Born with a connection, made known by `greet`, alive inside `run`. Whoever owns it runs it; it starts no task that
/// outlives `run`.
package final class PeerLink: Sendable {
    package let peer: PeerID
    package let remote: SocketAddress
    /// Whether this host asked for the connection.
    package let isDialled: Bool
    /// Counted up over the life of the process, so that two links to one peer are told apart.
    package let id: UInt64

    let connection: QuicConnection
    let requests: PeerRequests
    let time: any TimeSource
    let log: Log
    private let control = Mutex<QuicStream?>(nil)
    private let outbox = Outbox()

    /// Nil for a connection whose key hash is no SHA-256.
    package init?(_ connection: QuicConnection, requests: PeerRequests, time: any TimeSource, log: Log) {
        guard let digest = Digest(connection.peerKeyHash) else { return nil }
        peer = PeerID(digest)
        remote = connection.remote
        isDialled = connection.isDialled
        id = connection.id
        self.connection = connection
        self.requests = requests
        self.time = time
        self.log = log
    }

    // MARK: - The handshake

    /// Exchanges hellos on the control stream: the dialler opens it and speaks first.
    ///
    /// - Parameter judge: is asked as soon as the peer's hello is here, and before it is answered: a close code refuses
    ///   the peer.
    /// - Throws: after which the connection is closed with a code that says why.
    package func greet(
        _ mine: Hello, judge: @escaping @Sendable (Hello) async -> UInt64?
    ) async throws(LinkError) -> Hello {
        do throws(LinkError) {
            return try await limited(to: Limits.handshakeDeadline, time) { [self] () throws(LinkError) in
                if isDialled {
                    let theirs = try await speakFirst(mine)
                    if let code = await judge(theirs) { throw .turnedAway(code: code) }
                    return theirs
                }
                let (stream, theirs) = try await listenFirst()
                if let code = await judge(theirs) { throw .turnedAway(code: code) }
                try await stream.put(WireCodec.encode(.helloAck(mine)))
                return theirs
            }
        } catch {
            close(code: error.closeCode)
            throw error
        }
    }

    private func speakFirst(_ mine: Hello) async throws(LinkError) -> Hello {
        let stream: QuicStream
        do throws(QuicError) {
            stream = try await connection.openStream()
        } catch {
            throw LinkError(error)
        }
        control.withLock { $0 = stream }
        try await stream.put(WireCodec.encode(.hello(mine)))
        guard case .helloAck(let theirs) = try await stream.message() else {
            throw LinkError(.outOfPlace(message: "message other than hello_ack"))
        }
        return theirs
    }

    private func listenFirst() async throws(LinkError) -> (QuicStream, Hello) {
        for await stream in connection.inbound {
            // The dialler's first stream; a request that overtook it on the way is not due yet.
            guard stream.id == PeerLink.controlStreamID else {
                stream.reset(code: StreamCode.busy)
                continue
            }
            control.withLock { $0 = stream }
            guard case .hello(let theirs) = try await stream.message() else {
                throw LinkError(.outOfPlace(message: "message other than hello"))
            }
            return (stream, theirs)
        }
        throw Task.isCancelled ? .cancelled : .lost
    }

    /// The first bidirectional stream of a QUIC client (RFC 9000, 2.1).
    private static let controlStreamID: Int64 = 0

    // MARK: - Life

    /// Reads messages, writes ours and serves requests until the link ends; returns why it did. Once, after `greet`.
    ///
    /// - Parameter received: is given one message after the other; the next one is not read before it returns.
    package func run(_ received: @escaping @Sendable (PeerMessage) async throws(LinkError) -> Void) async -> LinkError {
        guard let stream = control.withLock({ $0 }) else { preconditionFailure("a link runs after its hellos") }
        let server = RequestServer(link: self)
        let reason = await withTaskGroup(of: LinkError.self) { group in
            group.addTask { await self.readMessages(stream, received) }
            group.addTask { await self.outbox.run(stream, self.time) }
            group.addTask { await server.run() }
            group.addTask { await LinkError(self.connection.waitUntilClosed()) }
            let first = await group.next() ?? .lost
            close(code: first.closeCode)
            group.cancelAll()
            return first
        }
        outbox.end(reason == .cancelled ? .lost : reason)
        // A fault that closed the connection says more than that the connection is closed.
        return server.fault ?? reason
    }

    private func readMessages(
        _ stream: QuicStream, _ received: @Sendable (PeerMessage) async throws(LinkError) -> Void
    ) async -> LinkError {
        do throws(LinkError) {
            while true { try await received(try await stream.message()) }
        } catch .cut {
            return .lost
        } catch {
            return error
        }
    }

    // MARK: - Telling

    /// Returns when the message has gone into packets. Messages go out in the order of the calls.
    package func send(_ message: PeerMessage) async throws(LinkError) {
        try await outbox.post(WireCodec.encode(message))
    }

    /// The same without waiting, for whoever reads messages: a reader that waits for its writer could wait for a peer
    /// that does the same. Returns false when too many wait already or the link has ended.
    @discardableResult
    package func post(_ message: PeerMessage) -> Bool { outbox.add(WireCodec.encode(message)) != nil }

    /// From any thread: tells the peer the code and ends everything on this link.
    package func close(code: UInt64 = CloseCode.stopping) { connection.close(code: code) }

    package var isClosed: Bool { connection.isClosed }

    /// Returns why, or `.cancelled` in a cancelled task.
    @discardableResult
    package func waitUntilClosed() async -> QuicError { await connection.waitUntilClosed() }
}
