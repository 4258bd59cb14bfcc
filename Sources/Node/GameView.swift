import Control
import Library
import Linux
import Model
import Peers

/// One game of the catalog with what this host and its peers have of it.
struct GameRow: Sendable {
    let entry: CatalogEntry
    let local: LibraryEntry?
    let verdict: LocalVerdict
    let remote: GameAggregate

    init(
        _ entry: CatalogEntry, _ local: LibraryEntry?, _ holdings: [GameHolding], own: PeerID,
        _ circumstances: LocalCircumstances
    ) {
        self.entry = entry
        self.local = local
        let root = local?.availability == .ready ? local?.root : nil
        remote = GameAggregate(
            entry, holdings, own: root.map { RootVote(peer: own, address: "", isLoopback: true, root: $0) })
        verdict = LocalVerdict(entry, local, remote.election, circumstances)
    }

    var isInstalled: Bool { local?.installed ?? false }
    var isNearby: Bool {
        remote.peers > 0 || isInstalled || (verdict.availability.map { $0 != .unavailable } ?? false)
    }
    var isAvailable: Bool { remote.sources > 0 || isInstalled || local?.localVersion == entry.version }

    /// As `game.list` and the events have it.
    var json: JSONValue {
        let localBytes = local?.localVersion == nil ? 0 : local?.bytes ?? 0
        return [
            "game": .string(entry.game.text), "title": .string(entry.title), "version": .string(entry.version.text),
            "genre": .optional(entry.genre), "players": .optional(entry.playersLimit),
            "publisher": .optional(entry.publisher), "local_version": .optional(local?.localVersion?.text),
            "availability": .optional(verdict.availability?.rawValue), "reason": .optional(verdict.reason),
            "installed": .bool(isInstalled), "bytes": .bytes(localBytes > 0 ? localBytes : remote.bytes ?? entry.bytes),
            "sources": .count(remote.sources), "peers": .count(remote.peers),
        ]
    }

    /// As `game.info` has it: the row, and everything that led to it.
    func detail(_ circumstances: LocalCircumstances) -> JSONValue {
        var fields = json.object ?? [:]
        fields["root"] = .optional(local?.root?.hex)
        fields["files"] = .count(local?.files ?? 0)
        fields["installed_version"] = .optional(local?.installedVersion?.text)
        fields["verified"] = .optional(local?.root.flatMap { remote.standing(of: $0) })
        fields["hashing"] =
            circumstances.hashing.map { ["done": .bytes($0.done), "total": .bytes($0.total)] } ?? .null
        fields["operation"] = circumstances.operation?.json ?? .null
        fields["no_source"] = .optional(remote.whyNoSource(entry))
        fields["roots"] = .array(remote.votes.map { ["root": .string($0.root.hex), "votes": .count($0.votes)] })
        fields["versions"] = .array(
            remote.versions.map { ["version": .string($0.version.text), "peers": .count($0.peers)] })
        fields["remote"] = .array(remote.holdings.map(\.json))
        return .object(fields)
    }
}

extension GameAggregate.Judged {
    var json: JSONValue {
        [
            "peer": .string(holding.peer.hex), "name": .string(holding.name),
            "version": .string(holding.summary.version.text),
            "availability": .string(holding.summary.availability.rawValue),
            "root": .optional(holding.summary.root?.hex), "bytes": .bytes(holding.summary.bytes),
            "verdict": .string(verdict.word), "reason": .optional(verdict.clause.map { "It \($0)." }),
        ]
    }
}

extension House {
    /// The catalog joined with what this host and its peers have, in the order of the ids; one snapshot of each.
    func gameRows() async -> [GameRow] {
        let holdings = GameHolding.byGame(await peers.snapshot())
        let local = Dictionary(await library.entries().map { ($0.game, $0) }, uniquingKeysWith: { _, last in last })
        let circumstances = LocalCircumstances(hasGamesDirectory: await library.isAvailable)
        return catalog.current.sorted.map { entry in
            GameRow(entry, local[entry.game], holdings[entry.game] ?? [], own: peers.own, circumstances)
        }
    }

    /// For subscribers: the rows with what says how new they are.
    func gameTable() async -> GameTable {
        let reading = events.beginReading()
        // Before the rows: what changes after it is told by the next number.
        let library = await library.change.local
        return GameTable(reading: reading, library: library, rows: await gameRows().map(\.json))
    }

    /// One game with all that can be asked about it, peers that are gone among it.
    func gameDetail(_ entry: CatalogEntry, _ operation: OperationSnapshot?) async -> JSONValue {
        let row = await gameRow(entry, operation)
        return row.row.detail(row.circumstances)
    }

    func gameRow(
        _ entry: CatalogEntry, _ operation: OperationSnapshot? = nil
    ) async -> (row: GameRow, circumstances: LocalCircumstances) {
        let linked = GameHolding.byGame(await peers.snapshot(), only: entry.game)[entry.game] ?? []
        let gone = await peers.absent(having: entry.game).map { GameHolding($0.peer, $0.summary) }
        let local = await library.entry(of: entry.game)
        let circumstances = LocalCircumstances(
            hasGamesDirectory: await library.isAvailable, hashing: await library.hashing(entry.game),
            operation: operation)
        return (GameRow(entry, local, linked + gone, own: peers.own, circumstances), circumstances)
    }
}

extension GameHolding {
    /// - Parameter game: nil for all games.
    static func byGame(_ peers: [PeerSnapshot], only game: GameID? = nil) -> [GameID: [GameHolding]] {
        var holdings: [GameID: [GameHolding]] = [:]
        for peer in peers {
            for summary in peer.games where game == nil || summary.game == game {
                holdings[summary.game, default: []].append(GameHolding(peer, summary))
            }
        }
        return holdings
    }

    private init(_ peer: PeerSnapshot, _ summary: GameSummary) {
        self.init(
            peer: peer.peer, name: peer.name, address: peer.address.host, isLoopback: peer.address.isLoopback,
            reach: peer.state == .suspect ? .suspect : .linked, summary: summary)
    }

    init(_ peer: RememberedPeer, _ summary: GameSummary) {
        self.init(
            peer: peer.peer, name: peer.name, address: peer.address.host, isLoopback: peer.address.isLoopback,
            reach: peer.isBlocked ? .blocked : .gone, summary: summary)
    }
}
