import Control
import Library
import Model

extension Node {
    func entry(_ parameters: JSONValue) throws(Failure) -> CatalogEntry {
        let name = parameters["game"]?.string ?? ""
        let catalog = house.catalog.current
        guard let game = GameID(name), let entry = catalog[game] else {
            throw .noSuchGame(name, hasCatalog: house.catalog.isThere)
        }
        return entry
    }

    func gameDownload(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        try house.requireWritableGames()
        let brief = OperationBrief(
            version: entry.version, installs: parameters["install"]?.bool ?? true,
            overwrites: parameters["overwrite"]?.bool ?? false,
            root: parameters["root"]?.string.flatMap { Root(hex: $0) })
        let id = try await operations.begin(.download, entry.game, brief)
        return ["operation_id": .int(id.rawValue)]
    }

    func gameInstall(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        try house.requireWritableGames()
        let library = await house.library.entry(of: entry.game)
        guard library?.localVersion == entry.version else { throw .notDownloaded(entry) }
        guard library?.installed == false else { throw .alreadyInstalled(entry) }
        let id = try await operations.begin(.install, entry.game, OperationBrief(version: entry.version))
        return ["operation_id": .int(id.rawValue)]
    }

    // MARK: - Views

    func gameList(_ parameters: JSONValue) async -> JSONValue {
        let filter = GameFilter(parameters)
        let rows = await house.gameRows()
        return ["games": .array(rows.filter(filter.admits).map(\.json)), "catalog_games": .count(rows.count)]
    }

    func gameInfo(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let entry = try entry(parameters)
        return await house.gameDetail(entry, await operations.running(entry.game))
    }
}
