import Crypto
import Linux
import Model
import Runtime
import Synchronization
import TestKit
import Testing
import Wire

@testable import Peers

@Suite struct `A book of peers` {
    private let address = SocketAddress.loopback(port: 1)

    @Test func `writes down who is new, moved or renamed, and the others once a minute`() {
        var book = PeerBook()
        let peer = Sample.peer(1)
        book.see(peer, name: "alpha", address: address, seen: 1_000)
        #expect(book.takeUnsaved().map(\.seen) == [1_000])
        #expect(book.takeUnsaved().isEmpty)
        book.see(peer, name: "alpha", address: address, seen: 1_059)
        #expect(book.takeUnsaved().isEmpty && book.peers[peer]?.seen == 1_059)
        book.see(peer, name: "alpha", address: address, seen: 1_060)
        #expect(book.takeUnsaved().count == 1)
        book.see(peer, name: "bravo", address: address, seen: 1_061)
        #expect(book.takeUnsaved().count == 1)
        book.see(peer, name: "bravo", address: .loopback(port: 2), seen: 1_062)
        #expect(book.takeUnsaved().count == 1)
    }

    @Test func `forgets those seen longest ago above its limit, and a blocked one never`() {
        var book = PeerBook()
        book.see(Sample.peer(255), name: "", address: address, seen: 0)
        #expect(book.setBlocked(Sample.peer(255), true) == true)
        for number in 0...Limits.peersRemembered {
            var bytes = [UInt8](repeating: 0, count: 32)
            bytes[0] = UInt8(number >> 8)
            bytes[1] = UInt8(number & 255)
            guard let digest = Digest(bytes) else { return }
            book.see(PeerID(digest), name: "", address: address, seen: Int64(number + 1))
        }
        #expect(book.peers.count == Limits.peersRemembered + 1)
        #expect(book.isBlocked(Sample.peer(255)) && book.peers[Sample.peer(0)] == nil)
    }

    @Test func `keeps what this life knows when the old one is read`() {
        var book = PeerBook()
        book.see(Sample.peer(1), name: "new", address: address, seen: 5)
        let old = RememberedPeer(peer: Sample.peer(1), name: "old", address: address, isBlocked: true, seen: 1)
        book.load([old])
        #expect(book.peers[Sample.peer(1)]?.name == "new")
        #expect(book.setBlocked(Sample.peer(2), true) == false)
    }
}

/// A state database in the small: what was written down, for another life.
private final class Shelf: Sendable {
    private let rows = Mutex<[PeerID: RememberedPeer]>([:])

    var memory: PeerMemory {
        PeerMemory(
            load: { self.rows.withLock { Array($0.values) } },
            remember: { peers in self.rows.withLock { rows in for peer in peers { rows[peer.peer] = peer } } },
            forget: { peer in self.rows.withLock { $0[peer] = nil } },
            setBlocked: { peer, isBlocked in self.rows.withLock { $0[peer]?.isBlocked = isBlocked } })
    }

    subscript(_ peer: PeerID) -> RememberedPeer? { rows.withLock { $0[peer] } }
}

@Suite(.timeLimit(.minutes(1))) struct `A peer table with a memory` {
    @Test func `remembers whom it was linked with, over a restart, until told to forget`() async throws {
        let shelf = Shelf()
        let (alpha, bravo) = (try await TableHost(memory: shelf.memory), try await TableHost(name: "bravo"))
        try await alpha.table.connect(to: bravo.address())
        let address = try await bravo.address()
        await bravo.close()
        await alpha.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        let known = try #require(await alpha.table.remembered().first)
        #expect(known.peer == bravo.peer && known.name == "bravo" && known.address == address && !known.isBlocked)
        await alpha.close()
        #expect(shelf[bravo.peer]?.address == address)

        let again = try await TableHost(memory: shelf.memory)
        #expect(await again.table.remembered().map(\.peer) == [bravo.peer])
        await again.table.forget(bravo.peer)
        #expect(await again.table.remembered().isEmpty && shelf[bravo.peer] == nil)
        await again.close()
    }

    @Test func `wants nothing to do with a blocked peer, in either direction, over a restart`() async throws {
        let shelf = Shelf()
        let (alpha, bravo) = (try await TableHost(memory: shelf.memory), try await TableHost())
        let (here, there) = (try await alpha.address(), try await bravo.address())
        try await alpha.table.connect(to: there)
        await bravo.happenings.wait(for: .appeared(alpha.peer))
        #expect(await alpha.table.setBlocked(bravo.peer, true))
        await alpha.happenings.wait(for: .vanished(bravo.peer, "it is blocked here"))
        await bravo.happenings.wait(for: .vanished(alpha.peer, "it has blocked this host"))
        await #expect(throws: PeersError.blocked(bravo.peer)) { try await alpha.table.connect(to: there) }
        await #expect(throws: PeersError.blockedThere) { try await bravo.table.connect(to: here) }
        #expect(await alpha.table.undialled() == [bravo.peer])
        await alpha.close()

        let again = try await TableHost(memory: shelf.memory)
        let now = try await again.address()
        await #expect(throws: PeersError.blockedThere) { try await bravo.table.connect(to: now) }
        #expect(await again.table.snapshot().isEmpty)
        #expect(await again.table.setBlocked(bravo.peer, false))
        try await bravo.table.connect(to: now)
        await again.happenings.wait(for: .appeared(bravo.peer))
        #expect(await again.table.setBlocked(Sample.peer(1), true) == false)
        await again.close()
        await bravo.close()
    }
}

@Suite struct `A peer table's block` {
    @Test func `wins over all else`() {
        var state = PeerTableState(own: Sample.peer(1), instance: Sample.instance(7))
        let address = SocketAddress.loopback(port: 1)
        state.book.see(Sample.peer(2), name: "", address: address, seen: 1)
        _ = state.book.setBlocked(Sample.peer(2), true)
        // Not even a dial of ours that has begun before.
        _ = state.beginGreeting(Sample.peer(2))
        let verdict = state.judge(
            Sample.peer(2), link: 1, isDialled: true, hello: Sample.hello(), address: address, now: Sample.start)
        #expect(verdict == .refuse(code: CloseCode.blocked))
        state.clear()
        #expect(state.book.isBlocked(Sample.peer(2)))
    }
}
