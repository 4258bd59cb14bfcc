import Fixture
import Model
import TestKit
import Testing

@testable import Database

@Suite struct `A catalog reader` {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/game.db" }

    init() throws { directory = try TemporaryDirectory() }

    private func game(_ text: String) throws -> GameID { try #require(GameID(text)) }

    private func fault(_ body: () throws(DatabaseError) -> Catalog) -> CatalogFault? {
        do {
            let catalog = try body()
            Issue.record("the file was taken, with \(catalog.entries.count) games")
            return nil
        } catch {
            guard case .catalog(_, let fault) = error else {
                Issue.record("another error: \(error)")
                return nil
            }
            return fault
        }
    }

    /// The faults of a file made by these statements.
    private func fault(_ statements: [String]) throws -> CatalogFault? {
        try FixtureCatalog.make(path, statements: statements)
        return fault { () throws(DatabaseError) in try CatalogReader.read(path: path) }
    }

    // MARK: - Sound files

    @Test func `reads the fixture's catalog without its withdrawn game`() throws {
        let set = FixtureSet(directory: directory.path)
        try set.write(.bravo)
        let reading = try CatalogReader.load(path: set.catalog(of: .bravo))
        #expect(reading.catalog.sorted.map(\.game.text) == ["cnc4", "ggoo"])
        #expect(reading.withdrawn.map(\.text) == [FixtureSet.withdrawnID])
        #expect(reading.dropped.isEmpty)
        let ggoo = try #require(reading.catalog[game("ggoo")])
        #expect(ggoo.version.text == set.ggoo.version)
        #expect(ggoo.bytes == 100_000_000)
        #expect(ggoo.playersLimit == "2 (+ 6 CPU)")
        #expect(ggoo.genre == "Real-time strategy")
        let cnc4 = try #require(reading.catalog[game("cnc4")])
        #expect(ggoo.genres == CatalogText(english: "Real-time strategy", german: "Echtzeitstrategie"))
        #expect(ggoo.players == 2)
        #expect(!ggoo.needsMaster)
        #expect(ggoo.readme.german == "First line\nsecond line")
        #expect(ggoo.readme.french == nil)
        #expect(cnc4.genre == nil)
        #expect(cnc4.publisher == nil)
    }

    @Test func `takes sizes as whole, broken and comma numbers, and nonsense for unknown`() throws {
        let sizes: [(FixtureValue, UInt64)] = [
            (.integer(3), 3_000_000_000), (.real(0.25), 250_000_000), (.text("0,2"), 200_000_000),
            (.text("1.5"), 1_500_000_000), (.text("big"), 0), (.null, 0), (.integer(-1), 0), (.real(1e300), 0),
            (.text("nan"), 0), (.text("inf"), 0),
        ]
        let rows = sizes.enumerated().map { index, size in
            var row = FixtureCatalogRow("game\(index)", title: "A", version: "20240101")
            row.gigabytes = size.0
            return row
        }
        try FixtureCatalog.write(rows, to: path)
        let catalog = try CatalogReader.read(path: path)
        for (index, size) in sizes.enumerated() {
            let bytes = try catalog[game("game\(index)")]?.bytes
            #expect(bytes == size.1, "\(size.0)")
        }
    }

    @Test func `makes one line of titles with tags and control characters, and a title of none`() throws {
        var tagged = FixtureCatalogRow("a", title: "One<br>Two\u{1b}[31m\n Three", version: "1")
        tagged.publisher = .text(" \t ")
        var untitled = FixtureCatalogRow("b", title: "", version: "1")
        untitled.title = .null
        var long = FixtureCatalogRow("c", title: String(repeating: "x", count: 5_000), version: "1")
        long.players = .null
        try FixtureCatalog.write([tagged, untitled, long], to: path)
        let catalog = try CatalogReader.read(path: path)
        #expect(try catalog[game("a")]?.title == "One Two [31m Three")
        #expect(try catalog[game("a")]?.publisher == nil)
        #expect(try catalog[game("b")]?.title == "b")
        #expect(try catalog[game("c")]?.title.utf8.count == Limits.catalogTitleBytes)
    }

    @Test func `reads older files that lack columns and tables`() throws {
        try FixtureCatalog.make(
            path,
            statements: [
                "CREATE TABLE Games (GAME_ID TEXT, game_version INTEGER)", "INSERT INTO games VALUES ('old', 20010101)",
            ])
        let entry = try #require(try CatalogReader.read(path: path)[game("old")])
        #expect(entry.version.text == "20010101")
        #expect(entry.title == "old")
    }

    @Test func `reads a file in write-ahead mode, as far as it was written back`() throws {
        try FixtureCatalog.write([FixtureCatalogRow("a", title: "A", version: "1")], to: path)
        try FixtureCatalog.change(path, statements: ["COMMIT", "PRAGMA journal_mode = WAL", "BEGIN"])
        #expect(try CatalogReader.read(path: path).entries.count == 1)
    }

    // MARK: - Rows

    @Test func `drops rows whose ids climb or whose versions are none`() throws {
        var unversioned = FixtureCatalogRow("none", title: "N", version: "")
        unversioned.version = .null
        let rows =
            ["../../etc", "a/b", "", "UPPER", ".hidden", String(repeating: "x", count: 65)].map {
                FixtureCatalogRow($0, title: "T", version: "1")
            } + [unversioned, FixtureCatalogRow("good", title: "G", version: "1")]
        try FixtureCatalog.write(rows, to: path)
        let reading = try CatalogReader.load(path: path)
        #expect(reading.catalog.entries.keys.map(\.text) == ["good"])
        #expect(reading.dropped.count == 7)
        #expect(reading.dropped.map(\.reason).filter { $0 == .version }.count == 1)
    }

    @Test func `refuses a game that comes twice, withdrawn or not`() throws {
        let row = FixtureCatalogRow("twin", title: "T", version: "1")
        let id = try game("twin")
        #expect(
            try fault([FixtureCatalog.schema, FixtureCatalog.insert(row), FixtureCatalog.insert(row)])
                == .duplicateGame(id))
        try FixtureCatalog.write([row, row], withdrawn: ["twin"], to: path)
        #expect(fault { () throws(DatabaseError) in try CatalogReader.read(path: path) } == .duplicateGame(id))
    }

    @Test func `takes as many rows as the limit and not one more`() throws {
        func rows(_ count: Int) -> String {
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
            INSERT INTO games (game_id, game_version) SELECT 'g' || i, '1' FROM n
            """
        }
        try FixtureCatalog.make(path, statements: [FixtureCatalog.schema, rows(Limits.catalogRows)])
        #expect(try CatalogReader.read(path: path).entries.count == Limits.catalogRows)
        #expect(try fault([FixtureCatalog.schema, rows(Limits.catalogRows + 1)]) == .tooManyRows("games"))
    }

    // MARK: - Hostile files

    @Test func `never reads a key`() throws {
        try FixtureCatalog.write([FixtureCatalogRow("a", title: "A", version: "1")], to: path)
        let reading = try CatalogReader.load(path: path)
        #expect(!String(reflecting: reading).contains(FixtureCatalog.secretPrefix))
    }

    @Test func `refuses a view in place of a table`() throws {
        let view = "CREATE VIEW games AS SELECT 'a' AS game_id, '1' AS game_version"
        #expect(try fault([view]) == .notATable("games"))
        let discarded = "CREATE VIEW discarded AS SELECT 'a' AS game_id"
        let games = "CREATE TABLE games (game_id TEXT, game_version TEXT)"
        #expect(try fault([games, discarded]) == .notATable("discarded"))
    }

    @Test func `refuses a virtual table`() throws {
        let games = "CREATE VIRTUAL TABLE games USING fts5(game_id, game_version)"
        #expect(try fault([games]) == .notATable("games"))
    }

    @Test func `refuses files without the table or its columns`() throws {
        #expect(try fault(["CREATE TABLE other (a)"]) == .noTable("games"))
        #expect(try fault(["CREATE TABLE games (game_id TEXT)"]) == .noColumn("game_version"))
        #expect(try fault(["CREATE TABLE games (game_version TEXT)"]) == .noColumn("game_id"))
    }

    @Test func `refuses what is no database`() throws {
        for bytes in [[], Array("short".utf8), [UInt8](repeating: 7, count: 4_096)] {
            try directory.write("game.db", bytes)
            #expect(fault { () throws(DatabaseError) in try CatalogReader.read(path: path) } == .notADatabase)
        }
        let folder = directory.path
        #expect(fault { () throws(DatabaseError) in try CatalogReader.read(path: folder) } == .notARegularFile)
        #expect(throws: DatabaseError.cannotOpen(path: folder + "/none", code: 2)) {
            try CatalogReader.read(path: folder + "/none")
        }
    }

    @Test func `refuses a file over the limit before it is read`() throws {
        try directory.write("game.db", [UInt8](repeating: 0, count: 16))
        try FixtureFile.stretch(path, to: UInt64(Limits.catalogBytes) + 1)
        #expect(
            fault { () throws(DatabaseError) in try CatalogReader.read(path: path) }
                == .tooLarge(bytes: UInt64(Limits.catalogBytes) + 1))
    }

    @Test func `survives every damaged page`() throws {
        let rows = (0..<50).map { FixtureCatalogRow("game\($0)", title: "Title \($0)", version: "1") }
        try FixtureCatalog.write(rows, to: path)
        let sound = try #require(try directory.read("game.db"))
        var numbers = SplitMix(state: TestSeed.value)
        var refused = 0
        for _ in 0..<300 {
            var bytes = sound
            for _ in 0..<4 {
                let place = Int(numbers.next() % UInt64(bytes.count))
                bytes[place] = UInt8(truncatingIfNeeded: numbers.next())
            }
            try directory.write("game.db", bytes)
            do { _ = try CatalogReader.load(path: path) } catch { refused += 1 }
        }
        // A flip inside a text changes only the text.
        #expect(refused > 20)
        try directory.write("game.db", sound.prefix(sound.count / 2))
        #expect(throws: DatabaseError.self) { try CatalogReader.read(path: path) }
    }

    @Test func `refuses a file with a damaged page that no query would come to`() throws {
        let tools = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
            INSERT INTO tools (tool_id, tool_name) SELECT 't' || i, 'A TOOL WITH A LONG NAME' FROM n
            """
        let row = FixtureCatalogRow("a", title: "A", version: "1")
        try FixtureCatalog.make(path, statements: [FixtureCatalog.schema, FixtureCatalog.insert(row), tools])
        #expect(try CatalogReader.read(path: path).entries.count == 1)
        var bytes = try #require(try directory.read("game.db"))
        let name = Array("A TOOL WITH".utf8)
        let last = try #require(bytes.indices.dropLast(name.count).last { bytes[$0...].starts(with: name) })
        let page = last / 4_096 * 4_096
        bytes.replaceSubrange(page..<page + 8, with: [UInt8](repeating: 0xff, count: 8))
        try directory.write("game.db", bytes)
        #expect(throws: DatabaseError.damaged(path: path)) { try CatalogReader.read(path: path) }
    }

    @Test func `ends a query that takes too long`() throws {
        let row = "INSERT INTO games (game_id, game_version) SELECT 'g' || (SELECT count(*) FROM games), '1'"
        try FixtureCatalog.make(path, statements: [FixtureCatalog.schema] + [String](repeating: row, count: 3_000))
        #expect(throws: DatabaseError.tooSlow(path: path, after: .zero)) {
            try CatalogReader.read(path: path, limit: .zero)
        }
    }

    /// However many statements it takes: each is short, and all of them together are not.
    @Test func `ends a reading that takes too long as a whole`() throws {
        let connection = try Connection(naming: path)
        connection.endStatements(after: .milliseconds(100), memoryBytes: Limits.catalogMemoryBytes)
        #expect(throws: DatabaseError.tooSlow(path: path, after: .milliseconds(100))) {
            for _ in 0..<1_000 {
                let count = try connection.number(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                        + "SELECT count(*) FROM n")
                #expect(count == 10_000)
            }
        }
    }
}
