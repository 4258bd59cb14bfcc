import Content
import Control
import Database
import Library
import Linux
import Model
import PeerLink
import Runtime
import Storage
import Synchronization
import TestKit
import Testing
import Transfer
import Wire

@testable import Node

/// What lies on the disk and is the same for every seed: two games, and for each the two contents that it may have.
final class Ground: Sendable {
    struct Content: Sendable {
        let bytes: [UInt8]
        let manifest: BuiltManifest
    }

    let directory: TemporaryDirectory
    let games: GamesDirectory
    let ids: [GameID]
    let version: GameVersion
    let catalog: Catalog
    let contents: [GameID: [Content]]
    let pool: MemoryPool

    static let file = "data.bin"

    init() async throws {
        let directory = try TemporaryDirectory(in: "/dev/shm")
        let pool = MemoryPool(blockBytes: Grid.chunkBytes, limit: 8)
        let version = try #require(GameVersion("20240131"))
        let ids = try ["doom", "quake"].map { try #require(GameID($0)) }
        let games = try GamesDirectory.open(path: directory.path, newID: String(repeating: "a", count: 32))
        (self.directory, self.games, self.ids, self.pool) = (directory, games, ids, pool)
        self.version = version
        let entries = ids.map { CatalogEntry(game: $0, title: $0.text, version: version, bytes: 8) }
        catalog = Catalog(entries: Dictionary(uniqueKeysWithValues: entries.map { ($0.game, $0) }))
        var contents: [GameID: [Content]] = [:]
        let disk = try DiskPool(workers: 1)
        for game in ids {
            for number in [1, 2] as [UInt8] {
                let bytes = Array(game.text.utf8) + [UInt8](repeating: number, count: 64)
                try directory.write("\(game)/\(Ground.file)", bytes)
                let manifest = try await ManifestBuilder.build(
                    try games.root(game), version: version, disk: disk, pool: pool, progress: { _, _ in })
                contents[game, default: []].append(Content(bytes: bytes, manifest: manifest))
            }
        }
        disk.stop()
        self.contents = contents
    }

    /// As it is before each seed: both games here, in their first content.
    func reset() throws {
        for game in ids {
            try write(game, contents[game]?[0].bytes ?? [])
            try games.root(game).sweepDownload()
            try games.root(game).writeSentinel(version)
        }
    }

    func write(_ game: GameID, _ bytes: some Sequence<UInt8>) throws {
        try directory.write("\(game)/\(Ground.file)", bytes)
    }
}

/// The real table, registry, library and chunk server over real files, with everything about them chosen by chance:
/// who asks, who stalls, who fails, and which of all that is ready comes next.
final class World: Sendable {
    enum Step: Sendable {
        case worked(OperationID)
        /// The local snapshot was made.
        case rows
        /// The peers were told, and of these games.
        case told([GameID])
        case event(NodeEvent)
    }

    struct Counts: Sendable {
        /// Writers between the close of their game and its opening.
        var writing: Set<GameID> = []
        var working: Set<GameID> = []
        /// Laws that were broken.
        var broken: [String] = []
        /// There is no catalog, as far as the table is told.
        var isHeld = false
        var chunks = 0
        var cuts = 0
        var writes = 0
    }

    final class Tally: Sendable {
        private let counts = Mutex(Counts())

        var now: Counts { counts.withLock { $0 } }
        func change<Value: Sendable>(_ body: (inout Counts) -> Value) -> Value { counts.withLock { body(&$0) } }
        func broken(_ law: String) { counts.withLock { $0.broken.append(law) } }
    }

    let ground: Ground
    let random: RandomSource
    let executor: ShuffledExecutor
    let library: GameLibrary
    let registry = TransferRegistry(limit: 8) { _ in }
    let chunks: ChunkServer
    let database: StateDatabase
    let trace = Trace<Step>()
    let counts = Tally()
    let peers: [PeerID]

    init(_ ground: Ground, _ executor: ShuffledExecutor, seed: UInt64) async throws {
        self.ground = ground
        self.executor = executor
        random = RandomSource(seed: seed &* 31 &+ 7)
        let database = try await StateDatabase.open(path: ":memory:", worker: executor.blocking)
        let library = GameLibrary(
            database: database, disk: executor.disk, pool: ground.pool, time: ManualClock(), log: .silent)
        self.database = database
        self.library = library
        let (registry, counts) = (registry, counts)
        peers = try (1...3).map { PeerID(try #require(Digest([UInt8](repeating: $0, count: 32)))) }
        chunks = ChunkServer(registry: registry, pool: ground.pool) { game, root in
            // Registration comes before the question whether the game may be served.
            if await !registry.transfers().contains(where: { $0.content.game == game }) {
                counts.broken("I21: \(game) is looked at by a reader that nobody counts")
            }
            return try? await library.reader(game, root: root)
        }
    }

    func chance(_ percent: UInt64) -> Bool { random.uint64() % 100 < percent }
    func pick<Element>(_ elements: [Element]) -> Element { elements[Int(random.uint64() % UInt64(elements.count))] }

    /// Some turns for others.
    func pause() async { for _ in 0..<random.uint64() % 4 { await Task.yield() } }

    var memory: OperationMemory {
        OperationMemory(database: database, lines: OperationLog(TraceSink()), log: .silent)
    }

    /// A table of the next life, over what the last one has left.
    func table() -> OperationTable {
        let (library, trace, memory) = (library, trace, memory)
        let ports = OperationPorts.over(
            library: library, memory: memory, log: .silent,
            show: {
                _ = await library.entries()
                trace.record(.rows)
            },
            announce: { trace.record(.told(await library.summaries().games.map(\.game))) },
            isHeld: { self.counts.now.isHeld }, perform: { await self.perform($0, $1) },
            publish: { trace.record(.event($0)) })
        return OperationTable(ports: ports, limit: 1 + Int(random.uint64() % 2), time: ManualClock(), log: .silent)
    }
}

// MARK: - Writers

extension World {
    private enum Stop: Error { case cancelled, failed }

    /// A download as the readers see it: it closes the game, parks the sentinel, changes the files, commits.
    private func perform(_ operation: OperationSnapshot, _ report: OperationTable.Report) async -> OperationEnd {
        let game = operation.game
        let isAlone = counts.change { $0.working.insert(game).inserted }
        if !isAlone { counts.broken("I24: two operations of \(game) are at work") }
        var end = OperationEnd.finished("downloaded")
        do {
            await report(OperationProgress(phase: chance(30) ? .waitingForSource : .preparing))
            await pause()
            try await registry.closing(game, cancelled: Stop.cancelled) { () async throws(Stop) in
                try await write(game, pick([0, 1]))
            }
            if chance(30) { await report(OperationProgress(phase: .installing)) }
        } catch {
            switch error {
            case .cancelled: end = .cancelled
            case .failed: end = .failed(Failure(.diskFull, "The disk is full."))
            }
        }
        counts.change { _ = $0.working.remove(game) }
        trace.record(.worked(operation.id))
        return end
    }

    private func write(_ game: GameID, _ number: Int) async throws(Stop) {
        guard let content = ground.contents[game]?[number] else { throw .failed }
        counts.change {
            $0.writing.insert(game)
            $0.writes += 1
        }
        defer { counts.change { _ = $0.writing.remove(game) } }
        let (ground, half) = (ground, content.bytes.count / 2)
        let steps: [@Sendable () throws -> Void] = [
            { try ground.games.root(game).parkSentinel() },
            { try ground.write(game, content.bytes[..<half] + [UInt8](repeating: 0xff, count: half)) },
            { try ground.write(game, content.bytes) },
            { try ground.games.root(game).writeSentinel(ground.version) },
        ]
        for step in steps {
            await check(game)
            if Task.isCancelled { throw .cancelled }
            if chance(4) { throw .failed }
            let isDone = await executor.disk.run { (try? step()) != nil }
            guard isDone else { throw .failed }
        }
        await check(game)
        try? await library.refresh(game, verified: chance(70) ? content.manifest : nil)
        await check(game)
    }

    /// What holds at every instant of a writer.
    private func check(_ game: GameID) async {
        if await registry.transfers().contains(where: { $0.content.game == game }) {
            counts.broken("I20: \(game) is changed under a reader")
        }
        if await library.summaries().games.contains(where: { $0.game == game }) {
            counts.broken("I23: \(game) is changed and announced")
        }
    }
}

// MARK: - Readers

extension World {
    /// A peer that asks for a chunk of what it was told of, or once was.
    func read() async {
        let game = pick(ground.ids)
        let contents = ground.contents[game] ?? []
        let told = await library.summaries().games.first { $0.game == game }?.root
        let root = told ?? pick(contents).manifest.root
        let expected = contents.first { $0.manifest.root == root }?.bytes ?? []
        let (stalled, wake) = AsyncStream.makeStream(of: Void.self)
        let isStalling = chance(25)
        let sink = ChunkSink(
            accept: { _ in await self.serve(game, "promised") { await self.pause() } },
            send: { block, count, _ in
                await self.serve(game, "sent") {
                    if !block.bytes(count).elementsEqual(expected) {
                        self.counts.broken("bytes of \(game) are not those of the root")
                    }
                    self.counts.change { $0.chunks += 1 }
                    if isStalling { for await _ in stalled {} }
                    await self.pause()
                }
            },
            cancel: {
                self.counts.change { $0.cuts += 1 }
                wake.finish()
            })
        // A polite no sends the peer elsewhere.
        try? await chunks.serve(ChunkRequest(game: game, root: root, first: 0, count: 1), to: pick(peers), sink: sink)
    }

    private func serve(_ game: GameID, _ what: String, _ body: () async -> Void) async {
        for isAtEnd in [false, true] {
            if isAtEnd { await body() }
            if counts.now.writing.contains(game) { counts.broken("I20: bytes of \(game) are \(what) while it changes") }
        }
    }
}
