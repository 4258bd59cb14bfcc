import Crypto
import Linux
import Quic
import Runtime

/// One host: a server on a loop of its own that runs until `stop`.
final class Host: Sendable {
    let identity: Identity
    let server: QuicServer
    private let loop: EventLoop
    private let running: Task<Void, any Error>

    init(_ change: (inout QuicSettings) -> Void = { _ in }) async throws {
        var settings = QuicSettings(listen: [.loopback(port: 0)], alpn: "test/1")
        change(&settings)
        loop = try EventLoop(name: "test")
        identity = try Identity.generate()
        let server = QuicServer(loops: [loop], identity: identity, settings: settings, log: .silent)
        self.server = server
        let up = OneShot<Bool>()
        running = Task {
            defer { up.give(false) }
            try await server.run { up.give(true) }
        }
        guard await up.take() else {
            try await running.value
            throw CancellationError()
        }
    }

    var address: SocketAddress {
        get async throws {
            guard let address = await server.listening().first else { throw CancellationError() }
            return address
        }
    }

    /// Returns how the run ended.
    func stop() async -> (any Error)? {
        running.cancel()
        do {
            try await running.value
            return nil
        } catch {
            return error
        }
    }

    deinit {
        running.cancel()
        let (running, loop) = (running, loop)
        // The loop must turn until the run has ended, and this may be any thread.
        Task.detached {
            _ = try? await running.value
            loop.stop()
        }
    }
}

/// Two hosts with one connection between them.
struct Pair: Sendable {
    let client: Host
    let server: Host
    let dialled: QuicConnection
    let accepted: QuicConnection

    init(
        client changeClient: (inout QuicSettings) -> Void = { _ in },
        server changeServer: (inout QuicSettings) -> Void = { _ in }
    ) async throws {
        client = try await Host(changeClient)
        server = try await Host(changeServer)
        var arrivals = server.server.accepted.makeAsyncIterator()
        dialled = try await client.server.connect(to: server.address)
        guard let arrived = await arrivals.next() else { throw CancellationError() }
        accepted = arrived
    }

    /// One stream, open on both sides: the dialling side's and the other's.
    func stream() async throws -> (QuicStream, QuicStream) {
        let ours = try await dialled.openStream()
        try await ours.write([0x21])
        var inbound = accepted.inbound.makeAsyncIterator()
        guard let theirs = await inbound.next() else { throw CancellationError() }
        _ = try await theirs.read(exactly: 1)
        return (ours, theirs)
    }
}

/// Asks until it is so; each question goes to an actor and back, so the loops turn meanwhile.
func eventually(_ isSo: () async -> Bool) async throws {
    while await !isSo() {
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// Every word differs from all others of the test, so nothing can land in the wrong place unseen.
func fill(_ block: MemoryBlock, _ number: Int) {
    let words = block.start.bindMemory(to: UInt64.self, capacity: block.capacity / 8)
    for index in 0..<block.capacity / 8 { words[index] = UInt64(number) << 32 | UInt64(index) }
}

func isFilled(_ block: MemoryBlock, _ number: Int) -> Bool {
    let words = block.start.bindMemory(to: UInt64.self, capacity: block.capacity / 8)
    for index in 0..<block.capacity / 8 where words[index] != UInt64(number) << 32 | UInt64(index) { return false }
    return true
}
