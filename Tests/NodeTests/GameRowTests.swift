import Control
import Model
import Testing

@testable import Library
@testable import Node

extension Holdings {
    static func local(
        _ availability: Availability?, version: String?, installed: Bool, root: UInt8?
    ) throws -> LibraryEntry {
        let entry = try entry()
        return LibraryEntry(
            game: entry.game, title: entry.title, catalogVersion: entry.version,
            localVersion: version.flatMap { GameVersion($0) }, availability: availability, installed: installed,
            installedVersion: nil, part: nil, root: try root.map { try Self.root($0) }, bytes: 1_000, files: 3)
    }
}

@Suite struct `A row of the list` {
    private func local(
        _ availability: Availability?, version: String? = "20240501", installed: Bool = false, root: UInt8? = nil
    ) throws -> LibraryEntry {
        try Holdings.local(availability, version: version, installed: installed, root: root)
    }

    private func row(
        _ local: LibraryEntry?, _ holdings: [GameHolding] = [], _ circumstances: LocalCircumstances = .init()
    ) throws -> GameRow {
        GameRow(try Holdings.entry(), local, holdings, own: try Holdings.peer(200), circumstances)
    }

    @Test func `has no reason when the game is served`() throws {
        let row = try row(try local(.ready, root: 9))
        #expect(row.verdict.availability == .ready && row.verdict.reason == nil)
        #expect(row.json["availability"] == "ready" && row.json["reason"] == .null)
    }

    @Test func `says why the game is not served`() throws {
        var hashing = LocalCircumstances()
        hashing.hashing = (40, 1_000)
        var elsewhere = LocalCircumstances()
        elsewhere.hasGamesDirectory = false
        let cases: [(LibraryEntry?, LocalCircumstances, Availability?, String)] = [
            (nil, .init(), nil, "It is not on this host."),
            (nil, elsewhere, nil, "The games directory is not there."),
            (try local(.unavailable), elsewhere, .unavailable, "The games directory is not there."),
            (
                try local(.outdated, version: "20230101"), .init(), .outdated,
                "Its version.ini says 20230101 and the catalog wants 20240501."
            ),
            (try local(.outdated, version: nil), .init(), .outdated, "Its version.ini names no version."),
            (try local(.hashing), .init(), .hashing, "Its manifest is not built yet."),
            (
                try local(.hashing), hashing, .hashing,
                "Its manifest is being built: 40 of 1000 bytes are hashed."
            ),
            (
                try local(.localOnly, version: nil, installed: true), .init(), .localOnly,
                "It is installed and not downloaded, so there is nothing to serve."
            ),
            (try local(.partial, version: nil), .init(), .partial, "Only a part of it is here."),
        ]
        for (local, circumstances, availability, reason) in cases {
            let row = try row(local, [], circumstances)
            #expect(row.verdict.availability == availability)
            #expect(row.verdict.reason == reason)
        }
    }

    @Test func `says that the content differs once a majority has another`() throws {
        let others = [try Holdings.holding(1), try Holdings.holding(2)]
        let row = try row(try local(.ready, root: 8), others)
        #expect(row.verdict.availability == .differs)
        #expect(
            row.verdict.reason
                == "Its content (root 08080808) is not the agreed one (root 09090909, agreed by 2 of 3).")
        #expect(row.detail(.init())["verified"] == "differs from the agreed one")
        let one = try self.row(try local(.ready, root: 8), [others[0]])
        #expect(one.verdict.availability == .ready, "one other peer is no majority")
    }

    @Test func `names the operation that holds the game`() throws {
        var operation = OperationSnapshot(
            id: OperationID(rawValue: 17), game: try Holdings.entry().game, kind: .download,
            brief: OperationBrief(version: try Holdings.entry().version), started: "2026-01-01T00:00:00Z")
        func reason() throws -> String? {
            var circumstances = LocalCircumstances()
            circumstances.operation = operation
            let row = try row(try local(.outdated, version: "20230101"), [], circumstances)
            #expect(row.detail(circumstances)["operation"]?["operation_id"] == 17)
            return row.verdict.reason
        }
        #expect(try reason() == "Operation 17 (download) holds it and waits for its turn.")
        operation.phase = .downloading
        #expect(try reason() == "Operation 17 (download) is changing it.")
        operation.standing = .paused
        #expect(try reason() == "Operation 17 (download) holds it and is paused.")
    }

    @Test func `shows every peer with its verdict`() throws {
        let row = try row(nil, [try Holdings.holding(1), try Holdings.holding(2, version: "20230101")])
        let remote = try #require(row.detail(.init())["remote"]?.array)
        #expect(remote.map { $0["verdict"] } == ["source", "outdated"])
        #expect(remote.map { $0["reason"] } == [.null, "It has version 20230101."])
        #expect(row.json["sources"] == 1 && row.json["peers"] == 2)
    }
}

@Suite struct `A filter of games` {
    private func row(
        _ availability: Availability? = nil, installed: Bool = false, peers: [GameHolding] = []
    ) throws -> GameRow {
        let local = try Holdings.local(
            availability, version: availability == .ready ? "20240501" : nil, installed: installed,
            root: availability == .ready ? 9 : nil)
        return GameRow(try Holdings.entry(), local, peers, own: try Holdings.peer(200), LocalCircumstances())
    }

    @Test(arguments: [
        (GameFilter(), true),
        (GameFilter(genre: "STRATEGY"), true), (GameFilter(genre: "shooter"), false),
        (GameFilter(players: 1), true), (GameFilter(players: 2), true), (GameFilter(players: 3), false),
        (GameFilter(text: "QUAKE"), true), (GameFilter(text: "ID soft"), true), (GameFilter(text: "doom"), false),
        (GameFilter(installed: true), false), (GameFilter(installed: false), true),
        (GameFilter(available: true), false), (GameFilter(available: false), true),
        (GameFilter(nearby: true), false),
        (GameFilter(genre: "strategy", players: 2, installed: false, text: "qua"), true),
        (GameFilter(genre: "strategy", players: 3, installed: false, text: "qua"), false),
    ])
    func `admits what meets every condition`(_ filter: GameFilter, _ isAdmitted: Bool) throws {
        #expect(filter.admits(try row()) == isAdmitted)
    }

    @Test func `finds what is here or can be had`() throws {
        let available = GameFilter(available: true)
        #expect(available.admits(try row(.ready)))
        #expect(available.admits(try row(.localOnly, installed: true)))
        #expect(available.admits(try row(peers: [try Holdings.holding(1)])))
        let old = try row(peers: [try Holdings.holding(1, version: "20230101")])
        #expect(!available.admits(old), "another version is of no use")
        #expect(GameFilter(nearby: true).admits(old), "but it is there")
    }

    @Test(arguments: [("up to 32", 32), ("1 bis 4", 4), ("2 (+ 6 CPU)", 2), ("1001", 1), ("0", 1)])
    func `knows as many players as the catalog says`(_ text: String, _ players: Int) throws {
        let game = try Holdings.entry().game
        let entry = CatalogEntry(
            game: game, title: "A", version: try Holdings.entry().version, bytes: 0, playersLimit: text)
        let row = GameRow(entry, nil, [], own: try Holdings.peer(200), LocalCircumstances())
        #expect(GameFilter(players: players).admits(row))
        #expect(!GameFilter(players: players + 1).admits(row))
    }

    @Test func `comes from the parameters of the call`() {
        let filter = GameFilter([
            "genre": "Shooter", "players": 8, "installed": false, "available": true, "text": "Qu", "nearby": true,
        ])
        #expect(
            filter
                == GameFilter(
                    genre: "shooter", players: 8, installed: false, available: true, text: "qu", nearby: true))
        #expect(GameFilter([:]) == GameFilter())
    }
}

@Suite struct `A game that the catalog does not have` {
    /// The list without --all has only what is near.
    @Test func `is looked for in the whole catalog`() {
        let failure = Failure.noSuchGame("qwake", hasCatalog: true)
        #expect(failure.hint == "List the games with: lanspreadctl list --all")
    }
}
