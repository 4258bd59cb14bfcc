import Crypto
import Fixture
import Glibc
import Linux
import Model
import PeerLink
import Runtime
import Synchronization
import TestKit
import Testing
import Wire

/// A game of which the network knows two contents, of one version or of two: the old one at alpha, and the update at
/// delta, which alpha is about to fetch over what it has.
private struct Update: Sendable {
    let game: LargeGame
    let alpha: TestHost
    let delta: TestHost
    let old: Root
    let new: Root
    private let directory: TemporaryDirectory

    /// - Parameters:
    ///   - hosts: those that have the old content beside alpha.
    ///   - version: that of the update; nil: the same.
    init(hosts: Set<FixtureHost> = [], version: String? = nil) async throws {
        game = try LargeGame(hosts: hosts.union([.alpha]))
        directory = try TemporaryDirectory()
        try FixtureGame.large(bytes: 512 << 20, seed: 77).write(to: "\(directory.path)/large")
        alpha = try await game.source()
        var catalog = game.set.catalog(of: .charlie)
        if let version {
            try directory.write("large/version.ini", "\(version)\n".utf8)
            catalog = "\(directory.path)/game.db"
            let row = FixtureCatalogRow("large", title: "The Large One", version: version)
            try FixtureCatalog.write([row], to: catalog)
        }
        delta = try await TestHost.start(name: "delta", games: directory.path, catalog: catalog)
        guard await delta.log.wait(for: "game=large") else { throw TestFailure("it ended: \(delta.log.text)") }
        old = try await Self.root(at: alpha)
        new = try await Self.root(at: delta)
        try #require(old != new)
        try await alpha.connect(to: delta)
    }

    private static func root(at host: TestHost) async throws -> Root {
        try #require(try await host.done("info", "large")["root"]?.string.flatMap { Root(hex: $0) })
    }

    func begin() async throws {
        try await alpha.done("download", "large", "--root", new.hex, "--no-block", "--no-install")
    }

    /// Alpha's catalog names that version of the game from now on, and alpha knows.
    func announce(_ version: String) async throws {
        try FixtureCatalog.change(
            game.set.catalog(of: .alpha),
            statements: ["UPDATE games SET game_version = '\(version)' WHERE game_id = 'large'"])
        while try await alpha.done("info", "large")["version"]?.string != version {}
    }

    /// How long the readers of the old content took to go; nil when the daemon ended.
    func drained() async throws -> Duration {
        let line = try #require(await alpha.log.line(with: "Nobody reads the game any more."), "\(alpha.log.text)")
        let field = try #require(line.split(separator: " ").first { $0.hasPrefix("milliseconds=") })
        return .milliseconds(Int64(try #require(Double(field.dropFirst("milliseconds=".count))).rounded(.up)))
    }
}

/// Ten times what is promised; the bench has the figure.
private let closeLimit = Duration.milliseconds(2_500)

/// The exchanged files of the game, path to the digests of their pieces.
private func digests(_ host: TestHost) throws -> [String: [Digest]] {
    let root = try Files.openDirectory(atPath: "\(host.gamesDirectory)/large")
    var buffer = [UInt8](repeating: 0, count: Grid.chunkBytes)
    var digests: [String: [Digest]] = [:]
    for entry in try Beneath.list(root) where entry.kind == .regular {
        guard let path = try? RelativePath(entry.name), ReservedNames.isExchanged(path) else { continue }
        let file = try Beneath.openRead(root, entry.name)
        var pieces: [Digest] = []
        while true {
            let count = try buffer.withUnsafeMutableBytes { bytes in
                try Files.readFully(file, into: bytes, at: UInt64(pieces.count * Grid.chunkBytes))
            }
            if count == 0 { break }
            pieces.append(SHA256.hash(Array(buffer[..<count])))
        }
        digests[path.text] = pieces
    }
    return digests
}

private func hasSentinel(_ host: TestHost) throws -> Bool {
    let root = try Files.openDirectory(atPath: "\(host.gamesDirectory)/large")
    return (try? Beneath.status(root, Array("version.ini".utf8))) != nil
}

/// What lay in the game root at each moment in which its sentinel had just come.
private final class SentinelWatch: Sendable {
    private let host: TestHost
    private let inotify = try? Inotify()
    private let states = Mutex<[[String: [Digest]]]>([])

    init(_ host: TestHost) throws {
        self.host = host
        _ = try #require(inotify).watch(path: "\(host.gamesDirectory)/large")
    }

    var seen: [[String: [Digest]]] { states.withLock { $0 } }

    /// Until it is cancelled.
    func run() async throws {
        let inotify = try #require(inotify)
        let readiness = Readiness(inotify.descriptor, on: TestLoops.shared)
        let name = Array("version.ini".utf8)
        while true {
            let events = try inotify.read()
            if events.contains(where: { $0.name == name }), try hasSentinel(host) {
                let state = try digests(host)
                states.withLock { $0.append(state) }
            }
            if events.isEmpty { try await readiness.readable() }
        }
    }
}

/// Asks one host for chunks of one content, one after the other and without end, and keeps count of the answers.
private final class Probe: Sendable {
    enum Phase: Hashable { case before, writing, after }
    enum Answer: Hashable { case right, wrong, refused, cut }

    private struct State {
        var phase = Phase.before
        var counts: [Phase: [Answer: Int]] = [:]
    }

    private let state = Mutex(State())

    /// What is asked from now on counts for the phase.
    func enter(_ phase: Phase) { state.withLock { $0.phase = phase } }

    func count(_ phase: Phase, _ answer: Answer) -> Int { state.withLock { $0.counts[phase]?[answer] ?? 0 } }

    /// Until it is cancelled.
    func run(_ link: PeerLink, _ game: GameID, _ root: Root) async throws {
        guard case .manifest(let bytes) = try await link.manifest(game, root: root) else {
            throw TestFailure("the manifest is not built")
        }
        let manifest = try ManifestCodec.decode(bytes)
        let block = try await MemoryPool(blockBytes: Grid.chunkBytes, limit: 1).acquire()
        var chunk = 0
        while !Task.isCancelled {
            let phase = state.withLock { $0.phase }
            let answer = await ask(link, ChunkRequest(game: game, root: root, first: chunk, count: 1), manifest, block)
            if let answer { state.withLock { $0.counts[phase, default: [:]][answer, default: 0] += 1 } }
            chunk = (chunk + 1) % manifest.grid.chunkCount
        }
    }

    private func ask(
        _ link: PeerLink, _ request: ChunkRequest, _ manifest: Manifest, _ block: MemoryBlock
    ) async -> Answer? {
        let count = manifest.grid.byteCount(of: request.first)
        do throws(LinkError) {
            try await link.chunks(request).next(into: block, count: count)
        } catch .refused(let refusal) {
            // Busy is no answer to the question.
            return refusal == .busy ? nil : .refused
        } catch .cancelled {
            return nil
        } catch {
            return .cut
        }
        let digest = SHA256.hash(UnsafeRawBufferPointer(block.bytes(count)))
        return digest == manifest.digests[request.first] ? .right : .wrong
    }
}

@Suite(.serialized) struct `An update of a game that others fetch` {
    @Test func `ends their transfers, they go on elsewhere, and nobody holds a mixed game`() async throws {
        try await within(.seconds(300)) {
            let update = try await Update(hosts: [.bravo])
            let (alpha, game) = (update.alpha, try #require(GameID("large")))
            let bravo = try await update.game.source(.bravo)
            let (old, new) = (try digests(alpha), try digests(update.delta))
            #expect(old != new && Set(old.keys) == Set(new.keys))
            var receivers: [TestHost] = []
            for name in ["one", "two", "three"] {
                let host = try await update.game.guest(name)
                for source in [alpha, bravo] { try await host.done("connect", try await source.address()) }
                try await host.done("wait-peers", "2", "--timeout", "20")
                try await host.done("download", "large", "--root", update.old.hex, "--no-block", "--no-install")
                receivers.append(host)
            }
            for host in receivers {
                try await host.waitForChunks()
                #expect(try !hasSentinel(host))
            }
            let watches = try ([alpha] + receivers).map { try SentinelWatch($0) }
            let (probe, hosts, address) = (Probe(), receivers, try await alpha.address())
            try await TestPeer.living { peer in
                try await peer.link(to: address) { link in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await probe.run(link, game, update.old) }
                        for watch in watches { group.addTask { try await watch.run() } }
                        while probe.count(.before, .right) == 0 { await Task.yield() }
                        try await update.begin()
                        let took = try await update.drained()
                        probe.enter(.writing)
                        #expect(took <= closeLimit)
                        #expect(try await alpha.done("status")["outbound_transfers"]?.int == 0)
                        // The old bytes are being written over.
                        try await alpha.waitForChunks()
                        #expect(try !hasSentinel(alpha))
                        #expect(try await alpha.waitForEnd() == "finished", "\(alpha.log.text)")
                        probe.enter(.after)
                        for host in hosts {
                            #expect(try await host.waitForEnd() == "finished", "\(host.log.text)")
                            #expect(!host.log.text.contains("fail their digest"), "\(host.log.text)")
                        }
                        group.cancelAll()
                        // All of them end by their cancellation.
                        while await group.nextResult() != nil {}
                    }
                }
            }
            #expect(probe.count(.writing, .refused) > 0)
            for phase in [Probe.Phase.before, .writing, .after] { #expect(probe.count(phase, .wrong) == 0) }
            #expect(probe.count(.writing, .right) == 0 && probe.count(.after, .right) == 0)
            for (watch, want) in zip(watches, [new, old, old, old]) {
                #expect(!watch.seen.isEmpty)
                #expect(watch.seen.allSatisfy { $0 == want }, "a sentinel stood beside other bytes")
            }
            #expect(try digests(alpha) == new)
            for host in receivers { #expect(try digests(host) == old) }
            #expect(try await alpha.done("info", "large")["root"]?.string == update.new.hex)
        }
    }

    @Test func `does not wait for receivers that stand still`() async throws {
        try await within(.seconds(120)) {
            let update = try await Update()
            let (alpha, game) = (update.alpha, try #require(GameID("large")))
            let frozen = try await update.game.guest("frozen")
            try await frozen.connect(to: alpha)
            try await frozen.done("download", "large", "--root", update.old.hex, "--no-block", "--no-install")
            try await frozen.waitForChunks()
            kill(frozen.process.pid, SIGSTOP)
            let address = try await alpha.address()
            try await TestPeer.living { peer in
                try await peer.link(to: address) { link in
                    // Accepted and never read: the windows of these streams fill, and stay full.
                    var unread: [ChunkReceiver] = []
                    for number in 0..<Limits.serveBuffersPerPeer {
                        let request = ChunkRequest(
                            game: game, root: update.old, first: number * Limits.chunksPerRequest,
                            count: Limits.chunksPerRequest)
                        unread.append(try await link.chunks(request))
                    }
                    while try await alpha.done("status")["outbound_transfers"]?.int ?? 0 < 3 {}
                    try await update.begin()
                    let took = try await update.drained()
                    #expect(took <= closeLimit)
                    #expect(try await alpha.done("status")["outbound_transfers"]?.int == 0)
                    withExtendedLifetime(unread) {}
                }
            }
            #expect(try await alpha.waitForEnd() == "finished", "\(alpha.log.text)")
            #expect(try digests(alpha) == digests(update.delta))
        }
    }

    @Test func `that a new catalog names ends the transfers of the version before`() async throws {
        try await within(.seconds(240)) {
            let version = "20250202"
            let update = try await Update(hosts: [.bravo], version: version)
            let (alpha, game) = (update.alpha, try #require(GameID("large")))
            let bravo = try await update.game.source(.bravo)
            let (old, new) = (try digests(alpha), try digests(update.delta))
            let receiver = try await update.game.guest("receiver")
            for source in [alpha, bravo] { try await receiver.done("connect", try await source.address()) }
            try await receiver.done("wait-peers", "2", "--timeout", "20")
            try await receiver.beginLarge()
            try await receiver.waitForChunks()
            let address = try await alpha.address()
            try await TestPeer.living { peer in
                try await peer.link(to: address) { link in
                    let request = ChunkRequest(
                        game: game, root: update.old, first: 0, count: Limits.chunksPerRequest)
                    let unread = try await link.chunks(request)
                    try await update.announce(version)
                    // The reader from before is still there; there will be no other one.
                    await #expect(throws: LinkError.refused(.unknown)) { _ = try await link.chunks(request) }
                    #expect(try await alpha.done("status")["outbound_transfers"]?.int ?? 0 >= 1)
                    try await alpha.done("download", "large", "--no-block", "--no-install")
                    #expect(try await update.drained() <= closeLimit)
                    #expect(try await alpha.done("status")["outbound_transfers"]?.int == 0)
                    withExtendedLifetime(unread) {}
                }
            }
            #expect(try await alpha.waitForEnd() == "finished", "\(alpha.log.text)")
            #expect(try await receiver.waitForEnd() == "finished", "\(receiver.log.text)")
            #expect(!receiver.log.text.contains("fail their digest"), "\(receiver.log.text)")
            #expect(try digests(alpha) == new)
            #expect(try digests(receiver) == old)
        }
    }
}
