import Control
import Database
import Glibc
import Linux
import Model
import Runtime
import TestKit
import Testing

@testable import Node

@Suite struct `The keeper of the catalog` {
    /// A keeper over real files, whose disk the test holds and whose clock it turns.
    private struct Scene: Sendable {
        final class Named: Sendable {
            let place: Locked<CatalogPlace>

            init(_ path: String) { place = Locked(CatalogPlace(path: path, isNamed: true)) }
        }

        let directory: TemporaryDirectory
        let named: Named
        let holder = CatalogHolder(nil)
        let keeper: CatalogKeeper
        let clock = ManualClock()
        let loops: Loops
        let degraded = Trace<String?>()

        init(_ path: String) throws {
            directory = try TemporaryDirectory()
            loops = try Loops(netLoops: 1, diskWorkers: 2)
            let named = Named("\(directory.path)/\(path)")
            self.named = named
            keeper = CatalogKeeper(
                holder: holder,
                ports: CatalogKeeper.Ports(
                    place: { named.place.withLock { $0 } }, swapped: {}, changed: {},
                    degraded: { [degraded] in degraded.record($0) }),
                loop: loops.net[0], disk: loops.disk, time: clock, log: TraceSink().log)
        }

        /// Writes a catalog with so many games.
        func write(_ path: String, games: Int) throws {
            try directory.write("\(path)/none", [])
            let version = try #require(GameVersion("1"))
            let ids = try (0..<games).map { try #require(GameID("game\($0)")) }
            _ = try OwnCatalog(directory: "\(directory.path)/\(path)").edit(renews: true) { draft in
                for id in ids { draft.add(id, version, CatalogFacts()) }
            }
        }

        func choose(_ path: String) {
            named.place.withLock { $0 = CatalogPlace(path: "\(directory.path)/\(path)", isNamed: true) }
        }

        /// Waits until the next thing that the clock wakes is so far away.
        func sleeps(_ duration: Duration) async {
            while clock.nextWake != duration, !Task.isCancelled { await Task.yield() }
        }

        func whileItRuns(_ body: @escaping @Sendable () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { try await keeper.run {} } catch is CancellationError {}
                }
                defer { group.cancelAll() }
                try await body()
            }
        }

        /// Every disk thread waits for the semaphore.
        func hang() -> Linux.Semaphore {
            let held = Linux.Semaphore()
            for _ in 0..<2 { loops.disk.begin { held.wait() } }
            return held
        }
    }

    @Test func `says of a disk that hangs that it was not read, and takes the file when the disk answers`() async throws
    {
        try await within(.seconds(20)) {
            let scene = try Scene("a/game.db")
            try scene.write("a", games: 1)
            try scene.write("b", games: 2)
            let held = scene.hang()
            async let late: Void = scene.keeper.look()
            await scene.clock.sleepers(1)
            scene.clock.advance(by: Limits.reloadDeadline)
            await late
            #expect(scene.holder.problem?.hasSuffix("a/game.db was not read within 10 s.") == true)
            // The same file is not begun again while that hangs, and neither is a change of it.
            await scene.keeper.look()
            let change: Int?? = try? await scene.keeper.change { 1 }
            #expect((change ?? nil) == nil)
            #expect(scene.clock.sleeping == 0)
            // Another one is, and is not held up once a thread is free.
            scene.choose("b/game.db")
            held.signal()
            held.signal()
            await scene.keeper.look()
            #expect(scene.holder.current.entries.count == 2)
            scene.choose("a/game.db")
            await scene.keeper.look()
            #expect(scene.holder.problem == nil)
            #expect(scene.holder.current.entries.count == 1)
        }
    }

    @Test func `looks again by itself when a disk that hung answers`() async throws {
        try await within(.seconds(20)) {
            let scene = try Scene("a/game.db")
            try scene.write("a", games: 1)
            try await scene.whileItRuns {
                await scene.sleeps(Limits.watchQuiet)
                let held = scene.hang()
                // The watch is late, and then the file is not even begun.
                scene.clock.advance(by: Limits.watchQuiet)
                await scene.sleeps(Limits.reloadDeadline)
                scene.clock.advance(by: Limits.reloadDeadline)
                await scene.sleeps(Limits.catalogPatience)
                #expect(scene.degraded.events.last??.contains("10 s") == true)
                scene.clock.advance(by: Limits.catalogPatience)
                while scene.holder.problem == nil, !Task.isCancelled { await Task.yield() }
                held.signal()
                held.signal()
                await scene.sleeps(Limits.watchQuiet)
                scene.clock.advance(by: Limits.watchQuiet)
                while scene.holder.current.entries.count != 1, !Task.isCancelled { await Task.yield() }
                await scene.degraded.wait { $0.last == .some(nil) }
            }
        }
    }

    @Test func `watches again when a directory that could not be watched can be`() async throws {
        try await within(.seconds(20)) {
            let scene = try Scene("a/game.db")
            let link = "\(scene.directory.path)/a"
            try #require(symlink(link, link) == 0)
            try await scene.whileItRuns {
                await scene.sleeps(Limits.watchQuiet)
                scene.clock.advance(by: Limits.watchQuiet)
                await scene.sleeps(Limits.catalogPatience)
                #expect(scene.degraded.events.last??.contains("are seen every 300 s only") == true)
                scene.clock.advance(by: Limits.catalogPatience)
                while scene.holder.problem == nil, !Task.isCancelled { await Task.yield() }
                try Files.removeFile(atPath: link)
                try scene.write("a", games: 1)
                scene.clock.advance(by: Limits.scanInterval)
                await scene.sleeps(Limits.watchQuiet)
                scene.clock.advance(by: Limits.watchQuiet)
                while scene.holder.current.entries.count != 1, !Task.isCancelled { await Task.yield() }
                await scene.degraded.wait { $0.last == .some(nil) }
                // And now without the scan.
                try scene.write("a", games: 2)
                await scene.sleeps(Limits.watchQuiet)
                scene.clock.advance(by: Limits.watchQuiet)
                while scene.holder.current.entries.count != 2, !Task.isCancelled { await Task.yield() }
            }
        }
    }
}
