extension FixtureCatalog {
    /// What a fuzzer of the reader begins with: small files, each with another thing that SQLite knows.
    ///
    /// Pages of 512 bytes: a changed byte then more often is one that counts.
    package static func writeSeeds(to directory: String) throws(FixtureError) {
        try FixtureFile.makeDirectories(directory)
        for (name, statements) in seeds {
            try make(
                "\(directory)/\(name).db",
                statements: ["COMMIT", "PRAGMA page_size = 512"] + statements.outside + ["BEGIN"] + statements.inside)
        }
    }

    private static let bare = "CREATE TABLE games (game_id TEXT, game_version TEXT)"

    private static var seeds: [(String, (outside: [String], inside: [String]))] {
        var quirky = FixtureCatalogRow("quirky", title: "Größe <br> & \u{1f3ae}", version: "20240101")
        (quirky.gigabytes, quirky.players) = (.text("0,2"), .text("2 (+ 6 CPU)"))
        quirky.readme = .text("One<br>two<BR/>" + String(repeating: "three ", count: 40))
        var empty = FixtureCatalogRow("empty", title: "", version: "1")
        (empty.title, empty.publisher, empty.readme, empty.genre) = (.null, .null, .blob([1, 2, 3]), .text("1"))
        let rows = [quirky, empty, FixtureCatalogRow("../x", title: "X", version: "1")].map(insert)
        let withdrawn = "INSERT INTO discarded (game_id) VALUES ('empty'), (NULL), (7), (x'61')"
        let many = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
            INSERT INTO games (game_id, game_version) SELECT 'g' || i, '20240101' FROM n
            """
        return [
            ("whole", ([], [schema] + rows + [withdrawn])),
            ("utf16", (["PRAGMA encoding = 'UTF-16le'"], [schema] + rows)),
            ("many", ([], [schema, many])),
            ("free", ([], [schema, many, "DELETE FROM games WHERE db_id % 2 = 1", "DROP TABLE tools"])),
            ("vacuum", (["PRAGMA auto_vacuum = FULL"], [schema] + rows)),
            ("bare", ([], [bare, "INSERT INTO games VALUES ('a', '1')"])),
            (
                "rowless",
                (
                    [],
                    [
                        "CREATE TABLE games (game_id TEXT PRIMARY KEY, game_version, x) WITHOUT ROWID",
                        "INSERT INTO games VALUES ('a', 20240101, 1.5), ('b', 2.0, NULL)",
                        "CREATE INDEX i ON games (game_version)",
                    ]
                )
            ),
            (
                "strange",
                (
                    [],
                    [
                        bare, "CREATE VIEW v AS SELECT * FROM games", "CREATE TABLE c (a, b AS (a), CHECK (a > 0))",
                        "CREATE TRIGGER t AFTER DELETE ON games BEGIN DELETE FROM c; END",
                    ]
                )
            ),
        ]
    }
}
