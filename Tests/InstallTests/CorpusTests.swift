import Linux
import Runtime
import Storage
import TestKit
import Testing

@testable import Install

@Suite struct `An install of other people's archives` {
    private static let bsdtar = "/usr/bin/bsdtar"
    private static let canCompare = Corpus.directory != nil && (try? Files.status(atPath: bsdtar)) != nil

    @Test(.enabled(if: canCompare), arguments: Corpus.names("valid"))
    func `makes what bsdtar makes`(name: String) async throws {
        let bench = try InstallBench(package: try Corpus.bytes("valid", name))
        try await within { try await bench.install() }
        let expected = try TemporaryDirectory()
        let process = try ChildProcess.spawn(
            Self.bsdtar, arguments: ["-x", "-f", Corpus.path("valid", name), "-C", expected.path],
            environment: ["LC_ALL=C.UTF-8"], descriptors: [bench.root.directory], on: bench.loops.net[0])
        #expect(await process.wait() == .exited(status: 0))
        let made = try Item.tree("\(bench.directory.path)/quake/local")
        #expect(try made == Item.tree(expected.path).mapValues(\.normalised))
        #expect(try bench.directory.tree().filter { $0.hasPrefix("quake/.") } == ["quake/.lanspread.installed"])
    }

    @Test(.enabled(if: Corpus.directory != nil), arguments: Corpus.names("malformed"))
    func `refuses each malformed one with one sentence`(name: String) async throws {
        let bench = try InstallBench(package: try Corpus.bytes("malformed", name))
        let error = try await within { try await bench.refusal() }
        guard case .refused = error else { return #expect(Bool(false), "\(error)") }
        #expect(error.sentence.hasSuffix(".") && !error.sentence.contains("\n"))
        #expect(!bench.root.isInstalled)
    }
}
