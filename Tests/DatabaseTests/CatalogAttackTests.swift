import Database
import Fixture
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

/// Files made to hurt whoever reads them.
@Suite struct `A hostile catalog` {
    private let place: CatalogPlace

    init() throws { place = try CatalogPlace() }

    private static let bare = "CREATE TABLE games (game_id TEXT, game_version TEXT)"
    private static let row = "INSERT INTO games VALUES ('a', '1')"

    private func write(_ bytes: [UInt8]) throws { try place.directory.write("game.db", bytes) }

    // MARK: - What is no file

    @Test func `is refused when it is a pipe, a device or a directory, and a link counts as what it leads to`() throws {
        let other = place.directory.path + "/other.db"
        try FixtureCatalog.write([CatalogPlace.row()], to: other)
        try #require(symlink(other, place.path) == 0)
        #expect(try place.load().catalog.entries.count == 1)
        try Files.removeFile(atPath: other)
        #expect(throws: DatabaseError.cannotOpen(path: place.path, code: ENOENT)) { try place.load() }
        try Files.removeFile(atPath: place.path)
        try #require(symlink(place.path, place.path) == 0)
        #expect(throws: DatabaseError.cannotOpen(path: place.path, code: ELOOP)) { try place.load() }
        try Files.removeFile(atPath: place.path)
        // Nobody ever writes into it: whoever opened it as usual would wait for ever.
        try #require(mkfifo(place.path, 0o600) == 0)
        #expect(place.fault() == .notARegularFile)
        try Files.removeFile(atPath: place.path)
        try #require(symlink("/dev/zero", place.path) == 0)
        #expect(place.fault() == .notARegularFile)
        try Files.removeFile(atPath: place.path)
        try Files.makeDirectory(atPath: place.path, mode: 0o755)
        #expect(place.fault() == .notARegularFile)
    }

    @Test func `is refused at every length that it may be cut to`() throws {
        try FixtureCatalog.write([CatalogPlace.row()], to: place.path)
        let sound = try #require(try place.directory.read("game.db"))
        for length in Array(0..<128) + stride(from: 128, to: sound.count, by: 509) {
            #expect(throws: DatabaseError.self, "\(length)") {
                try CatalogReader.load(bytes: sound[..<length], name: "cut")
            }
        }
        #expect(try CatalogReader.load(bytes: sound, name: "whole").catalog.entries.count == 1)
    }

    @Test func `is refused when it is written to, cut or made longer while it is copied`() throws {
        try FixtureCatalog.write([CatalogPlace.row()], to: place.path)
        let sound = try #require(try place.directory.read("game.db"))
        let changes: [() throws -> Void] = [
            { try #require(truncate(place.path, 4_096) == 0) },
            { try FixtureFile.stretch(place.path, to: UInt64(sound.count) + 4_096) },
            { try write(sound) },
        ]
        for change in changes {
            try write(sound)
            #expect(throws: DatabaseError.catalog(path: place.path, .beingWritten)) {
                try CatalogReader.load(path: place.path) { try? change() }
            }
        }
        // One that is replaced was whole when it was opened.
        try write(sound)
        let reading = try CatalogReader.load(path: place.path) {
            if let path = try? place.directory.write("new.db", [1, 2, 3]) { try? Files.rename(path, to: place.path) }
        }
        #expect(reading.catalog.entries.count == 1)
        #expect(place.fault() == .notADatabase)
    }

    @Test func `is refused when it has more bytes, pages or rows than the limits`() throws {
        let games = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.catalogRows + 1))
            """
        let sound = [FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row())]
        #expect(
            try place.fault(sound + [games + "INSERT OR REPLACE INTO genre SELECT i, 'x', 'y', 'z' FROM n"])
                == .tooManyRows("genre"))
        #expect(
            try place.fault(sound + [games + "INSERT INTO discarded (game_id) SELECT 'b' FROM n"])
                == .tooManyRows("discarded"))
        try FixtureCatalog.write([CatalogPlace.row()], to: place.path)
        try FixtureFile.stretch(place.path, to: UInt64(Limits.catalogBytes))
        #expect(try place.load().catalog.entries.count == 1)
        try FixtureFile.stretch(place.path, to: UInt64(Limits.catalogBytes) + 1)
        #expect(place.fault() == .tooLarge(bytes: UInt64(Limits.catalogBytes) + 1))
    }

    @Test func `with a tree as deep as it has pages does not end the process`() throws {
        for pages in [Limits.catalogPages, Limits.catalogPages + 1] {
            try place.make(CatalogPlace.outside("PRAGMA page_size = 512") + [Self.bare])
            var bytes = try #require(try place.directory.read("game.db"))
            try #require(bytes.count == 1_024)
            bytes.replaceSubrange(28..<32, with: Self.bigEndian(UInt32(pages)))
            bytes.removeLast(512)
            for page in 2...pages {
                // An inner page without a cell, whose one child is the next page; the last one is a leaf.
                var header: [UInt8] = page < pages ? [5, 0, 0, 0, 0, 2, 0, 0] : [13, 0, 0, 0, 0, 2, 0, 0]
                if page < pages { header += Self.bigEndian(UInt32(page + 1)) }
                bytes += header + [UInt8](repeating: 0, count: 512 - header.count)
            }
            try write(bytes)
            if pages > Limits.catalogPages {
                #expect(place.fault() == .tooManyPages(pages))
            } else {
                #expect(throws: DatabaseError.damaged(path: place.path)) { try place.load() }
            }
        }
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
    }

    // MARK: - What the file would have computed

    @Test func `is refused when a column is computed, in any table`() throws {
        let slow = "instr(zeroblob(500000), zeroblob(400000) || x'01')"
        #expect(
            try place.fault(["CREATE TABLE games (game_id TEXT, game_version TEXT AS ('1'), game_title TEXT)"])
                == .computedColumn(table: "games"))
        #expect(
            try place.fault(["CREATE TABLE games (game_id TEXT, game_version TEXT AS ('1') STORED)"])
                == .computedColumn(table: "games"))
        #expect(
            try place.fault([Self.bare, Self.row, "CREATE TABLE other (a, b TEXT AS (\(slow)))"])
                == .computedColumn(table: "other"))
    }

    @Test func `has no check, index or default computed`() throws {
        // Each of them takes a minute or fails when it is computed, once for each row.
        let slow = "instr(zeroblob(900000), zeroblob(400000) || x'01') + abs(-9223372036854775808)"
        try place.make([
            Self.bare, Self.row,
            "CREATE TABLE other (a, b, CHECK (a IS NULL))", "INSERT INTO other VALUES (NULL, 1)",
            "CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, genre_en TEXT DEFAULT (1))",
        ])
        try FixtureCatalog.change(
            place.path,
            statements: [
                "PRAGMA writable_schema = ON",
                """
                UPDATE sqlite_schema SET sql = replace(sql, 'a IS NULL', '\(slow.replacing("'", with: "''"))')
                    WHERE name = 'other'
                """,
                "UPDATE sqlite_schema SET sql = replace(sql, '(1)', '(\(slow.replacing("'", with: "''")))') "
                    + "WHERE name = 'genre'",
            ])
        let begin = ContinuousClock.now
        #expect(try place.load().catalog.entries.count == 1)
        #expect(ContinuousClock.now - begin < .seconds(5))
    }

    @Test func `is read from its table, whatever an index of it says`() throws {
        try place.make([
            "CREATE TABLE games (game_id TEXT, game_version TEXT)", "CREATE TABLE discarded (game_id TEXT)",
            "CREATE INDEX d ON discarded (game_id)", "INSERT INTO games VALUES ('gone', '1')",
            "INSERT INTO discarded VALUES ('gone')",
        ])
        // Another root page for the index makes it an empty one; nothing but a full check would see it.
        try FixtureCatalog.change(place.path, statements: ["CREATE TABLE hollow (a)"])
        try FixtureCatalog.change(
            place.path,
            statements: [
                "CREATE INDEX hollow_index ON hollow (a)", "PRAGMA writable_schema = ON",
                """
                UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'hollow_index')
                    WHERE name = 'd'
                """, "DELETE FROM sqlite_schema WHERE name = 'hollow_index'",
            ])
        do throws(DatabaseError) {
            #expect(try place.load().withdrawn.map(\.text) == ["gone"])
        } catch {
            // A newer SQLite sees the page that is left over, which is as good.
            #expect(error == .damaged(path: place.path))
        }
    }

    @Test func `is refused when it has views or virtual tables in place of tables, and others are let be`() throws {
        #expect(
            try place.fault([Self.bare, "CREATE VIEW genre AS SELECT 1 AS genre_id, game_id AS genre_en FROM games"])
                == .notATable("genre"))
        #expect(try place.fault(["CREATE VIRTUAL TABLE games USING rtree(game_id, a, b)"]) == .notATable("games"))
        try place.make([
            Self.bare, Self.row, "CREATE VIEW loop AS SELECT * FROM games, games AS b, games AS c",
            "CREATE TRIGGER t INSTEAD OF INSERT ON loop BEGIN DELETE FROM games; END",
        ])
        #expect(try place.load().catalog.entries.count == 1)
    }

    // MARK: - Bombs

    @Test func `is refused when a row is longer than the limit, whichever column it is`() throws {
        for (column, bytes) in [("game_title", Limits.catalogRowBytes), ("game_readme_de", 40 << 20)] {
            try place.make([
                FixtureCatalog.schema,
                "INSERT INTO games (game_id, game_version, \(column)) VALUES ('a', '1', zeroblob(\(bytes + 1)))",
            ])
            #expect(place.fault() == .tooLong, "\(column)")
        }
        try place.make([
            FixtureCatalog.schema,
            "INSERT INTO games (game_id, game_version, game_title) VALUES ('a', '1', zeroblob(\(900 << 10)))",
        ])
        #expect(try place.load().catalog.sorted.map(\.title) == ["a"])
    }

    @Test func `is refused when its schema alone would fill the memory`() throws {
        let names = (0..<80).map { "c\($0)" }.joined(separator: ",")
        let tables = (0..<100).map { "CREATE TABLE t\($0)(\(names))" }
        try place.make([Self.bare, Self.row] + tables)
        #expect(try place.load().catalog.entries.count == 1)
        // The tables share one root page, or the file would have too many.
        let rows = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO sqlite_schema SELECT 'table', 'u' || i, 'u' || i,
                (SELECT rootpage FROM sqlite_schema WHERE name = 't0'),
                'CREATE TABLE u' || i || '(\(names))' FROM n
            """
        try place.make([Self.bare, Self.row, tables[0], "PRAGMA writable_schema = ON", rows])
        #expect(throws: DatabaseError.catalog(path: place.path, .tooComplex)) {
            try CatalogReader.load(path: place.path, limit: .seconds(60))
        }
        let wide = (0...Limits.catalogColumns).map { "c\($0)" }.joined(separator: ",")
        try place.make([Self.bare, "CREATE TABLE wide(\(wide))"])
        #expect(throws: DatabaseError.self) { try place.load() }
    }

    // MARK: - Damage

    @Test func `survives every byte of its header and of its first page being wrong`() throws {
        let rows = (0..<20).map { CatalogPlace.row("game\($0)") }
        try place.make(
            CatalogPlace.outside("PRAGMA page_size = 512") + [FixtureCatalog.schema] + rows.map(FixtureCatalog.insert))
        let sound = try #require(try place.directory.read("game.db"))
        for position in 0..<min(sound.count, 1_536) {
            for value: UInt8 in [0, 1, 0x7f, 0xff, sound[position] &+ 1] {
                var bytes = sound
                bytes[position] = value
                if let reading = try? CatalogReader.load(bytes: bytes, name: "damaged") {
                    #expect(reading.catalog.entries.count <= 20)
                }
            }
        }
    }

    @Test func `survives a free list that leads anywhere`() throws {
        try place.make([
            FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row()), "CREATE TABLE big (a)",
            "INSERT INTO big VALUES (zeroblob(100000))",
        ])
        try FixtureCatalog.change(place.path, statements: ["DROP TABLE big"])
        let sound = try #require(try place.directory.read("game.db"))
        #expect(try CatalogReader.load(bytes: sound, name: "sound").catalog.entries.count == 1)
        let trunk = sound[32..<36].reduce(0) { $0 << 8 | Int($1) }
        try #require(trunk > 0)
        let page = (trunk - 1) * 4_096
        let lies: [(Int, UInt32)] = [
            (32, 1), (32, .max), (32, UInt32(trunk + 1)), (36, 0), (36, .max), (page, UInt32(trunk)), (page + 4, .max),
            (page + 8, 1),
        ]
        for (offset, number) in lies {
            var bytes = sound
            bytes.replaceSubrange(offset..<offset + 4, with: Self.bigEndian(number))
            #expect(throws: DatabaseError.self, "\(offset) \(number)") {
                try CatalogReader.load(bytes: bytes, name: "damaged")
            }
        }
    }

    // MARK: - The secret

    @Test func `gives no key away, by no value and in no error`() throws {
        let secret = "unique-4711-key"
        var row = CatalogPlace.row("a")
        row.key = .text(secret)
        var unversioned = CatalogPlace.row("b")
        (unversioned.key, unversioned.version) = (.text(secret), .null)
        let reading = try place.load([row, unversioned])
        #expect(!String(reflecting: reading).contains(secret))
        #expect(!reading.dropped.contains { $0.sentence.contains(secret) })
        // Where the columns are mixed up the key is data like any other; where it is only asked for it is not given.
        try place.make([
            Self.bare.replacing("game_id TEXT", with: "game_key TEXT, game_id TEXT"),
            "INSERT INTO games VALUES ('\(secret)', 'a', '1')",
        ])
        #expect(!String(reflecting: try place.load()).contains(secret))
        try place.make(["CREATE TABLE games (game_key TEXT, game_version TEXT)"])
        #expect(place.fault() == .noColumn("game_id"))
    }
}
