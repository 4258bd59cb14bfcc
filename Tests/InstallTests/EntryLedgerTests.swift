import Model
import Testing
import Unpack

@testable import Install

@Suite struct `An entry ledger` {
    private func file(_ path: String, size: UInt64 = 1, mode: UInt32 = 0o644) -> EntryHeader {
        EntryHeader(kind: .file, path: Array(path.utf8), size: size, mode: mode)
    }

    private func link(_ kind: EntryKind, _ path: String, to target: String) -> EntryHeader {
        EntryHeader(kind: kind, path: Array(path.utf8), target: Array(target.utf8))
    }

    private func admit(_ headers: [EntryHeader], entries: Int = 100, bytes: UInt64 = 1_000) throws -> EntryLedger {
        var ledger = EntryLedger(entriesLimit: entries, bytesLimit: bytes)
        for header in headers { _ = try ledger.admit(header) }
        return ledger
    }

    @Test func `makes files and directories at once and links at the end`() throws {
        var ledger = EntryLedger()
        let path = try RelativePath("a/run")
        #expect(try ledger.admit(EntryHeader(kind: .directory, path: [97])) == .makeDirectory(try RelativePath("a")))
        #expect(try ledger.admit(file("a/run", mode: 0o100)) == .makeFile(path, isExecutable: true))
        #expect(try ledger.admit(link(.hardlink, "b", to: "a/run")) == .nothingYet)
        #expect(try ledger.admit(link(.symlink, "c", to: "a")) == .nothingYet)
        #expect(ledger.hardLinks == [.init(path: try RelativePath("b"), target: path, isExecutable: true)])
        #expect(ledger.symbolicLinks == [.init(path: try RelativePath("c"), target: [97])])
        #expect(ledger.leaves.map(\.text) == ["a/run", "b", "c"])
    }

    @Test(arguments: [
        "", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "c:x", "a\\b", "a\u{1}", "a.", "a ",
        ".lanspread_owned", ".LANSPREAD_owned", ".lanspread_owned/x",
    ])
    func `refuses a bad or a reserved name`(path: String) {
        #expect(throws: EntryFault.self) { try admit([file(path)]) }
    }

    @Test func `lets the marker's name stand deeper`() throws {
        #expect(try admit([file("a/.lanspread_owned")]).leaves.count == 1)
    }

    @Test func `refuses names that come twice or fall together`() {
        for (one, other) in [("a", "a"), ("a", "A"), ("a/b", "A/c"), ("é", "e\u{301}"), ("a", "a/b"), ("a/b", "a")] {
            #expect(throws: EntryFault.self, "\(one) \(other)") { try admit([file(one), file(other)]) }
        }
        #expect(throws: EntryFault.self) { try admit([link(.symlink, "a", to: "b"), file("a/c")]) }
        #expect(throws: EntryFault.self) { try admit([file("b"), link(.hardlink, "a", to: "b"), file("a/c")]) }
    }

    @Test func `takes 64 names in a path and no more`() throws {
        let deep = Array(repeating: "d", count: 64).joined(separator: "/")
        #expect(try admit([file(deep)]).leaves.count == 1)
        #expect(throws: EntryFault.path(Array("\(deep)/d".utf8), .tooDeep)) { try admit([file("\(deep)/d")]) }
    }

    @Test func `copies only files that came before`() {
        for target in ["later", "../a", "dir", "link", "/etc/passwd"] {
            let headers = [
                EntryHeader(kind: .directory, path: Array("dir".utf8)), link(.symlink, "link", to: "dir"),
                link(.hardlink, "copy", to: target), file("later"),
            ]
            #expect(throws: EntryFault.linkToNothing(Array("copy".utf8))) { try admit(headers) }
        }
    }

    @Test func `counts entries and bytes up to its limits, copies too`() throws {
        #expect(try admit([file("a"), file("b")], entries: 2).leaves.count == 2)
        #expect(throws: EntryFault.tooManyEntries) { try admit([file("a"), file("b")], entries: 1) }
        #expect(try admit([file("a", size: 5), link(.hardlink, "b", to: "a")], bytes: 10).leaves.count == 2)
        #expect(throws: EntryFault.tooManyBytes) {
            try admit([file("a", size: 5), link(.hardlink, "b", to: "a")], bytes: 9)
        }
        #expect(throws: EntryFault.tooManyBytes) { try admit([file("a"), file("b", size: .max)]) }
    }
}
