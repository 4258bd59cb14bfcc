import Content
import Crypto
import Glibc
import Linux
import Model
import Runtime
import Storage
import Synchronization
import TestKit
import Testing

/// Two hosts' games directories on one disk: chunks are read at one and land at the other.
struct Bench {
    static let small = [("a/one", 1), ("a/empty", 0), ("b", 70_000), ("c/d/e", 4_096)]
    static let mixed = small + [("big", (4 << 20) + 5), ("huge.bin", (8 << 20) + 17)]

    let temporary: TemporaryDirectory
    let pool: DiskPool
    let game: GameID
    let version: GameVersion
    let blocks = MemoryPool(blockBytes: Grid.chunkBytes, limit: 4)

    init() throws {
        temporary = try TemporaryDirectory()
        for host in ["from", "to"] { try Beneath.makeDirectory(temporary.descriptor, Array(host.utf8)) }
        pool = try DiskPool(workers: 2)
        game = try #require(GameID("quake"))
        version = try #require(GameVersion("1"))
    }

    /// The receiver begins anew, with nothing.
    func emptyReceiver(_ number: Int) throws {
        let (to, done) = (Array("to".utf8), Array("done-\(number)".utf8))
        try Beneath.rename(from: temporary.descriptor, to, to: temporary.descriptor, done)
        try Beneath.makeDirectory(temporary.descriptor, to)
    }

    func games(_ host: String, disk: (any Disk)? = nil) throws -> GamesDirectory {
        let disk = try disk ?? FaultyDisk()
        return try GamesDirectory.open(
            path: "\(temporary.path)/\(host)", newID: String(repeating: "0f", count: 16), disk: disk)
    }

    private static let made = Mutex<[String: [UInt8]]>([:])

    /// Content that is other in every file and in every 64 KiB; `salt` makes another version of it.
    static func content(_ name: String, _ count: Int, salt: UInt64 = 0) -> [UInt8] {
        let key = "\(name) \(count) \(salt)"
        if let made = made.withLock({ $0[key] }) { return made }
        var state = name.utf8.reduce(salt &+ 0x9e37_79b9_7f4a_7c15) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        // Made once and repeated with a number in front: a megabyte word by word is slow without the optimiser.
        let pattern: [UInt8] = (0..<min(count, 65_536)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        while bytes.count < count {
            let rest = count - bytes.count
            if rest > 8 { withUnsafeBytes(of: UInt64(bytes.count) ^ state) { bytes.append(contentsOf: $0) } }
            bytes.append(contentsOf: pattern.prefix(count - bytes.count))
        }
        made.withLock { $0[key] = bytes }
        return bytes
    }

    /// Without the optimiser `==` looks at every byte by itself.
    static func isSame(_ one: [UInt8]?, _ other: [UInt8]) -> Bool {
        guard let one, one.count == other.count else { return false }
        return memcmp(one, other, one.count) == 0
    }

    func fill(_ host: String, _ files: [(String, Int)], salt: UInt64 = 0) throws {
        for (name, count) in files {
            try temporary.write("\(host)/quake/\(name)", Bench.content(name, count, salt: salt))
        }
    }

    func build(_ host: String = "from", version: GameVersion? = nil) async throws -> BuiltManifest {
        try await ManifestBuilder.build(
            games(host).root(game), version: version ?? self.version, disk: pool, pool: blocks
        ) { _, _ in }
    }

    func open(
        _ built: BuiltManifest, overwrite: Bool = false, disk: (any Disk)? = nil
    ) async throws -> ChunkWriter {
        let disk = try disk ?? FaultyDisk()
        return try await ChunkWriter.open(
            games: games("to", disk: disk), built: built, overwrite: overwrite, disk: pool, log: .silent)
    }

    /// Fetches these chunks, or all that are missing, in their order.
    func land(_ built: BuiltManifest, in writer: ChunkWriter, only chunks: [Int]? = nil) async throws {
        let reader = ChunkReader(root: try games("from").root(game), manifest: built.manifest, disk: pool)
        for chunk in chunks ?? writer.missing {
            let block = try await blocks.acquire()
            let count = try await reader.read(chunk, into: block)
            try await writer.land(chunk, block, count: count)
        }
    }

    /// The error that the body ends with; nil when it does not.
    func failure(_ body: () async throws -> Void) async -> ContentError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? ContentError
        }
    }

    func text(_ name: String) throws -> [UInt8]? { try temporary.read("to/quake/\(name)") }
    func exists(_ name: String) -> Bool { temporary.exists("to/quake/\(name)") }

    /// Files that the receiver's game has, ours too.
    func receivedFiles() throws -> [String] {
        let prefix = "to/quake/"
        return try temporary.tree().filter { $0.hasPrefix(prefix) && !$0.hasSuffix("/") }
            .map { String($0.dropFirst(prefix.count)) }
    }

    /// Whether the receiver has exactly these files, byte for byte, a sentinel, and nothing of ours beside them.
    func isWhole(_ files: [(String, Int)], salt: UInt64 = 0) throws -> Bool {
        guard try receivedFiles() == (files.map(\.0) + ["version.ini"]).sorted() else { return false }
        return try files.allSatisfy { Bench.isSame(try text($0.0), Bench.content($0.0, $0.1, salt: salt)) }
    }
}
