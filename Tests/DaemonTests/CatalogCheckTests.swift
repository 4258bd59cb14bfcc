import Fixture
import Model
import TestKit
import Testing

/// `lanspreadctl catalog` where no daemon is needed, and how it shows what one answers.
@Suite(.serialized) struct `The check of a catalog` {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/game.db" }

    init() throws { directory = try TemporaryDirectory() }

    /// No daemon listens there.
    private func ctl(_ words: String...) async throws -> Outcome {
        try await TestHost.run("lanspreadctl", ["--socket", "\(directory.path)/none"] + words, in: directory)
    }

    @Test func `says what is taken, left out and withdrawn, without a daemon`() async throws {
        let rows = ["a", "b", "../c"].map { FixtureCatalogRow($0, title: "T", version: "1") }
        var unversioned = FixtureCatalogRow("d", title: "D", version: "")
        unversioned.version = .null
        try FixtureCatalog.write(rows + [unversioned], withdrawn: ["b"], to: path)
        let outcome = try await ctl("catalog", "check", path)
        #expect(outcome.status == 0)
        #expect(
            outcome.output == """
                The row of "../c" is left out: its id breaks the rules.
                The row of d is left out: it has no valid version.
                \(path) is a sound catalog: 1 game, 2 rows left out, withdrawn: b.

                """)
        let json = try await ctl("--json", "catalog", "check", path).json
        #expect(json["count"]?.int == 1)
        #expect(json["games"]?.array == [["game": "a", "version": "1"]])
        #expect(json["dropped_count"]?.int == 2)
        #expect(json["withdrawn"]?.array == ["b"])
        #expect(json["schema_version"]?.int != nil)
    }

    @Test func `ends with 78 and the sentence when the file is refused`() async throws {
        let row = FixtureCatalogRow("a", title: "T", version: "1")
        try FixtureCatalog.write([row, row], to: path)
        let outcome = try await ctl("catalog", "check", path)
        #expect(outcome.status == 78)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("\(path) is not taken as a catalog: the game a comes twice."))
        let json = try await ctl("--json", "catalog", "check", "\(path).none")
        #expect(json.status == 78)
        #expect(json.json["error"]?["kind"]?.string == "bad_configuration")
        #expect(try await ctl("catalog", "check").status == 64)
        #expect(try await ctl("catalog", "chek", path).errors.contains("Did you mean check?"))
        #expect(try await ctl("catalog").status == 64)
    }

    @Test func `is followed by a daemon that shows the same`() async throws {
        try await within(.seconds(30)) {
            let games = try TemporaryDirectory()
            var row = FixtureCatalogRow("a", title: "Title", version: "1")
            row.gigabytes = .real(1.5)
            try FixtureCatalog.write(
                [
                    row, FixtureCatalogRow("b", title: "T", version: "1"),
                    FixtureCatalogRow("C", title: "T", version: "1"),
                ],
                withdrawn: ["b"], to: path)
            let host = try await TestHost.start(name: "one", games: games.path, catalog: path)
            let shown = try await host.ctl("catalog", "show")
            let lines = shown.output.split(separator: "\n").map(String.init)
            #expect(lines.count == 2)
            #expect(lines.last?.hasPrefix("a     Title  1        1.5 GB  8        Real-time strategy  2001") == true)
            #expect(
                shown.errors == """
                    \(path), the administrator's
                    1 game, 1 row left out, withdrawn: b
                    The row of "C" is left out: its id breaks the rules.

                    """)
        }
    }
}
