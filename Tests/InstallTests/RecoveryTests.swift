import Fixture
import Model
import Storage
import TestKit
import Testing

@testable import Install

@Suite struct `A recovery` {
    private func begun(_ bench: InstallBench, _ change: Intent.Change = .install) throws {
        let version = try #require(bench.version)
        try bench.root.writeIntent(Intent(change, game: bench.root.game, version: version, root: nil))
    }

    /// Recovers twice: the second time there is nothing to do and nothing changes.
    private func recover(_ bench: InstallBench) async throws -> RecoveryReport {
        let report = try await bench.recover()
        let after = try bench.directory.tree()
        #expect(try await bench.recover().outcome == .clean)
        #expect(try bench.directory.tree() == after)
        return report
    }

    @Test func `does nothing where nothing was begun`() async throws {
        let bench = try InstallBench(package: [1])
        try bench.directory.write("quake/local/save", [1])
        let before = try bench.directory.tree()
        #expect(try await recover(bench) == RecoveryReport(outcome: .clean, leftAlone: []))
        #expect(try await bench.recover().sentence == nil)
        #expect(try bench.directory.tree() == before)
    }

    @Test func `undoes an install that has only its intent, or a part of its staging`() async throws {
        let bench = try InstallBench(package: [1])
        let before = try bench.directory.tree()
        try begun(bench)
        #expect(try await recover(bench).outcome == .undone(.install))
        #expect(try bench.directory.tree() == before)
        for part in ["quake/.local.installing/.lanspread_owned", "quake/.local.installing/deep/file"] {
            try begun(bench)
            try bench.directory.write(part, [1])
            #expect(try await recover(bench).outcome == .undone(.install))
            #expect(try bench.directory.tree() == before)
        }
    }

    @Test func `removes a staging whose marker proves it, without an intent`() async throws {
        let bench = try InstallBench(package: [1])
        let before = try bench.directory.tree()
        try bench.directory.write("quake/.local.installing/.lanspread_owned", OwnershipMarker.bytes(bench.root.game))
        try bench.directory.write("quake/.local.installing/a/b", [1])
        #expect(try await recover(bench).outcome == .clean)
        #expect(try bench.directory.tree() == before)
    }

    @Test func `finishes an install whose tree is already in its place`() async throws {
        let bench = try InstallBench(package: [1])
        try begun(bench)
        try bench.directory.write("quake/local/.lanspread_owned", OwnershipMarker.bytes(bench.root.game))
        try bench.directory.write("quake/local/bin/run", [1])
        #expect(try await recover(bench).outcome == .finished(.install))
        #expect(try Item.tree("\(bench.directory.path)/quake/local").keys.sorted() == ["bin", "bin/run"])
        #expect(try bench.root.installedRecord()?.paths == ["bin/run"])
        #expect(try bench.root.intent() == .none)
    }

    @Test func `leaves alone what it cannot prove or does not understand`() async throws {
        let bench = try InstallBench(package: [1])
        try bench.directory.write("quake/.local.installing/mine", [1])
        #expect(try await bench.recover() == RecoveryReport(outcome: .clean, leftAlone: [".local.installing"]))
        #expect(bench.directory.exists("quake/.local.installing/mine"))
        try bench.directory.write("quake/.lanspread.json", Array("not an intent".utf8))
        #expect(try await bench.recover() == RecoveryReport(outcome: .clean, leftAlone: [".lanspread.json"]))
        #expect(bench.directory.exists("quake/.local.installing/mine"))
        let update = try InstallBench(package: [1])
        try begun(update, .update)
        #expect(try await update.recover() == RecoveryReport(outcome: .clean, leftAlone: [".lanspread.json"]))
    }

    @Test func `takes a stranger's file of the marker's name for no proof`() async throws {
        let bench = try InstallBench(package: [1])
        try bench.directory.write("quake/.local.installing/.lanspread_owned", [])
        let before = try bench.directory.tree()
        #expect(try await recover(bench).leftAlone == [".local.installing"])
        #expect(try bench.directory.tree() == before)
    }

    @Test func `lets the next install begin afresh`() async throws {
        let bench = try InstallBench(package: Rar5Writer.bytes([.file("a", .text("new"))]))
        try begun(bench)
        try bench.directory.write("quake/.local.installing/a", Array("old".utf8))
        try await within { try await bench.install() }
        #expect(try bench.directory.read("quake/local/a") == Array("new".utf8))
    }
}
