import Model

/// The JSON shapes of the control messages: types and missing fields are settled by decoding, values by `checked`.
enum MessageBody: Decodable {
    case hello(HelloBody)
    case helloAck(HelloBody)
    case librarySnapshot(PageBody)
    case libraryDelta(DeltaBody)
    case have(HaveBody)
    case ping(NonceBody)
    case pong(NonceBody)
    case peers(PeersBody)
    case goodbye
    /// A later version's message: skipped.
    case unknown

    private enum Key: String, CodingKey { case type }

    init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .type) {
        case "hello": self = .hello(try HelloBody(from: decoder))
        case "hello_ack": self = .helloAck(try HelloBody(from: decoder))
        case "library_snapshot": self = .librarySnapshot(try PageBody(from: decoder))
        case "library_delta": self = .libraryDelta(try DeltaBody(from: decoder))
        case "have": self = .have(try HaveBody(from: decoder))
        case "ping": self = .ping(try NonceBody(from: decoder))
        case "pong": self = .pong(try NonceBody(from: decoder))
        case "peers": self = .peers(try PeersBody(from: decoder))
        case "goodbye": self = .goodbye
        default: self = .unknown
        }
    }

    /// Nil for a message that is to be skipped.
    func checked() throws(WireFault) -> PeerMessage? {
        switch self {
        case .hello(let body): .hello(try body.checked("hello"))
        case .helloAck(let body): .helloAck(try body.checked("hello_ack"))
        case .librarySnapshot(let body): .librarySnapshot(try body.checked())
        case .libraryDelta(let body): .libraryDelta(try body.checked())
        case .have(let body): .have(try body.checked())
        case .ping(let body): .ping(nonce: body.nonce)
        case .pong(let body): .pong(nonce: body.nonce)
        case .peers(let body): .peers(try body.checked())
        case .goodbye: .goodbye
        case .unknown: nil
        }
    }
}

/// A body with its type beside the fields, as it stands on the wire.
struct Typed<Body: Encodable>: Encodable {
    let type: String
    let body: Body

    private enum Key: String, CodingKey { case type }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(type, forKey: .type)
        try body.encode(to: encoder)
    }
}

struct NoBody: Encodable {
    func encode(to encoder: any Encoder) throws {}
}

struct HelloBody: Codable {
    private enum CodingKeys: String, CodingKey {
        case version = "protocol"
        case name, port
        case revision = "rev"
        case digest, instance, known, features
    }

    let version: Int
    let name: String
    let port: UInt16
    let revision: UInt64
    let digest: String
    let instance: String
    let known: String?
    let features: [String]

    init(_ hello: Hello) {
        version = hello.protocolVersion
        name = hello.name
        port = hello.port
        revision = hello.revision
        digest = hello.digest.hex
        instance = Hex.encode(hello.instance.bytes)
        known = hello.known?.hex
        features = hello.features
    }

    func checked(_ message: String) throws(WireFault) -> Hello {
        guard (1...Limits.peerNameBytes).contains(name.utf8.count) else {
            throw .wrongValue(message: message, field: "name")
        }
        guard port > 0 else { throw .wrongValue(message: message, field: "port") }
        guard let digest = Digest(hex: digest) else { throw .wrongValue(message: message, field: "digest") }
        guard let instance = Hex.decode(instance).flatMap(Instance.init) else {
            throw .wrongValue(message: message, field: "instance")
        }
        let known = self.known.flatMap { Digest(hex: $0) }
        guard known != nil || self.known == nil else { throw .wrongValue(message: message, field: "known") }
        guard features.count <= Limits.features,
            features.allSatisfy({ (1...Limits.featureBytes).contains($0.utf8.count) })
        else { throw .wrongValue(message: message, field: "features") }
        return Hello(
            protocolVersion: version, name: name, port: port, revision: revision, digest: digest,
            instance: instance, known: known, features: features)
    }
}

struct PageBody: Codable {
    private enum CodingKeys: String, CodingKey {
        case revision = "rev"
        case page, pages, games
    }

    let revision: UInt64
    let page: Int
    let pages: Int
    let games: [EntryBody]

    init(_ page: LibraryPage) {
        revision = page.revision
        self.page = page.page
        pages = page.pages
        games = page.games.map(EntryBody.init)
    }

    func checked() throws(WireFault) -> LibraryPage {
        let message = "library_snapshot"
        guard (1...Limits.libraryEntries).contains(pages) else { throw .wrongValue(message: message, field: "pages") }
        guard (0..<pages).contains(page) else { throw .wrongValue(message: message, field: "page") }
        guard games.count <= Limits.libraryEntriesPerPage else { throw .wrongValue(message: message, field: "games") }
        return LibraryPage(
            revision: revision, page: page, pages: pages, games: try EntryBody.checked(games, message))
    }
}

struct DeltaBody: Codable {
    private enum CodingKeys: String, CodingKey {
        case from = "from_rev"
        case to = "to_rev"
        case added, updated, removed
    }

    let from: UInt64
    let to: UInt64
    let added: [EntryBody]
    let updated: [EntryBody]
    let removed: [String]

    init(_ delta: LibraryDelta) {
        from = delta.from
        to = delta.to
        added = delta.added.map(EntryBody.init)
        updated = delta.updated.map(EntryBody.init)
        removed = delta.removed.map(\.text)
    }

    func checked() throws(WireFault) -> LibraryDelta {
        let message = "library_delta"
        guard from < to else { throw .wrongValue(message: message, field: "to_rev") }
        guard added.count + updated.count + removed.count <= Limits.libraryEntriesPerPage else {
            throw .wrongValue(message: message, field: "added")
        }
        _ = try EntryBody.checked(added + updated, message)
        var gone: [GameID] = []
        for text in removed {
            guard let game = GameID(text) else { throw .wrongValue(message: message, field: "removed") }
            gone.append(game)
        }
        return LibraryDelta(
            from: from, to: to, added: try EntryBody.checked(added, message),
            updated: try EntryBody.checked(updated, message), removed: gone)
    }
}

struct HaveBody: Codable {
    let game: String
    let root: String
    /// Pairs of first chunk and count.
    let chunks: [[Int]]

    init(_ have: Have) {
        game = have.game.text
        root = have.root.hex
        chunks = have.chunks.map { [$0.lowerBound, $0.count] }
    }

    func checked() throws(WireFault) -> Have {
        guard let game = GameID(game) else { throw .wrongValue(message: "have", field: "game") }
        guard let root = Root(hex: root) else { throw .wrongValue(message: "have", field: "root") }
        guard chunks.count <= Limits.haveRuns else { throw .wrongValue(message: "have", field: "chunks") }
        var runs: [Range<Int>] = []
        var end = 0
        for pair in chunks {
            guard pair.count == 2, pair[0] >= end, pair[0] < Limits.chunks, pair[1] > 0,
                pair[1] <= Limits.chunks - pair[0]
            else { throw .wrongValue(message: "have", field: "chunks") }
            end = pair[0] + pair[1]
            runs.append(pair[0]..<end)
        }
        return Have(game: game, root: root, chunks: runs)
    }
}

struct NonceBody: Codable {
    let nonce: UInt64
}

struct PeersBody: Codable {
    let addresses: [String]

    func checked() throws(WireFault) -> [String] {
        guard addresses.count <= Limits.peerAddresses,
            addresses.allSatisfy({ (1...Limits.addressBytes).contains($0.utf8.count) })
        else { throw .wrongValue(message: "peers", field: "addresses") }
        return addresses
    }
}

/// One game of a library: {game, version, availability, root (absent while hashing), bytes, files}.
struct EntryBody: Codable {
    let game: String
    let version: String
    let availability: String
    let root: String?
    let bytes: UInt64
    let files: Int

    init(_ summary: GameSummary) {
        game = summary.game.text
        version = summary.version.text
        availability = summary.availability.rawValue
        root = summary.root?.hex
        bytes = summary.bytes
        files = summary.files
    }

    func checked(_ message: String) throws(WireFault) -> GameSummary {
        guard let game = GameID(game) else { throw .wrongValue(message: message, field: "game") }
        guard let version = GameVersion(version) else { throw .wrongValue(message: message, field: "version") }
        guard let availability = Availability(rawValue: availability) else {
            throw .wrongValue(message: message, field: "availability")
        }
        guard bytes <= Limits.gameBytes else { throw .wrongValue(message: message, field: "bytes") }
        guard (0...Limits.manifestFiles).contains(files) else { throw .wrongValue(message: message, field: "files") }
        let content = try root.map { text throws(WireFault) -> Root in
            guard let root = Root(hex: text) else { throw .wrongValue(message: message, field: "root") }
            return root
        }
        // A source without a root could not be asked for anything.
        guard availability != .ready || content != nil else { throw .wrongValue(message: message, field: "root") }
        return GameSummary(
            game: game, version: version, availability: availability, root: content, bytes: bytes, files: files)
    }

    /// All of `entries`, each game once.
    static func checked(_ entries: [EntryBody], _ message: String) throws(WireFault) -> [GameSummary] {
        var seen: Set<GameID> = []
        var games: [GameSummary] = []
        for entry in entries {
            let summary = try entry.checked(message)
            guard seen.insert(summary.game).inserted else { throw .wrongValue(message: message, field: "games") }
            games.append(summary)
        }
        return games
    }
}
