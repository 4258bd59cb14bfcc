import Model
import Runtime
import TestKit
import Testing

@Suite struct `A relative path` {
    private func fault(_ bytes: [UInt8]) -> PathFault? {
        do throws(PathFault) {
            _ = try RelativePath(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "a", "a/b", "Data/File With Blanks.pak", "...a", "a..b", ".hidden", "ü/é", "1:2", "~", "a\u{0301}", "CON",
    ]) func `keeps its bytes`(_ text: String) throws {
        let path = try RelativePath(text)
        #expect(path.bytes == Array(text.utf8))
        #expect(path.text == text)
    }

    @Test(arguments: [
        ("", PathFault.empty), ("/a", .absolute), ("/", .absolute), ("a//b", .emptyComponent), ("a/", .emptyComponent),
        (".", .dots), ("..", .dots), ("a/../b", .dots), ("a/.", .dots), ("a.", .trailingDotOrSpace),
        ("a /b", .trailingDotOrSpace), ("a/...", .trailingDotOrSpace), ("c:", .drive), ("C:/x", .drive),
        ("a/z:b", .drive), ("a\\b", .backslash), ("a\u{0}b", .control), ("a\nb", .control), ("\u{7f}", .control),
        ("\u{85}", .control), ("\u{1b}[2J", .control),
    ]) func `is refused with the rule that it breaks`(_ text: String, _ expected: PathFault) {
        #expect(fault(Array(text.utf8)) == expected)
    }

    @Test func `is UTF-8`() {
        for bytes: [UInt8] in [
            [0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80],
        ] {
            #expect(fault(bytes) == .notUTF8)
        }
    }

    @Test func `is as long and as deep as the limits allow`() {
        let a = UInt8(ascii: "a")
        let component = [UInt8](repeating: a, count: Limits.pathComponentBytes)
        #expect(fault(component) == nil)
        #expect(fault(component + [a]) == .tooLong)
        let longest = Array([component, component, component, component].joined(separator: [UInt8(ascii: "/")]))
        let exact = Array(longest.prefix(Limits.pathBytes - 2)) + Array("/a".utf8)
        #expect(exact.count == Limits.pathBytes)
        #expect(fault(exact) == nil)
        #expect(fault(longest + Array("/aa".utf8)) == .tooLong)
        let deep = [[UInt8]](repeating: [a], count: Limits.pathDepth)
        #expect(fault(Array(deep.joined(separator: [UInt8(ascii: "/")]))) == nil)
        #expect(fault(Array((deep + [[a]]).joined(separator: [UInt8(ascii: "/")]))) == .tooDeep)
    }

    @Test func `is compared as bytes, where a String would see no difference`() throws {
        let (composed, decomposed) = (try RelativePath("\u{e9}"), try RelativePath("e\u{301}"))
        #expect(composed != decomposed)
        #expect(composed.text == decomposed.text)
        #expect(try RelativePath("a.b") < RelativePath("a/b"))
        #expect(try RelativePath("Z") < RelativePath("a"))
    }

    @Test func `knows its parent and its names`() throws {
        let path = try RelativePath("a/b/c")
        #expect(path.parent?.text == "a/b")
        #expect(path.parent?.parent?.parent == nil)
        #expect(path.components.map { String(decoding: $0, as: UTF8.self) } == ["a", "b", "c"])
    }

    @Test func `is never made of noise that climbs`() {
        let random = TestSeed.random
        let alphabet = Array("a./\\: \u{0}\u{1b}é".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<1 + Int(random.uint64() % 12)).map { _ in
                alphabet[Int(random.uint64() % UInt64(alphabet.count))]
            }
            guard let path = try? RelativePath(bytes) else { continue }
            #expect(path.bytes.first != UInt8(ascii: "/"), "seed \(TestSeed.value)")
            #expect(
                path.components.allSatisfy { $0 != [46] && $0 != [46, 46] && !$0.isEmpty }, "seed \(TestSeed.value)")
        }
    }
}

@Suite struct `A set of paths` {
    private func fault(_ paths: [(String, PathSet.Kind)]) throws -> PathFault? {
        var set = PathSet()
        for (text, kind) in paths {
            let path = try RelativePath(text)
            do throws(PathFault) {
                try set.insert(path, kind)
            } catch {
                return error
            }
        }
        return nil
    }

    @Test func `takes a directory again but a leaf once`() throws {
        #expect(try fault([("a", .directory), ("a", .directory), ("a/b", .leaf)]) == nil)
        #expect(try fault([("a/b", .leaf), ("a/b", .leaf)]) == .duplicate)
    }

    @Test func `counts every directory once, and holds a bounded number of names`() throws {
        var set = PathSet(limit: 5)
        try set.insert(try RelativePath("a/b/c"), .leaf)
        try set.insert(try RelativePath("a/b/d"), .leaf)
        try set.insert(try RelativePath("a/b"), .directory)
        try set.insert(try RelativePath("b"), .leaf)
        #expect(throws: PathFault.tooManyNames) { try set.insert(try RelativePath("c"), .leaf) }
        #expect(throws: PathFault.duplicate) { try set.insert(try RelativePath("b"), .leaf) }
    }

    @Test func `refuses what some disk would take for one`() throws {
        #expect(try fault([("Data/B/x", .leaf), ("data/c/y", .leaf)]) == .collision)
        #expect(try fault([("e\u{301}/x", .leaf), ("\u{e9}/y", .leaf)]) == .collision)
        #expect(try fault([("a/B", .leaf), ("a/b", .leaf)]) == .collision)
        #expect(try fault([("A/x", .leaf), ("a/y", .leaf)]) == .collision)
        #expect(try fault([("\u{e9}", .leaf), ("e\u{301}", .leaf)]) == .collision)
        #expect(try fault([("a", .leaf), ("a/b", .leaf)]) == .fileAndDirectory)
        #expect(try fault([("a/b", .leaf), ("a", .leaf)]) == .fileAndDirectory)
    }

    @Test(arguments: [
        ("quake.eti", true), ("data/version.ini", true), ("data/local/x", true), ("localize", true),
        ("version.ini", false), ("VERSION.INI", false), ("local", false), ("Local/x", false),
        (".lanspread.json", false),
        ("a/.b/c", false), ("a.!sync", false), ("a/THUMBS.DB", false), ("Desktop.ini", false),
    ]) func `is exchanged between peers but for what is reserved`(_ text: String, _ expected: Bool) throws {
        #expect(ReservedNames.isExchanged(try RelativePath(text)) == expected)
    }
}
