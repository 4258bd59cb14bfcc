import Linux
import Mdns
import Model
import Runtime
import TestKit
import Testing
import Wire

@testable import Peers

/// Values that the tests of this target share.
enum Sample {
    static func peer(_ byte: UInt8) -> PeerID {
        guard let digest = Digest([UInt8](repeating: byte, count: 32)) else { preconditionFailure("32 bytes") }
        return PeerID(digest)
    }

    static func instance(_ byte: UInt8) -> Instance {
        guard let instance = Instance([UInt8](repeating: byte, count: 16)) else { preconditionFailure("16 bytes") }
        return instance
    }

    static func hello(_ byte: UInt8 = 1, version: Int = 1) -> Hello {
        Hello(
            protocolVersion: version, name: "alpha", port: 47_600, revision: 1, digest: peer(0).digest,
            instance: instance(byte))
    }

    static func summary(_ text: String, bytes: UInt64 = 1) throws -> GameSummary {
        GameSummary(
            game: try #require(GameID(text)), version: try #require(GameVersion("1")), availability: .ready,
            root: Root(peer(9).digest), bytes: bytes, files: 1)
    }

    static let start = Instant(nanoseconds: 1_000_000_000_000)
}

@Suite struct `A peer table's state` {
    private let address = SocketAddress.loopback(port: 1)

    private func judge(
        _ state: inout PeerTableState, _ peer: UInt8, link: UInt64, isDialled: Bool, hello: Hello = Sample.hello()
    ) -> PeerTableState.Verdict {
        state.judge(
            Sample.peer(peer), link: link, isDialled: isDialled, hello: hello, address: address, now: Sample.start)
    }

    /// Of two connections, whichever comes first on either side, both sides keep the one that the smaller identity
    /// dialled.
    @Test func `keeps the link that the smaller identity dialled, in every order`() {
        for ours in [UInt8(1), 3] {
            for dialledFirst in [true, false] {
                var state = PeerTableState(own: Sample.peer(ours), instance: Sample.instance(7))
                #expect(judge(&state, 2, link: 10, isDialled: dialledFirst) == .admit(replacing: nil))
                let second = judge(&state, 2, link: 11, isDialled: !dialledFirst)
                let stays = (ours < 2) == dialledFirst
                #expect(second == (stays ? .refuse(code: CloseCode.duplicate) : .admit(replacing: 10)))
                #expect(state.isCurrent(Sample.peer(2), stays ? 10 : 11))
            }
        }
    }

    @Test func `lets a peer that was started again replace its old link`() {
        for (isFirstDialled, isSecondDialled) in [(true, true), (true, false), (false, true), (false, false)] {
            var state = PeerTableState(own: Sample.peer(1), instance: Sample.instance(7))
            _ = judge(&state, 2, link: 10, isDialled: isFirstDialled)
            let again = judge(&state, 2, link: 11, isDialled: isSecondDialled, hello: Sample.hello(99))
            #expect(again == .admit(replacing: 10))
        }
    }

    @Test func `greets a peer once at a time, and a linked one never`() {
        var state = PeerTableState(own: Sample.peer(3), instance: Sample.instance(7))
        #expect(state.beginGreeting(Sample.peer(2)) == true)
        #expect(state.beginGreeting(Sample.peer(2)) == false)
        state.endGreeting(Sample.peer(2))
        _ = judge(&state, 2, link: 10, isDialled: true)
        #expect(state.beginGreeting(Sample.peer(2)) == false)
    }

    @Test func `refuses the other dial at once while its own, which will stay, says hello`() {
        for (own, verdict) in [
            (UInt8(1), PeerTableState.Verdict.refuse(code: CloseCode.duplicate)), (3, .admit(replacing: nil)),
        ] {
            var state = PeerTableState(own: Sample.peer(own), instance: Sample.instance(7))
            #expect(state.beginGreeting(Sample.peer(2)) == true)
            #expect(judge(&state, 2, link: 10, isDialled: false) == verdict)
        }
    }

    @Test func `tells itself from a clone by the instance`() {
        var state = PeerTableState(own: Sample.peer(1), instance: Sample.instance(7))
        let own = judge(&state, 1, link: 1, isDialled: false, hello: Sample.hello(7))
        #expect(own == .refuse(code: CloseCode.ownIdentity))
        #expect(judge(&state, 1, link: 2, isDialled: false) == .refuse(code: CloseCode.clonedIdentity))
    }

    @Test func `refuses other versions, banned peers, and one peer too many`() {
        var state = PeerTableState(own: Sample.peer(255), instance: Sample.instance(7))
        let other = judge(&state, 1, link: 1, isDialled: false, hello: Sample.hello(version: 2))
        #expect(other == .refuse(code: CloseCode.versionMismatch))
        for count in 1...Limits.strikes {
            #expect(state.strike(Sample.peer(1), now: Sample.start) == (count == Limits.strikes))
        }
        #expect(judge(&state, 1, link: 1, isDialled: false) == .refuse(code: CloseCode.banned))
        for number in 0..<Limits.connections {
            var bytes = [UInt8](repeating: 0, count: 32)
            bytes[0] = UInt8(number / 200 + 1)
            bytes[1] = UInt8(number % 200)
            guard let digest = Digest(bytes) else { return }
            let verdict = state.judge(
                PeerID(digest), link: UInt64(number), isDialled: false, hello: Sample.hello(), address: address,
                now: Sample.start)
            #expect(verdict == .admit(replacing: nil))
        }
        #expect(judge(&state, 250, link: 9_999, isDialled: false) == .refuse(code: CloseCode.full))
    }

    @Test func `forgets a peer with its link, and nothing with a replaced one`() {
        var state = PeerTableState(own: Sample.peer(1), instance: Sample.instance(7))
        _ = judge(&state, 2, link: 10, isDialled: false)
        _ = judge(&state, 2, link: 11, isDialled: true)
        #expect(state.remove(Sample.peer(2), link: 10) == false)
        #expect(state.remove(Sample.peer(2), link: 11) == true)
        #expect(state.entries.isEmpty)
    }
}

@Suite struct `A count of strikes` {
    @Test func `ban for ten minutes when three fall within ten`() {
        var state = StrikeState()
        let peer = Sample.peer(1)
        var now = Sample.start
        #expect(state.strike(peer, now: now) == false)
        now = now + Limits.strikeWindow
        // The first one is forgotten by now.
        #expect(state.strike(peer, now: now) == false)
        #expect(state.strike(peer, now: now) == false)
        #expect(!state.isBanned(peer, now: now))
        #expect(state.strike(peer, now: now) == true)
        #expect(state.isBanned(peer, now: now + Limits.banDuration - .nanoseconds(1)))
        #expect(!state.isBanned(peer, now: now + Limits.banDuration))
    }
}

@Suite struct `A mirror of a library` {
    private func page(_ page: Int, of pages: Int, revision: UInt64 = 5, _ games: [GameSummary]) -> LibraryPage {
        LibraryPage(revision: revision, page: page, pages: pages, games: games)
    }

    @Test func `shows a snapshot only when its last page is here`() throws {
        var mirror = LibraryMirror()
        let (a, b) = (try Sample.summary("a"), try Sample.summary("b"))
        #expect(try mirror.take(page(0, of: 2, [b])) == .none)
        #expect(mirror.sorted.isEmpty && !mirror.isWhole)
        #expect(try mirror.take(page(1, of: 2, [a])) == .changed)
        #expect(mirror.sorted == [a, b] && mirror.revision == 5)
        // The same again changes nothing.
        #expect(try mirror.take(page(0, of: 1, revision: 6, [a, b])) == .none)
        #expect(mirror.revision == 6)
    }

    @Test func `refuses pages out of order, of another snapshot, and a game that comes twice`() throws {
        let a = try Sample.summary("a")
        for second in [
            page(2, of: 3, []), page(1, of: 4, []), page(1, of: 3, revision: 6, []), page(1, of: 3, [a]),
        ] {
            var mirror = LibraryMirror()
            #expect(try mirror.take(page(0, of: 3, [a])) == .none)
            #expect(throws: WireFault.self) { try mirror.take(second) }
        }
        var mirror = LibraryMirror()
        #expect(throws: WireFault.self) { try mirror.take(page(1, of: 2, [])) }
    }

    @Test func `holds as many games as a catalog and not one more`() throws {
        var mirror = LibraryMirror()
        let games = try (0...Limits.libraryEntries).map { try Sample.summary("g\($0)") }
        let pages = WireCodec.pages(revision: 1, games: Array(games.dropLast()))
        for page in pages { _ = try mirror.take(page) }
        #expect(mirror.games.count == Limits.libraryEntries)
        #expect(throws: WireFault.self) {
            try mirror.take(
                LibraryDelta(from: 1, to: 2, added: [games[Limits.libraryEntries]], updated: [], removed: []))
        }
    }

    @Test func `applies deltas once, and asks for the whole after a gap`() throws {
        var mirror = LibraryMirror()
        let (a, b) = (try Sample.summary("a"), try Sample.summary("b"))
        let delta = LibraryDelta(from: 5, to: 6, added: [b], updated: [], removed: [a.game])
        #expect(try mirror.take(delta) == .gap)
        #expect(try mirror.take(page(0, of: 1, [a])) == .changed)
        #expect(try mirror.take(delta) == .changed)
        #expect(try mirror.take(delta) == .none)
        #expect(mirror.sorted == [b])
        #expect(try mirror.take(LibraryDelta(from: 7, to: 8, added: [], updated: [], removed: [])) == .gap)
        #expect(mirror.take(whole: [a], revision: 8, asked: 8) == .changed)
        #expect(mirror.sorted == [a] && mirror.missed == nil)
    }

    @Test func `is behind until it has what was told while it asked`() throws {
        var mirror = LibraryMirror()
        let (a, b) = (try Sample.summary("a"), try Sample.summary("b"))
        #expect(try mirror.take(page(0, of: 1, [])) == .changed)
        #expect(try mirror.take(LibraryDelta(from: 6, to: 7, added: [a], updated: [], removed: [])) == .gap)
        // Told while the whole library is on its way; the answer was made before.
        #expect(try mirror.take(LibraryDelta(from: 7, to: 8, added: [b], updated: [], removed: [])) == .none)
        #expect(mirror.take(whole: [a], revision: 7, asked: 7) == .changed)
        #expect(mirror.missed == 8)
        #expect(mirror.take(whole: [a, b], revision: 9, asked: 8) == .changed)
        #expect(mirror.missed == nil && mirror.revision == 9)
        // An answer that a snapshot has overtaken is of no use.
        #expect(try mirror.take(page(0, of: 1, revision: 12, [b])) == .changed)
        #expect(mirror.take(whole: [a], revision: 11, asked: 8) == .none)
        #expect(mirror.sorted == [b])
    }
}
