import Database
import Fixture
import Model
import TestKit
import Testing

/// A place for one `game.db`, and the questions that tests of the reader ask.
struct CatalogPlace {
    let directory: TemporaryDirectory
    var path: String { directory.path + "/game.db" }

    init() throws { directory = try TemporaryDirectory() }

    /// Statements that cannot stand in a transaction, as a pragma of the whole file.
    static func outside(_ statements: String...) -> [String] { ["COMMIT"] + statements + ["BEGIN"] }

    func make(_ statements: [String]) throws { try FixtureCatalog.make(path, statements: statements) }

    func load() throws(DatabaseError) -> CatalogReading { try CatalogReader.load(path: path) }

    func load(_ rows: [FixtureCatalogRow]) throws -> CatalogReading {
        try FixtureCatalog.write(rows, to: path)
        return try load()
    }

    func entry(_ row: FixtureCatalogRow) throws -> CatalogEntry {
        try #require(try load([row]).catalog.sorted.first)
    }

    /// The rule that the file breaks.
    func fault() -> CatalogFault? {
        do {
            let reading = try load()
            Issue.record("the file was taken, with \(reading.catalog.entries.count) games")
            return nil
        } catch .catalog(_, let fault) {
            return fault
        } catch {
            Issue.record("another error: \(error)")
            return nil
        }
    }

    func fault(_ statements: [String]) throws -> CatalogFault? {
        try make(statements)
        return fault()
    }

    static func row(_ game: String = "a", title: String = "A", version: String = "1") -> FixtureCatalogRow {
        FixtureCatalogRow(game, title: title, version: version)
    }
}
