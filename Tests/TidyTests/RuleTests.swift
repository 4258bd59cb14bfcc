import Testing

/// A check that cannot fail is no check: every rule meets a sample that breaks it and one that does not.
@Suite struct `A rule` {
    private func source(_ text: String, path: String = "Sources/Model/Sample.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test func `counts columns and lines`() {
        #expect(LineRules.length(source(String(repeating: "ä", count: 120) + "\n")).isEmpty)
        #expect(LineRules.length(source(String(repeating: "a", count: 121) + "\n")).count == 1)
        #expect(LineRules.length(source(String(repeating: "a\n", count: 350))).isEmpty)
        #expect(LineRules.length(source(String(repeating: "a\n", count: 351))).map(\.line) == [351])
    }

    @Test(arguments: [
        "import Foundation", "let a = try! b()", "let a = b as! C", "print(1)", "DispatchQueue.main", "fatalError()",
        "public struct A", "_ = archive_read_free(a)", "_ = sqlite3_step(a)",
    ])
    func `finds a forbidden word`(line: String) {
        #expect(LineRules.bannedWords(source("\n" + line)).map(\.line) == [2])
    }

    @Test(arguments: [
        "import FoundationEssentials", "// print(1) and try! it", "let a = \"public\"", "footprint(1)",
        "func `does not print(anything)`() {}", "let a = \"\"\"\n    public\n    \"\"\"", "log.print(a)",
        "let a = #\"a\" as! \"#", "/* public /* try! */ as! */ let a = 1", "let a = \"\\(b(\"public\"))public\"",
    ])
    func `leaves innocent words alone`(line: String) {
        #expect(LineRules.bannedWords(source(line)).isEmpty)
    }

    @Test func `sees code after a string`() {
        #expect(LineRules.bannedWords(source("let a = \"\\(b)\"; print(a)")).count == 1)
        #expect(LineRules.bannedWords(source("let a = \"\"\"\n  \\\"\"\" b\n  \"\"\"\nprint(a)")).count == 1)
    }

    @Test func `wants a reason for what is unchecked`() {
        #expect(LineRules.unsafeHasReason(source("let b = 1\n\nnonisolated(unsafe) let a = 1")).count == 1)
        #expect(LineRules.unsafeHasReason(source("final class A: @unchecked Sendable {}")).count == 1)
        #expect(LineRules.unsafeHasReason(source("/// One thread.\n@frozen\nnonisolated(unsafe) let a = 1")).isEmpty)
        #expect(LineRules.unsafeHasReason(source("/// One thread.\nfinal class A:\n  @unchecked Sendable {}")).isEmpty)
    }

    @Test func `measures functions`() {
        let body = String(repeating: "    a()\n", count: 59)
        #expect(ShapeRules.functionLength(source("func a() {\n\(body)}")).count == 1)
        #expect(ShapeRules.functionLength(source("init(\n    a: B = { $0 }\n) {\n\(body)}")).count == 1)
        #expect(ShapeRules.functionLength(source("/// Doc.\n// long: a table\n@A\nfunc a() {\n\(body)}")).isEmpty)
        #expect(ShapeRules.functionLength(source("// long:\nfunc a() {\n\(body)}")).count == 1)
        #expect(ShapeRules.functionLength(source("func a() {\n\(body.dropFirst(8))}")).isEmpty)
        #expect(ShapeRules.functionLength(source("protocol A {\n func a()\n func b()\n}\n{\n\(body)}")).isEmpty)
    }

    @Test func `wants a number at every stream`() {
        let bad = [
            "let a = AsyncStream<Int> { b in }", "return AsyncStream { b in", "AsyncStream.makeStream(of: Int.self)",
            "AsyncStream<Int>.makeStream()",
            "AsyncThrowingStream<Int, any Error>(Int.self) { c in }", "AsyncStream.makeStream(\n    of: Int.self\n)",
        ]
        for line in bad { #expect(ShapeRules.streamsNamePolicy(source(line)).count == 1, "\(line)") }
        let good = [
            "let a: AsyncStream<Int>", "func a() -> AsyncStream<Int> {", "var a: AsyncStream<Int> { b }",
            "AsyncStream.makeStream(of: Void.self)", "AsyncStream<Void> { b in }", "AsyncStream(unfolding: a)",
            "AsyncStream.makeStream(\n    of: Int.self,\n    bufferingPolicy: .bufferingOldest(3)\n)",
            "AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(1))", "AsyncStream<Int>.Continuation",
            "return AsyncStream {\n    await next()\n}",
        ]
        for line in good { #expect(ShapeRules.streamsNamePolicy(source(line)).isEmpty, "\(line)") }
    }

    @Test func `finds loose tasks`() {
        let bad = ["Task { a() }", "let a = Task<Void, Never> { }", "Task(priority: .low) { }", "Task.detached { }"]
        for line in bad {
            #expect(ShapeRules.looseTasks(source(line), allowed: [:]).count == 1, "\(line)")
            #expect(ShapeRules.looseTasks(source(line), allowed: ["Sources/Model/Sample.swift": "a"]).isEmpty)
        }
        let good = ["Task.isCancelled", "withTaskGroup { }", "group.addTask { }", "var a: Task<Void, Never>?"]
        for line in good { #expect(ShapeRules.looseTasks(source(line), allowed: [:]).isEmpty, "\(line)") }
    }

    @Test func `asks a TODO for its issue`() {
        #expect(LineRules.todoHasNumber(source("// TODO: later")).count == 1)
        #expect(LineRules.todoHasNumber(source("// FIXME 12")).count == 1)
        #expect(LineRules.todoHasNumber(source("// TODO(#12): later")).isEmpty)
        #expect(LineRules.todoHasNumber(source("// TODO 12: later")).isEmpty)
    }

    @Test func `finds whoever asks for the key of a game`() {
        #expect(LineRules.gameKeys(source("try prepare(\"SELECT Game_Key FROM games\")")).count == 1)
        #expect(LineRules.gameKeys(source("    /// Never the game_key.")).isEmpty)
    }

    @Test func `finds a path of one machine`() {
        #expect(LineRules.machinePaths(source("let a = \"/wo" + "rk/a\"")).count == 1)
        #expect(LineRules.machinePaths(source("let a = \"/srv/a\"")).isEmpty)
    }
}
