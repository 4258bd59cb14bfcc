import Crypto
import Linux
import Model
import PeerLink
import Quic
import Runtime
import TestKit
import Testing
import Wire

@testable import Peers

/// A peer in the small: an identity and a socket, no table. Many of them share one thread.
private final class Guest: Sendable {
    let peer: PeerID
    private let identity: Identity
    private let quic: QuicServer
    private let life: Task<Void, Never>

    init(on loop: EventLoop) async throws {
        identity = try Identity.generate()
        peer = identity.peer
        let quic = QuicServer(
            loops: [loop], identity: identity,
            settings: QuicSettings(listen: [.loopback(port: 0)], alpn: Hello.alpn), log: .silent)
        self.quic = quic
        let up = OneShot<Void>()
        life = Task { try? await quic.run { up.give() } }
        await up.take()
    }

    func dial(_ address: SocketAddress) async throws -> PeerLink {
        let connection = try await connection(to: address)
        let link = try #require(PeerLink(connection, requests: .none, time: MonotonicTime(), log: .silent))
        _ = try await link.greet(Sample.hello(UInt8(truncatingIfNeeded: identity.peer.hashValue))) { _ in nil }
        return link
    }

    /// A hundred handshakes at once are more than a host has open: who is turned away comes again, as a dial plan does.
    private func connection(to address: SocketAddress) async throws -> QuicConnection {
        for _ in 0..<50 {
            do throws(QuicError) {
                return try await quic.connect(to: address)
            } catch {
                guard error == .refused else { throw error }
            }
            try await MonotonicTime().sleep(for: .milliseconds(100))
        }
        throw QuicError.refused
    }

    /// What a host that does not want this guest says.
    func refusal(at address: SocketAddress) async throws -> QuicError {
        let connection = try await quic.connect(to: address)
        let link = try #require(PeerLink(connection, requests: .none, time: MonotonicTime(), log: .silent))
        do throws(LinkError) {
            _ = try await link.greet(Sample.hello()) { _ in nil }
        } catch {
            return await link.waitUntilClosed()
        }
        return .cancelled
    }

    /// Reads until the whole library is here and gives its size; nil when the link ended before.
    func library(over link: PeerLink) async -> Int? {
        let count = OneShot<Int?>()
        let reading = Task {
            var mirror = LibraryMirror()
            let (pages, arrived) = AsyncStream.makeStream(
                of: LibraryPage.self, bufferingPolicy: .bufferingOldest(Limits.peerMessages))
            let life = Task {
                _ = await link.run { message throws(LinkError) in
                    if case .librarySnapshot(let page) = message { arrived.yield(page) }
                    if case .ping(let nonce) = message { link.post(.pong(nonce: nonce)) }
                }
                arrived.finish()
            }
            for await page in pages where (try? mirror.take(page)) == .changed { count.give(mirror.games.count) }
            await life.value
            count.give(nil)
        }
        defer { withExtendedLifetime(reading) {} }
        return await count.take()
    }

    func close() async {
        life.cancel()
        await life.value
    }
}

private enum Process {
    /// Resident memory in bytes.
    static func memory() throws -> Int {
        let text = String(
            decoding: try Files.readAll(try Files.openRead(atPath: "/proc/self/statm"), limit: 4_096) ?? [],
            as: UTF8.self
        )
        return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0) * 4_096
    }

    static func descriptors() throws -> Int {
        try Beneath.list(try Files.openDirectory(atPath: "/proc/self/fd")).count
    }
}

@Suite(.timeLimit(.minutes(2)), .serialized) struct `A crowd of peers` {
    /// What a hundred peers may cost, both sides of each link in this one process together.
    private static let memoryLimit = 100 * (768 << 10)
    /// One socket for each guest, and a few that the rest of the process opens meanwhile.
    private static let descriptorsLimit = 100 + 16

    @Test func `of a hundred all get our library, and the next one is told that it is full`() async throws {
        let games = try (0..<200).map { try Sample.summary("game-\($0)") }
        let alpha = try await TableHost(games: games, limit: 100)
        let address = try await alpha.address()
        let loop = try EventLoop(name: "guests")
        let (memory, descriptors) = (try Process.memory(), try Process.descriptors())
        var guests: [Guest] = []
        for _ in 0...100 { guests.append(try await Guest(on: loop)) }
        let last = guests.removeLast()
        let counts = try await withThrowingTaskGroup(of: Int?.self) { group in
            for guest in guests { group.addTask { await guest.library(over: try await guest.dial(address)) } }
            return try await group.reduce(into: [Int?]()) { $0.append($1) }
        }
        #expect(counts.count == 100 && counts.allSatisfy { $0 == games.count })
        #expect(await alpha.table.snapshot().count == 100)
        let grown = try Process.memory() - memory
        #expect(grown < Self.memoryLimit, "\(grown >> 20) MiB")
        let opened = try Process.descriptors() - descriptors
        #expect(opened <= Self.descriptorsLimit, "\(opened) descriptors")
        // Those that were refused at the half-open limit, and came again, take a moment to be gone.
        while await alpha.quic.pathCounters().connections != 100 {
            try await MonotonicTime().sleep(for: .milliseconds(5))
        }

        // Told why, not only turned away.
        #expect(try await last.refusal(at: address) == .connectionLost(.closedThere(code: CloseCode.full)))
        #expect(await alpha.table.snapshot().count == 100)

        for guest in guests + [last] { await guest.close() }
        await alpha.happenings.wait { $0.count { if case .vanished = $0 { true } else { false } } == 100 }
        #expect(await alpha.table.snapshot().isEmpty)
        await alpha.close()
        loop.stop()
    }

    @Test func `is not disturbed by one that comes and goes ten times a second`() async throws {
        let alpha = try await TableHost(games: [try Sample.summary("a")])
        let bravo = try await TableHost()
        let address = try await alpha.address()
        try await bravo.table.connect(to: address)
        await alpha.happenings.wait(for: .appeared(bravo.peer))
        let loop = try EventLoop(name: "guests")
        let guest = try await Guest(on: loop)
        let descriptors = try Process.descriptors()
        var refused = 0
        for _ in 0..<40 {
            do {
                let link = try await guest.dial(address)
                link.close(code: CloseCode.stopping)
            } catch {
                refused += 1
            }
            // Whoever is well is answered meanwhile.
            try await within(.seconds(2)) { _ = try await bravo.table.link(alpha.peer)?.games() }
            try await MonotonicTime().sleep(for: .milliseconds(100))
        }
        #expect(refused >= 40 - Limits.flaps)
        await alpha.happenings.wait {
            let gone = $0.count { if case .vanished = $0 { true } else { false } }
            return gone == $0.count { $0 == .appeared(guest.peer) }
        }
        #expect(await alpha.table.snapshot().map(\.peer) == [bravo.peer])
        let lines = alpha.records.trace.events.filter { $0.level > .debug && $0.fields.contains(.peer(guest.peer)) }
        #expect(lines.count <= 2 * Limits.flaps + 2)
        #expect(lines.count { $0.kind == "peer_flapping" } >= 1)
        #expect(try Process.descriptors() <= descriptors)
        #expect(await alpha.quic.pathCounters().connections == 1)
        await guest.close()
        await alpha.close()
        await bravo.close()
        loop.stop()
    }
}

@Suite struct `A peer that comes and goes` {
    @Test func `is left alone for a moment when it does so too often`() {
        var state = FlapState()
        var now = Sample.start
        for number in 1..<Limits.flaps {
            #expect(state.come(Sample.peer(1), now: now) == false, "\(number)")
            now = now + .milliseconds(100)
        }
        #expect(!state.isPaused(Sample.peer(1), now: now))
        #expect(state.come(Sample.peer(1), now: now) == true)
        #expect(state.isPaused(Sample.peer(1), now: now) && !state.isPaused(Sample.peer(2), now: now))
        #expect(!state.isPaused(Sample.peer(1), now: now + Limits.flapPause))
    }

    @Test func `is welcome for as long as it takes its time`() {
        var state = FlapState()
        for number in 0..<100 {
            let now = Sample.start + .milliseconds(600 * number)
            #expect(state.come(Sample.peer(1), now: now) == false)
        }
    }
}
