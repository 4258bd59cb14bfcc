import Linux
import Model
import PeerLink
import Runtime
import TestKit
import Testing
import Wire

@testable import Peers

/// One side's library on its way to the other side's mirror: messages in order, some of which never arrive.
private struct Line {
    var random: RandomSource
    var games: [GameID: GameSummary] = [:]
    var revision: UInt64 = 1
    var telling = LibraryTelling(known: nil)
    var mirror = LibraryMirror()
    var queue: [PeerMessage] = []
    /// Asked for, and not answered yet.
    var asked: UInt64?
    /// Answered, and on its way.
    var reply: (revision: UInt64?, games: [GameSummary], asked: UInt64)?
    var snapshots = 0
    var deltas = 0

    var image: LibraryImage { LibraryImage(revision: revision, games: Array(games.values)) }

    mutating func change() throws {
        for _ in 0..<(random.uint64() % 12 == 0 ? 230 : Int(random.uint64() % 4)) {
            let summary = try Sample.summary("g\(random.uint64() % 300)", bytes: random.uint64() % 5)
            if random.uint64() % 3 == 0 { games[summary.game] = nil } else { games[summary.game] = summary }
        }
        revision += 1
    }

    mutating func tell(lossless: Bool = false) {
        for message in telling.tell(image) {
            if case .libraryDelta = message {
                deltas += 1
                if !lossless, random.uint64() % 3 == 0 { continue }
            } else {
                snapshots += 1
            }
            queue.append(message)
        }
    }

    mutating func deliver() throws {
        guard !queue.isEmpty else { return }
        switch queue.removeFirst() {
        case .librarySnapshot(let page): _ = try mirror.take(page)
        case .libraryDelta(let delta): if try mirror.take(delta) == .gap { asked = delta.to }
        default: break
        }
    }

    /// The answer is made at one moment and comes at a later one; deltas may overtake it, and it may overtake them.
    mutating func answer() {
        if let (revision, games, asked) = reply {
            _ = mirror.take(whole: games, revision: revision, asked: asked)
            reply = nil
            self.asked = mirror.missed
        } else if let asked {
            reply = (random.uint64() % 2 == 0 ? revision : nil, Array(games.values), asked)
        }
    }

    mutating func reconnect() {
        (queue, asked, reply) = ([], nil, nil)
        if mirror.isWhole, mirror.missed == nil, mirror.digest() == image.digest {
            mirror.confirm(revision: revision)
            telling = LibraryTelling(known: image)
        } else {
            telling = LibraryTelling(known: nil)
        }
        tell(lossless: true)
    }
}

@Suite struct `A library on its way` {
    @Test func `is the sender's at the end, whatever was lost between`() throws {
        var (snapshots, deltas) = (0, 0)
        for round in 0..<120 {
            var line = Line(random: RandomSource(seed: TestSeed.value &+ UInt64(round)))
            line.reconnect()
            for _ in 0..<80 {
                switch line.random.uint64() % 16 {
                case 0...4:
                    try line.change()
                    line.tell()
                case 5...11: try line.deliver()
                case 12...14: line.answer()
                default: line.reconnect()
                }
            }
            // What was lost is noticed by the next delta, or by the next hello.
            if line.random.uint64() % 2 == 0 {
                let game = try Sample.summary("last", bytes: UInt64(round) + 100)
                line.games[game.game] = game
                line.revision += 1
                line.tell(lossless: true)
            } else {
                line.reconnect()
            }
            while !line.queue.isEmpty { try line.deliver() }
            for _ in 0..<20 where line.asked != nil { line.answer() }
            let isTheSame = line.mirror.games == line.games
            #expect(isTheSame, "seed \(TestSeed.value), round \(round)")
            #expect(line.mirror.missed == nil, "seed \(TestSeed.value), round \(round)")
            snapshots += line.snapshots
            deltas += line.deltas
        }
        #expect(deltas > 500 && snapshots > 100)
    }

    @Test func `goes as a delta that fits a message, else as a whole`() throws {
        var telling = LibraryTelling(known: nil)
        let games = try (0..<Limits.libraryEntriesPerPage + 1).map { try Sample.summary("game-\($0)") }
        let empty = LibraryImage(revision: 1, games: [])
        #expect(telling.tell(empty).count == 1)
        #expect(telling.tell(empty).isEmpty)
        // The same again under another number is no news.
        #expect(telling.tell(LibraryImage(revision: 2, games: [])).isEmpty)
        let most = LibraryImage(revision: 3, games: Array(games.dropLast()))
        guard case .libraryDelta(let delta)? = telling.tell(most).first else {
            Issue.record("a full page of changes is a delta")
            return
        }
        #expect(delta.from == 1 && delta.to == 3 && delta.added.count == Limits.libraryEntriesPerPage)
        #expect(WireCodec.encode(.libraryDelta(delta)).count <= Limits.wireMessageBytes + WireCodec.lengthBytes)
        var other = LibraryTelling(known: empty)
        let all = other.tell(LibraryImage(revision: 3, games: games))
        #expect(all.count == 2)
        for case .libraryDelta in all { Issue.record("one entry too many is a snapshot") }
    }

    @Test func `of a peer that is gone is kept, the last ones, within a bound`() throws {
        var attic = MirrorAttic()
        let games = try (0..<Limits.libraryEntries).map { try Sample.summary("g\($0)") }
        var full = LibraryMirror()
        for page in WireCodec.pages(revision: 1, games: games) { _ = try full.take(page) }
        for number in 1...5 { attic.put(full, of: Sample.peer(UInt8(number))) }
        #expect(attic.take(Sample.peer(1)) == nil)
        #expect(attic.take(Sample.peer(5))?.games.count == games.count)
        #expect(attic.take(Sample.peer(5)) == nil)
        // One that is behind is not worth keeping.
        attic.put(LibraryMirror(), of: Sample.peer(6))
        #expect(attic.take(Sample.peer(6)) == nil)
    }
}

@Suite(.timeLimit(.minutes(1))) struct `Peer tables that meet again` {
    @Test func `send nothing that the other side still has, and deltas from there on`() async throws {
        let games = try (0..<450).map { try Sample.summary("game-\($0)") }
        let (alpha, bravo) = (try await TableHost(games: games), try await TableHost())
        let address = try await bravo.address()
        try await alpha.table.connect(to: address)
        await bravo.happenings.wait(for: .libraryChanged(alpha.peer))
        await bravo.table.drop(alpha.peer, code: CloseCode.stopping, because: "the test says so")
        await alpha.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        await bravo.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }

        let tapped = await alpha.table.tap()
        try await alpha.table.connect(to: address)
        await bravo.happenings.wait { $0.count { $0 == .libraryChanged(alpha.peer) } == 2 }
        #expect(await bravo.games(of: alpha.peer).count == 450)
        let more = games + [try Sample.summary("one-more")]
        await alpha.setLibrary(more)
        await bravo.happenings.wait { $0.count { $0 == .libraryChanged(alpha.peer) } == 3 }
        #expect(await bravo.games(of: alpha.peer) == more.sorted { $0.game < $1.game })
        #expect(await alpha.table.tap() - tapped == 1, "one delta, and no page of a snapshot")
        await alpha.close()
        await bravo.close()
    }

    @Test func `tell the whole library to a mirror that drifted`() async throws {
        let games = [try Sample.summary("a")]
        let (alpha, bravo) = (try await TableHost(games: games), try await TableHost())
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait(for: .libraryChanged(alpha.peer))
        await bravo.table.spoil(mirrorOf: alpha.peer)
        #expect(await bravo.games(of: alpha.peer).isEmpty)
        await bravo.table.drop(alpha.peer, code: CloseCode.stopping, because: "the test says so")
        await bravo.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        await alpha.happenings.wait { $0.contains { if case .vanished = $0 { true } else { false } } }
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait { $0.count { $0 == .libraryChanged(alpha.peer) } == 2 }
        #expect(await bravo.games(of: alpha.peer) == games)
        await bravo.records.trace.wait { $0.contains { $0.kind == "mirror_drifted" } }
        await alpha.close()
        await bravo.close()
    }

    @Test func `mend a gap without a word from anybody`() async throws {
        let (alpha, bravo) = (try await TableHost(games: [try Sample.summary("a")]), try await TableHost())
        try await alpha.table.connect(to: bravo.address())
        await bravo.happenings.wait(for: .libraryChanged(alpha.peer))
        // One delta is lost, so the next does not follow; and while bravo asks for the whole, others come.
        let lost = LibraryDelta(from: 5, to: 6, added: [try Sample.summary("b")], updated: [], removed: [])
        try await alpha.table.link(bravo.peer)?.send(.libraryDelta(lost))
        for number in 0..<8 { await alpha.setLibrary([try Sample.summary("d\(number)")]) }
        let changes = await bravo.table.changes()
        if await bravo.games(of: alpha.peer).map(\.game.text) != ["d7"] {
            for await _ in changes where await bravo.games(of: alpha.peer).map(\.game.text) == ["d7"] { break }
        }
        #expect(await bravo.table.state.entries[alpha.peer]?.mirror.missed == nil)
        await alpha.close()
        await bravo.close()
    }
}

extension PeerTable {
    /// How many messages about our library have gone out.
    fileprivate func tap() -> Int { libraryMessages }

    fileprivate func spoil(mirrorOf peer: PeerID) {
        guard let link = state.entries[peer]?.link, let revision = state.entries[peer]?.mirror.revision else { return }
        _ = try? state.update(peer, link) { $0.mirror.take(whole: [], revision: revision, asked: revision) }
    }
}
