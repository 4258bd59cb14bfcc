import Model
import Testing

@testable import Node

/// Peers with one game, made of few numbers.
enum Holdings {
    static func peer(_ number: UInt8) throws -> PeerID {
        PeerID(try #require(Digest([UInt8](repeating: number, count: 32))))
    }

    static func root(_ number: UInt8) throws -> Root {
        Root(try #require(Digest([UInt8](repeating: number, count: 32))))
    }

    static func entry(_ version: String = "20240501") throws -> CatalogEntry {
        CatalogEntry(
            game: try #require(GameID("quake")), title: "Quake", version: try #require(GameVersion(version)),
            bytes: 900, genres: CatalogText(english: "Real-time strategy"), publisher: "id Software",
            playersLimit: "2 (+ 6 CPU)")
    }

    static func holding(
        _ number: UInt8, _ availability: Availability = .ready, root: UInt8? = 9, version: String = "20240501",
        reach: GameHolding.Reach = .linked, address: String? = nil
    ) throws -> GameHolding {
        GameHolding(
            peer: try peer(number), name: "host-\(number)", address: address ?? "10.0.0.\(number)", isLoopback: false,
            reach: reach,
            summary: GameSummary(
                game: try #require(GameID("quake")), version: try #require(GameVersion(version)),
                availability: availability, root: try root.map { try Self.root($0) }, bytes: 1_000, files: 3))
    }

    static func own(_ root: UInt8) throws -> RootVote {
        RootVote(peer: try peer(200), address: "", isLoopback: true, root: try Self.root(root))
    }
}

@Suite struct `A game over all peers` {
    private func aggregate(_ holdings: [GameHolding], own: RootVote? = nil) throws -> GameAggregate {
        GameAggregate(try Holdings.entry(), holdings, own: own)
    }

    @Test func `counts the peers that have the agreed content as its sources`() throws {
        let game = try aggregate([
            try Holdings.holding(1), try Holdings.holding(2), try Holdings.holding(3, root: 8),
        ])
        #expect(game.holdings.map(\.verdict) == [.source, .source, .differs(try Holdings.root(8))])
        #expect(game.sources == 2 && game.peers == 3 && game.bytes == 1_000)
        #expect(game.standing(of: try Holdings.root(9)) == "agreed by 2 of 3")
        #expect(game.standing(of: try Holdings.root(8)) == "differs from the agreed one")
        #expect(game.whyNoSource(try Holdings.entry()) == nil)
    }

    /// Every form in which a peer may have a game without being of use for it.
    @Test func `says of each peer why it is no source`() throws {
        let (left, right) = (try #require(GameVersion("20230101")), try Holdings.root(8))
        let cases: [(GameHolding, SourceVerdict, String)] = [
            (try Holdings.holding(1, version: "20230101"), .otherVersion(left), "has version 20230101"),
            (try Holdings.holding(1, .outdated, version: "20230101"), .otherVersion(left), "has version 20230101"),
            (try Holdings.holding(1, .hashing, root: nil), .hashing, "is still hashing it"),
            (try Holdings.holding(1, .localOnly, root: nil), .localOnly, "has it installed, not downloaded"),
            (try Holdings.holding(1, .localOnly, version: "1"), .localOnly, "has it installed, not downloaded"),
            (try Holdings.holding(1, .partial), .partial, "has a part of it"),
            (try Holdings.holding(1, .differs, root: 8), .differs(right), "has other content (root 08080808)"),
            (try Holdings.holding(1, .unavailable), .unavailable, "has no games directory now"),
            (try Holdings.holding(1, reach: .gone), .gone, "is not connected"),
            (try Holdings.holding(1, reach: .blocked), .blocked, "is blocked on this host"),
        ]
        for (holding, verdict, clause) in cases {
            let game = try aggregate([holding])
            #expect(game.holdings.map(\.verdict) == [verdict])
            #expect(game.sources == 0 && game.bytes == nil)
            #expect(game.election == .noVotes, "\(verdict) has no vote")
            #expect(
                game.whyNoSource(try Holdings.entry())
                    == "No peer is a source of version 20240501: host-1 \(clause).")
        }
        #expect(try aggregate([]).whyNoSource(try Holdings.entry()) == "No peer has it.")
    }

    @Test func `takes nothing from peers with another version`() throws {
        var holdings = [try Holdings.holding(1)]
        for number in UInt8(2)...60 { holdings.append(try Holdings.holding(number, root: 8, version: "20230101")) }
        let game = try aggregate(holdings)
        #expect(game.sources == 1 && game.peers == 60)
        #expect(game.election == .elected(try Holdings.root(9), .unconfirmed))
        #expect(game.versions.map(\.peers) == [1, 59])
        #expect(game.versions.map(\.version.text) == ["20240501", "20230101"])
    }

    @Test func `names few of many peers in its sentence`() throws {
        let game = try aggregate(try (1...8).map { try Holdings.holding($0, .hashing, root: nil) })
        let sentence = try #require(game.whyNoSource(try Holdings.entry()))
        #expect(sentence.hasSuffix("host-6 is still hashing it; and 2 more."))
    }

    @Test func `has no source when nobody says which content is right`() throws {
        let holdings = [try Holdings.holding(1, root: 8), try Holdings.holding(2, root: 9)]
        let game = try aggregate(holdings)
        #expect(game.holdings.map(\.verdict) == [.ambiguous(try Holdings.root(8)), .ambiguous(try Holdings.root(9))])
        #expect(game.sources == 0)
        // With a copy of its own this host knows whom it could serve beside.
        let ours = try aggregate(holdings, own: try Holdings.own(9))
        #expect(ours.holdings.map(\.verdict) == [.differs(try Holdings.root(8)), .source])
        #expect(ours.standing(of: try Holdings.root(9)) == "agreed by 1 of 2")
    }

    @Test func `gives an address one vote, and still asks both of its peers`() throws {
        let holdings = [
            try Holdings.holding(1, root: 9), try Holdings.holding(2, root: 8, address: "10.0.0.77"),
            try Holdings.holding(3, root: 8, address: "10.0.0.77"),
        ]
        #expect(try aggregate(holdings).sources == 0, "one against one")
        let same = try aggregate([holdings[1], holdings[2]])
        #expect(same.election == .elected(try Holdings.root(8), .unconfirmed))
        #expect(same.sources == 2)
    }

    @Test func `asks a silent peer last and keeps its vote`() throws {
        let game = try aggregate([try Holdings.holding(1), try Holdings.holding(2, reach: .suspect)])
        #expect(game.holdings.map(\.verdict) == [.source, .suspect])
        #expect(game.sources == 2)
        #expect(game.standing(of: try Holdings.root(9)) == "agreed by 2 of 2")
    }

    /// All that see the same hosts count the same votes, whoever of them holds the game.
    @Test func `is the same for everybody who has it`() throws {
        let others = [try Holdings.holding(1, root: 8), try Holdings.holding(2, root: 9)]
        for own in [UInt8(8), 9] {
            let game = try aggregate(others, own: try Holdings.own(own))
            #expect(game.election == .elected(try Holdings.root(own), .agreed(votes: 2, of: 3)))
        }
        let alone = try aggregate([try Holdings.holding(1, root: 8)], own: try Holdings.own(9))
        #expect(alone.election != .elected(try Holdings.root(8), .unconfirmed), "one word does not outweigh our own")
        #expect(alone.standing(of: try Holdings.root(9)) == "the peers do not agree")
    }
}
