import Database
import Fixture
import Model
import Runtime
import TestKit
import Testing

@Suite struct `A state database` {
    private let directory: TemporaryDirectory
    private let worker: DiskWorker
    private var path: String { directory.path + "/state.db" }

    init() throws {
        directory = try TemporaryDirectory()
        worker = try DiskWorker()
    }

    private func open() async throws -> StateDatabase { try await StateDatabase.open(path: path, worker: worker) }

    private func digest(_ byte: UInt8) throws -> Digest {
        try #require(Digest([UInt8](repeating: byte, count: Digest.byteCount)))
    }

    @Test func `remembers over a restart`() async throws {
        let first = try await open()
        let game = try #require(GameID("ggoo"))
        let version = try #require(GameVersion("20240501"))
        let entry = IndexEntry(
            game: game, version: version, fingerprint: try digest(1), root: Root(try digest(2)),
            manifest: Array("manifest".utf8))
        try await first.save(entry, in: "d")
        try await first.save("directory", as: .gamesDirectory)
        #expect(try await first.nextOperationID().rawValue == 1)
        try await first.close()

        let second = try await open()
        #expect(try await second.indexEntry(of: game, in: "d") == entry)
        #expect(try await second.indexedGames(in: "d")[game]?.root == entry.root)
        #expect(try await second.value(of: .gamesDirectory) == "directory")
        #expect(try await second.nextOperationID().rawValue == 2)
        // Another games directory may have a game of the same name.
        #expect(try await second.indexEntry(of: game, in: "e") == nil)
        try await second.save(entry, in: "e")
        try await second.removeIndexEntry(of: game, in: "d")
        #expect(try await second.indexEntry(of: game, in: "e") == entry)
        try await second.keepIndexes(of: ["d"])
        #expect(try await second.indexEntry(of: game, in: "e") == nil)
        #expect(try await second.indexEntry(of: game, in: "d") == nil)
    }

    @Test func `is durable before a call returns`() async throws {
        let first = try await open()
        try await first.save("kept", as: .gamesDirectory)
        // Not closed: the second connection sees what the first one committed, as a restart after a crash would.
        let second = try await open()
        #expect(try await second.value(of: .gamesDirectory) == "kept")
        _ = first
    }

    @Test func `keeps running operations and the newest ended ones`() async throws {
        let database = try await open()
        let game = try #require(GameID("ggoo"))
        func record(_ id: Int64, hasEnded: Bool) -> OperationRecord {
            OperationRecord(
                id: OperationID(rawValue: id), game: game, kind: "download", hasEnded: hasEnded, detail: [1, 2])
        }
        try await database.record(record(1, hasEnded: false))
        for id in 2...Int64(Limits.operationsRetained) + 3 { try await database.record(record(id, hasEnded: true)) }
        // What has ended does not begin again.
        try await database.record(record(Int64(Limits.operationsRetained) + 3, hasEnded: false))
        let kept = try await database.operations()
        #expect(kept.count == Limits.operationsRetained + 1)
        #expect(kept.first?.id.rawValue == Int64(Limits.operationsRetained) + 3)
        #expect(kept.last == record(1, hasEnded: false))
        try await database.record(record(1, hasEnded: true))
        #expect(try await database.operations().contains { $0.id.rawValue == 1 } == false)
    }

    @Test func `forgets the peers seen longest ago`() async throws {
        let database = try await open()
        func peer(_ number: Int) throws -> PeerRecord {
            let bytes =
                withUnsafeBytes(of: UInt64(bitPattern: Int64(number)).bigEndian) { Array($0) }
                + [UInt8](repeating: 0, count: 24)
            let id = PeerID(try #require(Digest(bytes)))
            return PeerRecord(peer: id, name: "peer \(number)", address: "10.0.0.1:1", seen: Int64(number))
        }
        try await database.remember([peer(0)])
        // Blocked peers do not count, and are not forgotten for others.
        try await database.remember([peer(-1)])
        try await database.setBlocked(peer(-1).peer, true)
        try await database.remember((1...Limits.peersRemembered).map(peer))
        let peers = try await database.peers()
        #expect(peers.count == Limits.peersRemembered + 1)
        #expect(peers.first == (try peer(Limits.peersRemembered)))
        #expect(peers.dropLast().last?.seen == 1)
        #expect(peers.last?.seen == -1 && peers.filter(\.isBlocked).count == 1)
        try await database.forget(try peer(5).peer)
        #expect(try await database.peers().count == Limits.peersRemembered)
    }

    @Test func `keeps a block over a new address and a restart, until it is lifted`() async throws {
        let id = PeerID(try #require(Digest([UInt8](repeating: 7, count: 32))))
        var database = try await open()
        try await database.setBlocked(id, true)
        #expect(try await database.peers().isEmpty)
        try await database.remember([PeerRecord(peer: id, name: "bravo", address: "10.0.0.1:1", seen: 1)])
        try await database.setBlocked(id, true)
        try await database.close()
        database = try await open()
        try await database.remember([PeerRecord(peer: id, name: "bravo", address: "10.0.0.2:2", seen: 2)])
        let moved = PeerRecord(peer: id, name: "bravo", address: "10.0.0.2:2", seen: 2, isBlocked: true)
        #expect(try await database.peers() == [moved])
        try await database.setBlocked(id, false)
        #expect(try await database.peers().first?.isBlocked == false)
    }

    @Test func `takes the steps that an older file lacks`() async throws {
        try await open().close()
        try FixtureCatalog.change(
            path,
            statements: [
                "ALTER TABLE peers DROP COLUMN blocked", "DROP TABLE operation_lines", "PRAGMA user_version = 1",
            ])
        let id = PeerID(try #require(Digest([UInt8](repeating: 7, count: 32))))
        let database = try await open()
        try await database.remember([PeerRecord(peer: id, name: "bravo", address: "10.0.0.1:1", seen: 1)])
        #expect(try await database.peers().map(\.isBlocked) == [false])
    }

    // MARK: - Files that are not ours to open

    @Test func `refuses a newer schema and leaves it as it is`() async throws {
        try await open().close()
        try FixtureCatalog.change(path, statements: ["PRAGMA user_version = 999"])
        await #expect(throws: DatabaseError.newerSchema(path: path, found: 999, known: 4)) { try await open() }
        try FixtureCatalog.change(path, statements: ["PRAGMA user_version = 4"])
        try await open().close()
    }

    @Test func `refuses a database of another program`() async throws {
        try FixtureCatalog.make(path, statements: ["CREATE TABLE settled (a)"])
        await #expect(throws: DatabaseError.notOurs(path: path)) { try await open() }
    }

    @Test func `refuses what is no database, and says what is damaged`() async throws {
        try directory.write("state.db", Array("This is some text, and no database at all.".utf8))
        await #expect(throws: DatabaseError.notOurs(path: path)) { try await open() }
        await #expect(throws: DatabaseError.cannotOpen(path: directory.path + "/no/state.db", code: 2)) {
            try await StateDatabase.open(path: directory.path + "/no/state.db", worker: worker)
        }
    }

    @Test func `says so when another process holds it`() async throws {
        let database = try await open()
        let lock = try FixtureLock(path: path)
        await #expect(throws: DatabaseError.inUse(path: path)) {
            try await database.save("x", as: .gamesDirectory)
        }
        try lock.release()
        try await database.save("x", as: .gamesDirectory)
    }

    @Test func `has a sentence for every error`() {
        let errors: [DatabaseError] = [
            .cannotOpen(path: "/p", code: 2), .notOurs(path: "/p"), .damaged(path: "/p"),
            .newerSchema(path: "/p", found: 2, known: 1), .inUse(path: "/p"), .diskFull(path: "/p"),
            .notWritable(path: "/p"), .tooSlow(path: "/p", after: .seconds(1)),
            .catalog(path: "/p", .noTable("games")), .function("f", code: 1),
        ]
        for error in errors { #expect(error.sentence.hasSuffix("."), "\(error)") }
        #expect(errors[0].sentence == "/p cannot be opened: No such file or directory.")
        #expect(errors[8].sentence == "/p is not taken as a catalog: it has no table games.")
    }
}
