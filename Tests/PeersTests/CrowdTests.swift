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
        let connection = try await quic.connect(to: address)
        let link = try #require(PeerLink(connection, requests: .none, time: MonotonicTime(), log: .silent))
        _ = try await link.greet(Sample.hello(UInt8(truncatingIfNeeded: identity.peer.hashValue))) { _ in nil }
        return link
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
            // Fewer handshakes at once than a host has open; whoever is through makes room for the next.
            let atOnce = Limits.halfOpenHandshakes / 2
            var outside = guests[...]
            for guest in outside.prefix(atOnce) {
                group.addTask { await guest.library(over: try await guest.dial(address)) }
            }
            outside = outside.dropFirst(atOnce)
            var counts: [Int?] = []
            while let count = try await group.next() {
                counts.append(count)
                guard let guest = outside.popFirst() else { continue }
                group.addTask { await guest.library(over: try await guest.dial(address)) }
            }
            return counts
        }
        #expect(counts.count == 100 && counts.allSatisfy { $0 == games.count })
        #expect(await alpha.table.snapshot().count == 100)
        let grown = try Process.memory() - memory
        #expect(grown < Self.memoryLimit, "\(grown >> 20) MiB")
        let opened = try Process.descriptors() - descriptors
        #expect(opened <= Self.descriptorsLimit, "\(opened) descriptors")
        // What is left of a handshake that was tried twice is gone with its last timer, and nobody is told of that;
        // each question is a turn of that host's loop, and the test has one deadline.
        while await alpha.quic.pathCounters().connections != 100 { try Task.checkCancellation() }

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
        let clock = ManualClock()
        let alpha = try await TableHost(time: clock, games: [try Sample.summary("a")])
        let bravo = try await TableHost()
        let address = try await alpha.address()
        try await bravo.table.connect(to: address)
        await alpha.happenings.wait(for: .appeared(bravo.peer))
        let loop = try EventLoop(name: "guests")
        let guest = try await Guest(on: loop)
        let descriptors = try Process.descriptors()
        var refused = 0
        for number in 1...40 {
            do {
                let link = try await guest.dial(address)
                link.close(code: CloseCode.stopping)
            } catch {
                refused += 1
            }
            let came = number - refused
            await alpha.happenings.wait { events in
                events.count { if case .vanished(guest.peer, _) = $0 { true } else { false } } == came
            }
            // Whoever is well is answered meanwhile.
            try await within(.seconds(2)) {
                let link = try #require(await bravo.table.link(alpha.peer))
                #expect(try await link.games().games.count == 1)
            }
            clock.advance(by: .milliseconds(100))
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
