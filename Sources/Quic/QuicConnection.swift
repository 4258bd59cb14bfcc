package import Linux
import Runtime

/// A connection to a peer whose key is known, for any task. A handle that is dropped closes it.
package final class QuicConnection: Sendable {
    /// SHA-256 of the peer's SubjectPublicKeyInfo, 32 bytes.
    package let peerKeyHash: [UInt8]
    package let remote: SocketAddress
    /// Whether we asked for it.
    package let isDialled: Bool
    /// Counted up over the life of the server; never used twice.
    package let id: UInt64

    private let loop: EventLoop
    private let gate: ConnectionGate
    /// Touched on `loop` only: every use stands inside `perform`.
    nonisolated(unsafe) private let core: ConnectionCore

    init(_ core: ConnectionCore, peerKeyHash: [UInt8], loop: EventLoop) {
        self.peerKeyHash = peerKeyHash
        remote = core.remote
        isDialled = core.isDialled
        id = core.id
        gate = core.gate
        self.core = core
        self.loop = loop
    }

    deinit {
        // Handed to the loop, which alone touches it.
        nonisolated(unsafe) let core = core
        loop.perform { core.close(code: 0) }
    }

    /// The streams that the peer opens; one consumer. It finishes with the connection.
    package var inbound: AsyncStream<QuicStream> { gate.inbound }

    package var isClosed: Bool { gate.isClosed }

    /// Waits while the peer allows no more streams. The peer learns of a stream by its first byte.
    package func openStream() async throws(QuicError) -> QuicStream {
        let pending = Pending<QuicStream>()
        loop.perform { self.core.open(pending) }
        return try await pending.value { [loop] in
            loop.perform { pending.fail(.cancelled) }
        }
    }

    /// From any thread: tells the peer and ends everything that waits.
    package func close(code: UInt64) {
        loop.perform { self.core.close(code: code) }
    }

    /// Returns why it was closed, or `.cancelled` in a cancelled task.
    package func waitUntilClosed() async -> QuicError {
        await gate.waitUntilClosed()
    }
}
