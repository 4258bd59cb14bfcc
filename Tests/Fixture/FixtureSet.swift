/// The three hosts of every test, demo and bench.
package enum FixtureHost: String, CaseIterable, Sendable {
    case alpha, bravo, charlie

    package var directoryName: String { "fixture-\(rawValue)" }
}

package struct FixtureOptions: Sendable {
    package var seed: UInt64 = 1
    /// The size of the game `large`; nil leaves it out.
    package var largeBytes: UInt64?
    package var largeHosts: Set<FixtureHost> = [.alpha, .bravo]
    /// The number of files of the game `many`; nil leaves it out.
    package var manyFiles: Int?
    package var manyHosts: Set<FixtureHost> = [.alpha, .bravo]
    /// The number of small games `shelf0000` and on, on alpha and bravo.
    package var shelfGames = 0

    package init() {}
}

/// `<host>/games/<id>/…` and `<host>/game.db` of the hosts fixture-alpha, fixture-bravo and fixture-charlie: alpha and
/// bravo share `ggoo`, bravo and charlie share `cnc4`. Content depends on the seed alone.
package struct FixtureSet: Sendable {
    package let directory: String
    package let options: FixtureOptions

    /// In every catalog, but withdrawn: no host may offer it.
    package static let withdrawnID = "retired"

    package init(directory: String, options: FixtureOptions = FixtureOptions()) {
        self.directory = directory
        self.options = options
    }

    package static func write(
        to directory: String, options: FixtureOptions = FixtureOptions()
    ) throws(FixtureError) -> FixtureSet {
        let set = FixtureSet(directory: directory, options: options)
        for host in FixtureHost.allCases { try set.write(host) }
        return set
    }

    package func write(_ host: FixtureHost) throws(FixtureError) {
        try FixtureFile.makeDirectories(gamesDirectory(of: host))
        for game in games(of: host) { try game.write(to: "\(gamesDirectory(of: host))/\(game.id)") }
        try FixtureCatalog.write(catalogRows, withdrawn: [FixtureSet.withdrawnID], to: catalog(of: host))
    }

    package func gamesDirectory(of host: FixtureHost) -> String { "\(directory)/\(host.directoryName)/games" }
    package func catalog(of host: FixtureHost) -> String { "\(directory)/\(host.directoryName)/game.db" }
    package func root(of game: String, at host: FixtureHost) -> String { "\(gamesDirectory(of: host))/\(game)" }

    // MARK: - Who has what

    package var games: [FixtureGame] {
        var games = [ggoo, cnc4]
        if let bytes = options.largeBytes { games.append(.large(bytes: bytes, seed: options.seed &* 1_000_003)) }
        if let count = options.manyFiles { games.append(.many(count: count, seed: options.seed &* 1_000_033)) }
        for number in 0..<options.shelfGames { games.append(.shelved(number, seed: options.seed &* 1_000_081)) }
        return games
    }

    package func games(of host: FixtureHost) -> [FixtureGame] {
        games.filter { game in
            switch game.id {
            case "ggoo": host != .charlie
            case "cnc4": host != .alpha
            case "large": options.largeHosts.contains(host)
            case "many": options.manyHosts.contains(host)
            default: host != .charlie
            }
        }
    }

    package var ggoo: FixtureGame {
        .small("ggoo", title: "Great Game of Oogle", version: "20240501", seed: options.seed &* 1_000_037)
    }

    package var cnc4: FixtureGame {
        .small("cnc4", title: "Carts & Camels 4", version: "20231112", seed: options.seed &* 1_000_039)
    }

    /// The catalog is the same on all hosts, with ETI's ways of writing the same thing.
    private var catalogRows: [FixtureCatalogRow] {
        var rows = games.map { game in
            var row = FixtureCatalogRow(game.id, title: game.title, version: game.version)
            row.gigabytes = .real(Double(game.contentBytes) / 1e9)
            return row
        }
        rows[0].gigabytes = .text("0,1")
        rows[0].players = .text("2 (+ 6 CPU)")
        rows[1].genre = .null
        rows[1].publisher = .null
        rows.append(FixtureCatalogRow(FixtureSet.withdrawnID, title: "Retired", version: "20200101"))
        return rows
    }
}
