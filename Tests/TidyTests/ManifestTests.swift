import Testing

@Suite struct `A manifest` {
    private let file = SourceFile(
        path: "Package.swift",
        text: """
            let package = Package(
                targets: [
                    // C: outside.
                    library("CThing"),
                    // L0: words.
                    module("Low", ["CThing"]),
                    module("Beside", ["Low"]),
                    // L1: more.
                    module(
                        "High",
                        [
                            "Low", "CThing",
                        ]),
                    program("tool", ["High", "Gone"], path: "Tests/tool"),
                    // Tests: real.
                    kit("Kit", ["CThing", "High"]),
                    tests("High", ["High", "Kit"]),
                ]
            )
            """)

    private func imports(_ text: String, in path: String) -> [Finding] {
        Manifest(file).undeclaredImports(SourceFile(path: path, text: text))
    }

    @Test func `is a table of rows`() {
        let rows = Manifest(file).rows
        #expect(rows.map(\.target) == ["CThing", "Low", "Beside", "High", "tool", "Kit", "HighTests"])
        #expect(rows.map(\.storey) == [-1, 0, 0, 1, 1, 99, 99])
        #expect(rows[3].arrows == ["Low", "CThing"])
        #expect(rows[4].folder == "Tests/tool/")
        #expect(rows[6].folder == "Tests/HighTests/")
    }

    @Test func `refuses an import without an arrow`() {
        #expect(imports("import Low\npackage import CThing\nimport Glibc", in: "Sources/High/A.swift").isEmpty)
        #expect(imports("import High", in: "Sources/Low/A.swift").count == 1)
        #expect(imports("@testable import Low", in: "Tests/HighTests/A.swift").count == 1)
        #expect(imports("internal import struct Low.A", in: "Tests/HighTests/A.swift").count == 1)
        #expect(imports("import Testing", in: "Tests/HighTests/A.swift").isEmpty)
        #expect(imports("import Testing", in: "Sources/High/A.swift").count == 1)
        #expect(imports("import Low", in: "Sources/Nobody/A.swift").count == 1)
        #expect(imports("// import High\nlet a = \"import High\"", in: "Sources/Low/A.swift").isEmpty)
    }

    @Test func `refuses an arrow that does not go down`() {
        let texts = Manifest(file).upwardArrows(file).map(\.text)
        #expect(texts.contains { $0.hasPrefix("Beside → Low") })
        #expect(texts.contains { $0.hasPrefix("tool → High") })
        #expect(texts.contains { $0.hasPrefix("tool → Gone") })
        #expect(!texts.contains { $0.hasPrefix("High → Low") })
    }

    @Test func `refuses a C library with two owners`() {
        #expect(Manifest(file).sharedLibraries(file).map(\.line) == [4])
    }
}

@Suite struct `A document` {
    @Test func `must be in the index`() {
        let paths = ["docs/README.md", "docs/a.md", "docs/man/b.8"]
        #expect(DocumentRules.unlinked(documents: paths, index: "- [a](a.md)\n- [b](man/b.8)").isEmpty)
        #expect(DocumentRules.unlinked(documents: paths, index: "- [a](a.md)") == ["docs/man/b.8"])
    }

    @Test func `must not link into nothing`() {
        let page = SourceFile(path: "docs/a.md", text: "[x](../README.md#top) [y](b/c.md) [z](https://a.b) [q](#q)")
        #expect(DocumentRules.deadLinks(page) { ["README.md", "docs/b/c.md"].contains($0) }.isEmpty)
        #expect(DocumentRules.deadLinks(page) { _ in false }.count == 2)
    }

    @Test func `must know the words of the code`() {
        let code = SourceFile(path: "A.swift", text: "static let a = Self(\"no_game\")\nstatic let b = Self(\"busy\")")
        let words = DocumentRules.words(after: " = Self(", in: code)
        #expect(words.map(\.word) == ["no_game", "busy"])
        #expect(DocumentRules.undocumented(words, of: code, in: "`busy`").map(\.line) == [1])
    }

    @Test func `must show the settings of the code`() {
        let code = SourceFile(path: "A.swift", text: "enum Key: String {\n    case a\n    case b = \"b_c\"\n}\ncase d")
        #expect(DocumentRules.cases(of: "Key", in: code) == ["a", "b_c"])
        let file = SourceFile(path: "a.conf", text: "# Some text = here\n[x]\n#a = 1\n#b_c =\nd = 2")
        #expect(DocumentRules.settings(in: file) == ["a", "b_c", "d"])
    }
}
