import Database
import Fixture
import Library
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing

/// The library of one fixture host with everything beneath it, real.
final class Shelf: Sendable {
    let directory: TemporaryDirectory
    let set: FixtureSet
    let host: FixtureHost
    let loops: Loops
    let pool: MemoryPool
    let database: StateDatabase
    let library: GameLibrary
    let catalog: Catalog

    init(
        _ host: FixtureHost = .bravo, in directory: TemporaryDirectory? = nil, time: any TimeSource = MonotonicTime(),
        ports: LibraryPorts = LibraryPorts(), log: Log = .silent, disk: DiskPool? = nil, isOpen: Bool = true
    ) async throws {
        let isNew = directory == nil
        self.directory = try directory ?? TemporaryDirectory()
        self.host = host
        set = FixtureSet(directory: self.directory.path)
        if isNew { try set.write(host) }
        loops = try Loops(netLoops: 1, diskWorkers: 2)
        pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 4)
        database = try await StateDatabase.open(
            path: self.directory.path + "/\(host.rawValue).db", worker: loops.database)
        library = GameLibrary(
            database: database, disk: disk ?? loops.disk, pool: pool, time: time, ports: ports, log: log)
        catalog = try CatalogReader.read(path: set.catalog(of: host))
        if isOpen { await library.open(try games(), catalog: catalog) }
    }

    /// The id in the marker of its games directory.
    static let key = String(repeating: "a", count: 32)

    deinit { loops.stop() }

    func games() throws -> GamesDirectory {
        try GamesDirectory.open(path: set.gamesDirectory(of: host), newID: Shelf.key)
    }

    func id(_ text: String) throws -> GameID { try #require(GameID(text)) }
    func root(_ game: String) -> String { set.root(of: game, at: host) }
    func entry(_ game: String) async throws -> LibraryEntry { try #require(await library.entry(of: try id(game))) }

    func summary(_ game: String) async throws -> GameSummary? {
        let id = try id(game)
        return await library.summaries().games.first { $0.game == id }
    }

    func write(_ path: String, _ text: String) throws {
        try FixtureFile.write(.text(text), to: set.gamesDirectory(of: host) + "/" + path)
    }

    /// Waits for the library to become what the condition asks for; `changes` has no other reader.
    func until(_ condition: @Sendable (GameLibrary) async -> Bool) async {
        if await condition(library) { return }
        for await _ in library.changes where await condition(library) { return }
    }

    /// Builds every manifest that is missing.
    func build() async throws {
        try await within {
            await withTaskGroup { group in
                group.addTask { try? await self.library.buildManifests() }
                await self.until { library in
                    await library.entries().contains { $0.availability == .hashing } == false
                }
                group.cancelAll()
            }
        }
    }
}
