import Database
import Fixture
import Model
import Testing

/// What real catalogs hold in place of what one would expect.
@Suite struct `A catalog with quirks` {
    private let place: CatalogPlace

    init() throws { place = try CatalogPlace() }

    // MARK: - Texts

    @Test func `has genres in three languages, and shows the first that is there`() throws {
        try place.make([
            FixtureCatalog.schema,
            "INSERT INTO genre VALUES (3, NULL, ' ', 'Course'), (4, 'Rennen', 'Racing', 'Course'), (5, '', NULL, NULL)",
            "INSERT INTO games (game_id, game_version, genre_id) VALUES ('a', '1', 3), ('b', '1', '4'), ('c', '1', 5)",
            "INSERT INTO games (game_id, game_version, genre_id) VALUES ('d', '1', 99), ('e', '1', 'x')",
            "INSERT INTO games (game_id, game_version, genre_id) VALUES ('f', '1', 4.0)",
        ])
        let catalog = try place.load().catalog
        let genres = catalog.sorted.map(\.genres)
        let racing = CatalogText(english: "Racing", german: "Rennen", french: "Course")
        #expect(genres == [CatalogText(french: "Course"), racing, .none, .none, .none, racing])
        #expect(catalog.sorted.map(\.genre) == ["Course", "Racing", nil, nil, nil, "Racing"])
    }

    @Test func `has readmes whose tags end lines, and whose length is bounded`() throws {
        var row = CatalogPlace.row()
        row.readme = .text("One<br>two <BR/>\n<br />three\t\u{7}four <b>five</b> < br><br><br><br>six<br>")
        let readme = try place.entry(row).readme
        #expect(readme.english == "One\ntwo\n\nthree four <b>five</b> < br>\n\nsix")
        #expect(readme.german == readme.english)
        #expect(readme.french == nil)
        row.readme = .text(String(repeating: "ä", count: Limits.catalogReadmeBytes))
        let long = try #require(try place.entry(row).readme.english)
        #expect(long.utf8.count == Limits.catalogReadmeBytes)
        #expect(long.allSatisfy { $0 == "ä" })
    }

    @Test func `has no more readmes than all together may have`() throws {
        let rows = (0..<1_200).map { index in
            var row = CatalogPlace.row("g\(index)")
            row.readme = .text(String(repeating: "x", count: Limits.catalogReadmeBytes))
            return row
        }
        let entries = try place.load(rows).catalog.entries
        #expect(entries.count == 1_200)
        let bytes = entries.values.reduce(0) { $0 + $1.readme.all.reduce(0) { $0 + $1.utf8.count } }
        #expect(bytes == Limits.catalogReadmesBytes)
    }

    @Test func `has no more in its lines than all together may have, and every game`() throws {
        let text = String(repeating: "x", count: Limits.catalogTitleBytes)
        let rows = (0..<Limits.catalogRows).map { index in
            var row = CatalogPlace.row("g\(index)", title: text)
            (row.publisher, row.release, row.players) = (.text(text), .text(text), .text(text))
            return row
        }
        let entries = try place.load(rows).catalog.entries
        #expect(entries.count == rows.count)
        #expect(entries.values.contains { $0.title == text && $0.publisher != nil })
        #expect(entries.values.contains { $0.title == $0.game.text && $0.publisher == nil && $0.playersLimit == nil })
        let bytes = entries.values.reduce(0) { sum, entry in
            let title = entry.title == entry.game.text ? nil : entry.title
            let lines = [title, entry.publisher, entry.released, entry.playersLimit]
            return sum + lines.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
        }
        #expect(bytes <= 512 << 10, "\(bytes)")
    }

    @Test func `has publisher, release and players, or not`() throws {
        var row = CatalogPlace.row()
        row.release = .integer(1999)
        row.publisher = .rawText(Array("  Two\0Words\r\n".utf8))
        row.players = .integer(16)
        row.master = .text("1")
        let entry = try place.entry(row)
        #expect(entry.released == "1999")
        #expect(entry.publisher == "Two Words")
        #expect(entry.playersLimit == "16")
        #expect(entry.players == 16)
        #expect(entry.needsMaster)
        (row.release, row.publisher, row.players, row.master) = (.null, .null, .null, .null)
        let bare = try place.entry(row)
        #expect((bare.released ?? bare.publisher ?? bare.playersLimit) == nil)
        #expect(bare.players == nil)
        #expect(!bare.needsMaster)
    }

    @Test(
        arguments: [
            ("2 (+ 6 CPU)", 2), ("8", 8), ("2-8", 8), ("2 – 16 (LAN)", 16), ("1 bis 4", 4), ("up to 32", 32),
            ("0", nil),
            ("many", nil), ("99999999999999999999 x", nil), ("1001", nil), ("4 -", 4), ("-5", 5),
        ] as [(String, Int?)])
    func `says its players as a number when one can be read`(_ text: String, _ players: Int?) throws {
        var row = CatalogPlace.row()
        row.players = .text(text)
        let entry = try place.entry(row)
        #expect(entry.playersLimit == text)
        #expect(entry.players == players)
    }

    @Test func `has sizes with a unit, and nothing that only looks like a number`() throws {
        let sizes: [(FixtureValue, UInt64)] = [
            (.text(" 1,5 GB "), 1_500_000_000), (.text("0x10"), 0), (.text("-1"), 0), (.text("1.2.3"), 0),
            (.real(.infinity), 0), (.real(-0.5), 0), (.real(1e12), 0),
            (.integer(.max), 0), (.integer(.min), 0), (.blob([0x31]), 0), (.real(1_099.5), 1_099_500_000_000),
        ]
        let rows = sizes.enumerated().map { index, size in
            var row = CatalogPlace.row("g\(String(UnicodeScalar(UInt8(97 + index))))")
            row.gigabytes = size.0 == .real(.infinity) ? .text("9e999") : size.0
            return row
        }
        let entries = try place.load(rows).catalog.sorted
        for (entry, size) in zip(entries, sizes) { #expect(entry.bytes == size.1, "\(size.0)") }
        // A number as large as that one can only be written by SQL.
        try place.make([
            "CREATE TABLE games (game_id, game_version, game_size)", "INSERT INTO games VALUES ('a', 1, 9e999)",
            "INSERT INTO games VALUES ('b', 1, -9e999)", "INSERT INTO games VALUES ('c', 1, 9e999 - 9e999)",
            "INSERT INTO games VALUES ('d', 1, '1e3'), ('e', 1, '+1'), ('f', 1, 'infinity'), ('g', 1, '1')",
        ])
        #expect(try place.load().catalog.sorted.map(\.bytes) == [0, 0, 0, 0, 0, 0, 1_000_000_000])
    }

    // MARK: - Columns

    @Test func `names its columns in any case, and only those that are there are read`() throws {
        try place.make([
            "CREATE TABLE GaMeS (Game_ID TEXT, GAME_VERSION TEXT, game_TITLE TEXT, extra TEXT)",
            "INSERT INTO games VALUES ('a', '7', 'Title', 'x')",
            // The sign of Kelvin is a "k" to Unicode, and a letter of its own to SQLite.
            "CREATE TABLE genre (genre_id INTEGER, genre_en TEXT, \"genre_\u{212a}d\" TEXT)",
        ])
        let entry = try #require(try place.load().catalog.sorted.first)
        #expect(entry.title == "Title")
        #expect(entry.version.text == "7")
    }

    @Test func `may be a table without a rowid, with an index and with triggers that nothing fires`() throws {
        try place.make([
            "CREATE TABLE games (game_id TEXT PRIMARY KEY, game_version TEXT, game_title TEXT) WITHOUT ROWID",
            "CREATE INDEX other ON games (game_version, game_title, game_id)",
            "CREATE TRIGGER t AFTER INSERT ON games BEGIN UPDATE games SET game_version = '2'; END",
            "CREATE TABLE discarded (game_id TEXT PRIMARY KEY) WITHOUT ROWID",
            "INSERT INTO games VALUES ('a', '1', 'A')",
        ])
        #expect(try place.load().catalog.sorted.map(\.version.text) == ["2"])
    }

    @Test(arguments: ["UTF-8", "UTF-16le", "UTF-16be"])
    func `may be in any encoding that SQLite knows`(_ encoding: String) throws {
        try place.make(
            CatalogPlace.outside("PRAGMA encoding = '\(encoding)'")
                + [FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row("a", title: "Größe \u{1f3ae}"))])
        let entry = try #require(try place.load().catalog.sorted.first)
        #expect(entry.game.text == "a")
        #expect(entry.title == "Größe \u{1f3ae}")
        #expect(entry.genre == "Real-time strategy")
    }

    // MARK: - Rows

    @Test func `has broken UTF-8, NUL and blobs in texts, and only what an id or a version is made of counts`() throws {
        var latin = CatalogPlace.row("latin")
        latin.title = .rawText([0x47, 0xf6, 0x74, 0x7a])
        var nul = CatalogPlace.row("nul")
        nul.title = .rawText(Array("One\0Two".utf8))
        var blob = CatalogPlace.row("blob")
        blob.title = .blob(Array("Title".utf8))
        var badID = CatalogPlace.row()
        badID.game = .rawText(Array("ok\0../../etc".utf8))
        var blobID = CatalogPlace.row()
        blobID.game = .blob(Array("blobid".utf8))
        var brokenID = CatalogPlace.row()
        brokenID.game = .rawText([0x61, 0xff])
        var noID = CatalogPlace.row()
        noID.game = .null
        var blobVersion = CatalogPlace.row("blobversion")
        blobVersion.version = .blob(Array("1".utf8))
        var nulVersion = CatalogPlace.row("nulversion")
        nulVersion.version = .rawText(Array("1\0".utf8))
        let reading = try place.load([latin, nul, blob, badID, blobID, brokenID, noID, blobVersion, nulVersion])
        #expect(reading.catalog.sorted.map(\.title) == ["blob", "G\u{fffd}tz", "One Two"])
        #expect(reading.dropped.filter { $0.reason == .gameID }.count == 4)
        #expect(reading.dropped.filter { $0.reason == .version }.map(\.game) == ["blobversion", "nulversion"])
        #expect(reading.dropped.allSatisfy { $0.sentence.utf8.allSatisfy { $0 >= 0x20 } })
    }

    @Test func `has versions as whole numbers of any type, with blanks around them`() throws {
        try place.make([
            "CREATE TABLE games (game_id, game_version)",
            "INSERT INTO games VALUES ('a', 20240101), ('b', 20240101.0), ('d', 1.5)",
            "INSERT INTO games VALUES ('c', ' 20240101' || char(13, 10))",
            "INSERT INTO games VALUES ('e', '1 2'), ('f', '1' || char(10) || '2'), ('g', 'é')",
        ])
        let reading = try place.load()
        #expect(reading.catalog.sorted.map(\.version.text) == ["20240101", "20240101", "20240101"])
        #expect(reading.dropped.map(\.game) == ["d", "e", "f", "g"])
    }

    @Test func `cuts long texts between two characters`() throws {
        var row = CatalogPlace.row()
        row.title = .text("x" + String(repeating: "\u{1f3ae}", count: 400))
        row.publisher = .text(String(repeating: "é", count: 400))
        let entry = try place.entry(row)
        #expect(entry.title == "x" + String(repeating: "\u{1f3ae}", count: 255))
        #expect(entry.publisher == String(repeating: "é", count: Limits.catalogFieldBytes / 2))
    }

    @Test func `withdraws games by ids of any type, also of games that it does not have`() throws {
        try place.make([
            FixtureCatalog.schema.replacing("game_id TEXT, game_key INTEGER", with: "game_id, game_key INTEGER"),
            "INSERT INTO games (game_id, game_version) VALUES ('a', '1'), ('b', '1'), ('77', '1'), ('88', '1')",
            "INSERT INTO games (game_id, game_version) VALUES ('c', '1')",
            "INSERT INTO discarded (game_id) VALUES (NULL), (' A '), (x'62'), (77), (88.0), ('../x'), ('gone'), ('')",
        ])
        let reading = try place.load()
        #expect(reading.catalog.sorted.map(\.game.text) == ["c"])
        #expect(reading.withdrawn.map(\.text) == ["77", "88", "a", "b", "gone"])
    }

    @Test func `withdraws nothing by a table without ids`() throws {
        try place.make([
            FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row()), "DROP TABLE discarded",
            "CREATE TABLE discarded (del_id INTEGER PRIMARY KEY, game_key INTEGER)",
            "INSERT INTO discarded (game_key) VALUES (1)",
        ])
        #expect(try place.load().catalog.entries.count == 1)
    }

    @Test func `may have any number of tools`() throws {
        try place.make([
            FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row()),
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Limits.catalogRows + 10))
                INSERT INTO tools (tool_id, tool_size) SELECT 'a', 'x' FROM n
            """,
        ])
        #expect(try place.load().catalog.entries.count == 1)
        try place.make([FixtureCatalog.schema, FixtureCatalog.insert(CatalogPlace.row()), "DROP TABLE tools"])
        #expect(try place.load().catalog.entries.count == 1)
    }
}
