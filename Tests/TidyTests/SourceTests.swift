import Testing

/// Each rule over the whole tree; `RuleTests` shows for each of them that it can fail.
@Suite struct `The source` {
    private let tree = SourceTree.here

    /// Files that may begin a task of their own, each with the structure that the task begins or ends.
    static let looseTasks: [String: String] = [
        "Sources/Node/Node.swift": "the peers' life goes on until goodbye is said; its child waits for it",
        "Sources/Supervision/Supervisor.swift": "a child that hangs must not hold up the others' end",
        "Sources/lanspreadd/Start.swift": "a start that hangs must not hold up a stop",
        "Sources/lanspreadd/main.swift": "the daemon itself: the main thread is not given to libdispatch",
    ]

    private func all(_ files: [SourceFile], _ rule: (SourceFile) -> [Finding]) -> [Finding] {
        files.flatMap(rule)
    }

    @Test func `is read at all`() {
        #expect(tree.swift.count > 50)
        #expect(tree.file("Package.swift") != nil)
    }

    @Test func `keeps lines and files short`() {
        let others = tree.files.filter { file in
            ["Makefile", "scripts/", ".ci/", "systemd/", "etc/"].contains { file.path.hasPrefix($0) }
                || file.path.hasSuffix(".h")
        }
        let findings = all(tree.swift + others, LineRules.length)
        report(findings)
    }

    @Test func `gives a reason for a long function`() {
        let findings = all(tree.swift, ShapeRules.functionLength)
        report(findings)
    }

    @Test func `does without the forbidden words`() {
        let findings = all(tree.swift, LineRules.bannedWords)
        report(findings)
    }

    @Test func `says why where the compiler does not look`() {
        let findings = all(tree.swift, LineRules.unsafeHasReason)
        report(findings)
    }

    @Test func `starts loose tasks in named files only`() {
        // A test ends with its process; only the programs must be able to end theirs.
        let sources = tree.swift.filter { $0.path.hasPrefix("Sources/") }
        let findings = all(sources) { ShapeRules.looseTasks($0, allowed: Self.looseTasks) }
        report(findings)
    }

    @Test func `names the key of a game in the schema of our own catalogs only`() {
        // Whoever wants to read one has to write its name first.
        let findings = tree.swift.filter { $0.path.hasPrefix("Sources/") }.flatMap(LineRules.gameKeys)
        report(findings)
        #expect(tree.file("Sources/Database/CatalogSchema.swift")?.lines.contains { $0.contains("game_key") } == true)
    }

    @Test func `bounds every stream`() {
        let findings = all(tree.swift, ShapeRules.streamsNamePolicy)
        report(findings)
    }

    @Test func `leaves no TODO without an issue`() {
        let files = tree.files.filter { !$0.path.hasPrefix("Tests/TidyTests/") && !$0.path.hasPrefix("docs/") }
        let findings = all(files, LineRules.todoHasNumber)
        report(findings)
    }

    @Test func `names no path of one machine`() {
        let findings = all(tree.files, LineRules.machinePaths)
        report(findings)
    }
}

@Suite struct `The manifest` {
    private let tree = SourceTree.here
    private let file: SourceFile
    private let manifest: Manifest

    init() throws {
        file = try #require(tree.file("Package.swift"))
        manifest = Manifest(file)
    }

    @Test func `is read whole`() {
        #expect(manifest.rows.contains { $0.target == "Node" && $0.arrows.contains("Transfer") && $0.storey == 4 })
        #expect(manifest.rows.contains { $0.target == "lanspreadd" && $0.kind == "program" })
        #expect(manifest.rows.contains { $0.target == "TidyTests" && $0.storey == 99 })
        #expect(manifest.rows.filter { $0.kind == "library" }.count >= 8)
    }

    @Test func `has an arrow for every import`() {
        let findings = tree.swift.flatMap(manifest.undeclaredImports)
        report(findings)
    }

    @Test func `draws every arrow downwards`() {
        let findings = manifest.upwardArrows(file)
        report(findings)
    }

    @Test func `gives each C library one arrow`() {
        let findings = manifest.sharedLibraries(file)
        report(findings)
    }
}

@Suite struct `The documents` {
    private let tree = SourceTree.here
    private var text: String {
        tree.files.filter { $0.path.hasPrefix("docs/") }.flatMap(\.lines).joined(separator: "\n")
    }

    @Test func `are all in the index`() throws {
        let index = try #require(tree.file("docs/README.md"))
        let paths = tree.files.map(\.path).filter { $0.hasPrefix("docs/") }
        let missing = DocumentRules.unlinked(documents: paths, index: index.lines.joined(separator: "\n"))
        #expect(missing == [])
    }

    @Test func `link to what exists`() {
        let paths = tree.files.map(\.path)
        let findings = tree.documents.flatMap { document in
            DocumentRules.deadLinks(document) { target in
                tree.topLevel.contains(target) || paths.contains { $0 == target || $0.hasPrefix(target + "/") }
            }
        }
        report(findings)
    }

    @Test func `know every method of the control socket`() throws {
        let file = try #require(tree.file("Sources/Control/ControlMethod.swift"))
        let words = DocumentRules.words(after: " = ", in: file).filter { $0.word.contains(".") }
        #expect(words.count > 10)
        let findings = DocumentRules.undocumented(words, of: file, in: text)
        report(findings)
    }

    @Test func `know every kind of failure`() throws {
        let file = try #require(tree.file("Sources/Control/Failure.swift"))
        let words = DocumentRules.words(after: " = Self(", in: file)
        #expect(words.count > 10)
        let findings = DocumentRules.undocumented(words, of: file, in: text)
        report(findings)
    }

    @Test func `show every setting`() throws {
        let code = try #require(tree.file("Sources/Settings/Setting.swift"))
        let file = try #require(tree.file("etc/lanspreadd.conf"))
        let names = DocumentRules.cases(of: "SettingKey", in: code)
        #expect(names.count >= 10)
        #expect(DocumentRules.settings(in: file).sorted() == names.sorted())
    }

    @Test func `and nothing else lie at the top`() {
        #expect(tree.topLevel == DocumentRules.topLevel)
    }
}

/// One issue a finding, so that each stands on a line of its own.
private func report(_ findings: [Finding]) {
    for finding in findings { Issue.record("\(finding)") }
}
