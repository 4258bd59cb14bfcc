import Content
import Fixture
import Glibc
import Library
import Linux
import Model
import Runtime
import Storage
import Synchronization
import TestKit
import Testing

@Suite struct `A game that peers know` {
    private func ports(_ manifest: BuiltManifest, _ asked: Asked) -> LibraryPorts {
        let game = manifest.manifest.game
        var ports = LibraryPorts()
        ports.knownManifests = { wanted, version in
            asked.count.add(1, ordering: .relaxed)
            return wanted == game && version == manifest.manifest.version ? [manifest] : []
        }
        return ports
    }

    @Test func `is theirs when every chunk is, whatever lies beside its files`() async throws {
        let source = try await Shelf(.alpha)
        try await source.build()
        let known = try #require(await source.library.manifest(try source.id("ggoo")))
        let asked = Asked()
        let target = try await Shelf(.bravo, ports: ports(known, asked), isOpen: false)
        try target.write("ggoo/patch.dat", "Of the version before.\n")
        await target.library.open(try target.games(), catalog: target.catalog)
        try await target.build()
        #expect(try await target.entry("ggoo").root == known.root)
        #expect(try await target.entry("ggoo").files == 6)
        #expect(asked.count.load(ordering: .relaxed) == 2)
        // And after a restart.
        let again = try await Shelf(.bravo, in: target.directory)
        #expect(try await again.entry("ggoo").root == known.root)
    }

    @Test func `is its own where one byte is another`() async throws {
        let source = try await Shelf(.alpha)
        try await source.build()
        let known = try #require(await source.library.manifest(try source.id("ggoo")))
        let target = try await Shelf(.bravo, ports: ports(known, Asked()), isOpen: false)
        let path = target.root("ggoo") + "/readme.txt"
        var bytes = try #require(try Files.readAll(try Files.openRead(atPath: path), limit: 1 << 10))
        bytes[0] ^= 1
        try FixtureFile.write(.bytes(bytes), to: path)
        await target.library.open(try target.games(), catalog: target.catalog)
        try await target.build()
        #expect(try await target.entry("ggoo").availability == .ready)
        #expect(try await target.entry("ggoo").root != known.root)
    }

    @Test func `is hashed again later when the disk did not give a file`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(.alpha, time: clock)
        // Whoever opens it is told to come again: what too many open files or a bad cable look like.
        let lease = try Lease(shelf.root("ggoo") + "/readme.txt")
        try await within {
            try await withThrowingTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                let id = try shelf.id("ggoo")
                await clock.sleepers(1)
                #expect(clock.nextWake == Limits.readRetryFirst)
                #expect(await shelf.library.hashing(id) != nil, "a peer that asks is told to wait")
                clock.advance(by: Limits.readRetryFirst)
                await clock.sleepers(1)
                #expect(clock.nextWake == Limits.readRetryFirst * 2)
                lease.end()
                clock.advance(by: Limits.readRetryFirst * 2)
                await shelf.until { await $0.entry(of: id)?.availability == .ready }
                group.cancelAll()
            }
        }
    }

    @Test func `is hashed again also when an operation was active as its time came`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(.alpha, time: clock)
        let id = try shelf.id("ggoo")
        let lease = try Lease(shelf.root("ggoo") + "/readme.txt")
        try await within {
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                await clock.sleepers(1)
                await shelf.library.setActive(id, true)
                clock.advance(by: Limits.readRetryFirst)
                group.cancelAll()
            }
            // Whoever built has ended: the game was passed over, and its files are what they were.
            lease.end()
            await shelf.library.setActive(id, false)
            await withTaskGroup { group in
                group.addTask { try? await shelf.library.buildManifests() }
                await clock.sleepers(1)
                #expect(clock.nextWake == Limits.readRetryFirst)
                clock.advance(by: Limits.readRetryFirst)
                await shelf.until { await $0.entry(of: id)?.availability == .ready }
                group.cancelAll()
            }
        }
    }
}

/// An atomic that may be handed to a closure.
final class Asked: Sendable {
    let count = Atomic<Int>(0)
}

/// While it lives, an open of the file without waiting fails with EAGAIN.
final class Lease: Sendable {
    private let file: Descriptor

    init(_ path: String) throws {
        // The kernel tells the holder by a signal that somebody waits.
        signal(SIGIO, SIG_IGN)
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        file = Descriptor(adopting: descriptor)
        try #require(fcntl(descriptor, 1_024, Int32(F_WRLCK)) == 0, "F_SETLEASE")
    }

    func end() { _ = fcntl(file.rawValue, 1_024, Int32(F_UNLCK)) }
}
