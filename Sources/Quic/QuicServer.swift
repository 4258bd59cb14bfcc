package import Crypto
package import Linux
package import Runtime

/// This host's QUIC: accepts and dials over the same sockets, with one key for all.
///
/// The actor is the door only; the work is done by `QuicEndpoint` on the same thread. `run()` may be called again after
/// it ended; handles of an earlier run fail with `.connectionLost`.
package actor QuicServer {
    private var endpoint: QuicEndpoint?
    private let loop: EventLoop
    private let identity: Identity
    private let settings: QuicSettings
    private let log: Log
    private let arrivals: ConnectionArrivals
    private let degraded: @Sendable (String?) -> Void

    /// - Parameter loops: the net loops; the first one carries everything until the shard byte of the connection ids is
    ///   used to spread connections over more of them.
    /// - Parameter degraded: told why less than everything works, once it runs.
    package init(
        loops: [EventLoop], identity: Identity, settings: QuicSettings, log: Log,
        degraded: @escaping @Sendable (String?) -> Void = { _ in }
    ) {
        guard let first = loops.first else { preconditionFailure("a QUIC server needs a net loop") }
        precondition(!settings.listen.isEmpty, "a QUIC server listens somewhere")
        loop = first
        self.identity = identity
        self.settings = settings
        self.log = log
        self.degraded = degraded
        arrivals = ConnectionArrivals(limit: settings.acceptBacklog)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Opens the sockets, says `up` and serves until it is cancelled; every peer is told, nothing waits any longer.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        precondition(endpoint == nil, "run() has one life at a time")
        let endpoint = QuicEndpoint(loop: loop, identity: identity, settings: settings, log: log, arrivals: arrivals)
        try endpoint.start()
        self.endpoint = endpoint
        defer {
            endpoint.stop()
            self.endpoint = nil
        }
        up()
        let granted = endpoint.ports.map(\.bufferBytes).min() ?? .max
        degraded(BufferShortage(granted: granted, wanted: settings.socketBufferBytes)?.sentence)
        let reason = await Self.end(of: endpoint.over)
        if reason == .cancelled { throw CancellationError() }
        throw reason
    }

    private static func end(of run: Pending<QuicError>) async -> QuicError {
        do {
            return try await run.value { run.fail(.cancelled) }
        } catch {
            return error
        }
    }

    // MARK: - Connections

    /// Connections that peers opened, both keys verified. One consumer at a time: a new stream ends the one before it.
    /// One that nobody takes in time is closed.
    package nonisolated var accepted: AsyncStream<QuicConnection> { arrivals.stream() }

    /// Returns when both sides have accepted the other's key.
    ///
    /// - Throws: `.tooSlow` when nobody answered, `.refused` when the other side does not want us.
    package func connect(to remote: SocketAddress) async throws(QuicError) -> QuicConnection {
        guard let endpoint else { throw .connectionLost(.stopped) }
        let connected = Pending<QuicConnection>()
        endpoint.dial(remote, connected)
        return try await connected.value { [self] in
            loop.perform { self.assumeIsolated { $0.cancel(connected) } }
        }
    }

    private func cancel(_ connected: Pending<QuicConnection>) {
        if let endpoint { endpoint.cancel(connected) } else { connected.fail(.cancelled) }
    }

    // MARK: - What there is

    /// The addresses with their ports; empty when it does not run.
    package func listening() -> [SocketAddress] {
        endpoint?.ports.map(\.address) ?? []
    }

    package func pathCounters() -> QuicCounters {
        guard let endpoint else { return QuicCounters() }
        var counters = endpoint.counters
        counters.connections = endpoint.connections.count
        counters.halfOpen = endpoint.halfOpen.count
        return counters
    }
}
