package import Model

/// Requests and the JSON of their replies.
extension WireCodec {
    private struct RequestBody: Codable {
        let type: String
        var game: String?
        var root: String?
        var first: Int?
        var count: Int?
    }

    /// Only the type is looked at before it is known, so that a later version's fields may be anything.
    private struct RequestType: Decodable { let type: String }
    private struct RefusalBody: Codable { let refusal: String }
    private struct HashingBody: Codable {
        let done: UInt64
        let total: UInt64
    }
    private struct ListBody: Codable {
        private enum CodingKeys: String, CodingKey {
            case games
            case revision = "rev"
        }

        let games: [EntryBody]
        let revision: UInt64?
    }

    private static let requestTypes = ["list_games", "get_game", "get_manifest", "get_chunks"]

    /// A whole frame.
    package static func encode(_ request: RequestHeader) -> [UInt8] {
        let body: RequestBody =
            switch request {
            case .listGames: RequestBody(type: "list_games")
            case .getGame(let game): RequestBody(type: "get_game", game: game.text)
            case .getManifest(let game, let root):
                RequestBody(type: "get_manifest", game: game.text, root: root?.hex)
            case .getChunks(let chunks):
                RequestBody(
                    type: "get_chunks", game: chunks.game.text, root: chunks.root.hex, first: chunks.first,
                    count: chunks.count)
            case .other: RequestBody(type: "other")
            }
        return frame(JSON.encode(body))
    }

    package static func decodeRequest(_ json: [UInt8]) throws(WireFault) -> RequestHeader {
        let limit = Limits.requestHeaderBytes
        let type = try decodeBody(RequestType.self, from: json, limit: limit).type
        guard requestTypes.contains(type) else { return .other }
        let body = try decodeBody(RequestBody.self, from: json, limit: limit)
        if type == "list_games" { return .listGames }
        guard let game = body.game.flatMap({ GameID($0) }) else { throw .wrongValue(message: type, field: "game") }
        if type == "get_game" { return .getGame(game) }
        let root = body.root.flatMap { Root(hex: $0) }
        guard root != nil || body.root == nil else { throw .wrongValue(message: type, field: "root") }
        if type == "get_manifest" { return .getManifest(game, root) }
        guard let root else { throw .wrongValue(message: type, field: "root") }
        guard let first = body.first, (0..<Limits.chunks).contains(first) else {
            throw .wrongValue(message: type, field: "first")
        }
        guard let count = body.count, (1...Limits.chunksPerRequest).contains(count), count <= Limits.chunks - first
        else { throw .wrongValue(message: type, field: "count") }
        return .getChunks(ChunkRequest(game: game, root: root, first: first, count: count))
    }

    // MARK: - Replies

    /// Header and JSON of a refusal: the whole reply.
    package static func encode(_ refusal: PeerRefusal) -> [UInt8] {
        reply(.refusal, JSON.encode(RefusalBody(refusal: refusal.rawValue)))
    }

    /// A word of a later version is `unknown`: it is a no all the same.
    package static func decodeRefusal(_ json: [UInt8]) throws(WireFault) -> PeerRefusal {
        let word = try decodeBody(RefusalBody.self, from: json, limit: Limits.refusalBytes).refusal
        return PeerRefusal(rawValue: word) ?? .unknown
    }

    /// The whole reply to `get_manifest` while the manifest is being built.
    package static func encodeHashing(done: UInt64, total: UInt64) -> [UInt8] {
        reply(.json, JSON.encode(HashingBody(done: done, total: total)))
    }

    package static func decodeHashing(_ json: [UInt8]) throws(WireFault) -> (done: UInt64, total: UInt64) {
        let body = try decodeBody(HashingBody.self, from: json, limit: Limits.listReplyBytes)
        guard body.total <= Limits.gameBytes, body.done <= body.total else {
            throw .wrongValue(message: "get_manifest", field: "total")
        }
        return (body.done, body.total)
    }

    /// The whole reply to `list_games`, and with one entry or none, and no revision, to `get_game`.
    package static func encodeGames(_ games: [GameSummary], revision: UInt64? = nil) -> [UInt8] {
        let entries = games.prefix(Limits.libraryEntries).map(EntryBody.init)
        return reply(.json, JSON.encode(ListBody(games: entries, revision: revision)))
    }

    package static func decodeGames(
        _ json: [UInt8]
    ) throws(WireFault) -> (revision: UInt64?, games: [GameSummary]) {
        let body = try decodeBody(ListBody.self, from: json, limit: Limits.listReplyBytes)
        guard body.games.count <= Limits.libraryEntries else {
            throw .wrongValue(message: "list_games", field: "games")
        }
        return (body.revision, try EntryBody.checked(body.games, "list_games"))
    }

    private static func reply(_ kind: ReplyHeader.Kind, _ json: [UInt8]) -> [UInt8] {
        ReplyHeader(kind: kind, length: UInt64(json.count)).encoded + json
    }
}
