import Control
import Library
import Linux
import Model
import Peers
import Runtime

extension Node {
    func entry(_ parameters: JSONValue) throws(Failure) -> CatalogEntry {
        let name = parameters["game"]?.string ?? ""
        let catalog = house.catalog.current
        guard let game = GameID(name), let entry = catalog[game] else {
            throw .noSuchGame(name, hasCatalog: !catalog.entries.isEmpty)
        }
        return entry
    }

    func gameDownload(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        let brief = OperationBrief(
            version: entry.version, installs: parameters["install"]?.bool ?? true,
            overwrites: parameters["overwrite"]?.bool ?? false,
            root: parameters["root"]?.string.flatMap { Root(hex: $0) })
        let id = try await operations.begin(.download, entry.game, brief)
        return ["operation_id": .int(id.rawValue)]
    }

    func gameInstall(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        let library = await house.library.entry(of: entry.game)
        guard library?.localVersion == entry.version else { throw .notDownloaded(entry) }
        guard library?.installed == false else { throw .alreadyInstalled(entry) }
        let id = try await operations.begin(.install, entry.game, OperationBrief(version: entry.version))
        return ["operation_id": .int(id.rawValue)]
    }

    // MARK: - Views

    func gameList() async -> JSONValue {
        ["games": .array(await house.gameRows())]
    }

    func gameInfo(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        let peers = await house.peers.snapshot()
        let library = await house.library.entry(of: entry.game)
        var fields = GameView.row(entry, library, RemoteGames(peers)).object ?? [:]
        fields["root"] = .optional(library?.root?.hex)
        fields["files"] = .count(library?.files ?? 0)
        fields["installed_version"] = .optional(library?.installedVersion?.text)
        fields["verified"] = .optional(GameView.verified(entry, library, peers))
        fields["remote"] = .array(GameView.remote(entry.game, peers))
        return .object(fields)
    }
}

extension House {
    /// The catalog joined with what this host and its peers have; one snapshot of each.
    func gameRows() async -> [JSONValue] {
        let remote = RemoteGames(await peers.snapshot())
        let local = Dictionary(await library.entries().map { ($0.game, $0) }, uniquingKeysWith: { _, last in last })
        return catalog.current.sorted.map { GameView.row($0, local[$0.game], remote) }
    }
}

/// What all peers together have, per game.
struct RemoteGames {
    /// Ready copies by version; only those of the catalog's version are sources.
    private(set) var holders: [GameID: [GameVersion: Int]] = [:]
    private(set) var peers: [GameID: Int] = [:]

    init(_ snapshots: [PeerSnapshot]) {
        for snapshot in snapshots {
            for game in snapshot.games {
                peers[game.game, default: 0] += 1
                guard game.availability == .ready else { continue }
                holders[game.game, default: [:]][game.version, default: 0] += 1
            }
        }
    }
}

enum GameView {
    static func row(_ entry: CatalogEntry, _ local: LibraryEntry?, _ remote: RemoteGames) -> JSONValue {
        let localBytes = local?.bytes ?? 0
        return [
            "game": .string(entry.game.text), "title": .string(entry.title), "version": .string(entry.version.text),
            "local_version": .optional(local?.localVersion?.text),
            "availability": .optional(local?.availability?.rawValue),
            "installed": .bool(local?.installed ?? false),
            "bytes": .bytes(localBytes > 0 ? localBytes : entry.bytes),
            "sources": .count(remote.holders[entry.game]?[entry.version] ?? 0),
            "peers": .count(remote.peers[entry.game] ?? 0),
        ]
    }

    /// How sure the local root is, by the votes of the peers that are here now.
    static func verified(_ entry: CatalogEntry, _ local: LibraryEntry?, _ peers: [PeerSnapshot]) -> String? {
        guard let root = local?.root else { return nil }
        let votes = peers.flatMap { peer in
            peer.games.filter { $0.game == entry.game && $0.version == entry.version && $0.availability == .ready }
                .compactMap { game in
                    game.root.map {
                        RootVote(
                            peer: peer.peer, address: peer.address.host, isLoopback: peer.address.isLoopback, root: $0)
                    }
                }
        }
        switch RootElection.hold(votes) {
        case .elected(root, let standing): return standing.text
        case .elected: return "differs from the agreed one"
        case .noVotes: return nil
        case .ambiguous: return "the peers do not agree"
        }
    }

    static func remote(_ game: GameID, _ peers: [PeerSnapshot]) -> [JSONValue] {
        peers.flatMap { peer in
            peer.games.filter { $0.game == game }.map { summary in
                [
                    "peer": .string(peer.peer.hex), "name": .string(peer.name),
                    "version": .string(summary.version.text),
                    "availability": .string(summary.availability.rawValue), "root": .optional(summary.root?.hex),
                ]
            }
        }
    }
}
