import Fixture
import Model
import TestKit

/// A fixture whose game `large` takes seconds to fetch: long enough for something to happen in the middle of it.
final class LargeGame: Sendable {
    let set: FixtureSet
    /// Goes with the last reference, and the fixture with it.
    private let directory: TemporaryDirectory

    init(bytes: UInt64 = 512 << 20, hosts: Set<FixtureHost> = [.alpha]) throws {
        directory = try TemporaryDirectory()
        var options = FixtureOptions()
        options.largeBytes = bytes
        options.largeHosts = hosts
        set = try FixtureSet.write(to: directory.path, options: options)
    }

    /// A host that has the game, once others can fetch it there.
    func source(
        _ host: FixtureHost = .alpha, extra: [String] = [], directory: TemporaryDirectory? = nil
    ) async throws -> TestHost {
        let source = try await start(host, extra: extra, directory: directory)
        guard await source.log.wait(for: "game=large") else { throw TestFailure("it ended: \(source.log.text)") }
        return source
    }

    func start(
        _ host: FixtureHost, extra: [String] = [], directory: TemporaryDirectory? = nil
    ) async throws -> TestHost {
        try await TestHost.start(
            name: host.rawValue, games: set.gamesDirectory(of: host), catalog: set.catalog(of: host), extra: extra,
            directory: directory)
    }

    /// Two daemons, and a download from the first to the second of which some chunks have landed.
    func underWay() async throws -> (source: TestHost, receiver: TestHost) {
        let (alpha, charlie) = (try await source(), try await start(.charlie))
        try await charlie.connect(to: alpha)
        try await charlie.beginLarge()
        try await charlie.waitForChunks()
        return (alpha, charlie)
    }

    /// A host with nothing but the catalog.
    func guest(_ name: String, extra: [String] = []) async throws -> TestHost {
        let games = try TemporaryDirectory()
        return try await TestHost.start(
            name: name, games: games.path, catalog: set.catalog(of: .charlie), extra: extra, directory: games)
    }
}

extension TestHost {
    func beginLarge() async throws {
        try await done("download", "large", "--no-block", "--no-install")
    }

    /// Asks until some chunks of the newest operation have landed; the deadline is the test's own.
    func waitForChunks(_ count: Int = 4) async throws {
        while true {
            let operation = try await done("operations")["operations"]?.array?.last
            if let done = operation?["bytes_done"]?.int, done > Int64(count * Grid.chunkBytes) { return }
            guard operation?["state"]?.string == "running" else { throw TestFailure("it ended: \(log.text)") }
        }
    }

    /// How the newest operation ended, once its claim is given back too.
    func waitForEnd() async throws -> String? {
        while true {
            // The claim goes a moment after the state.
            let state = try await done("operations")["operations"]?.array?.last?["state"]?.string
            if state != "running", try await done("status")["operations"]?.int == 0 { return state }
        }
    }
}
