import Model
import Testing

@testable import Wire

@Suite struct `A frame's length` {
    @Test func `is taken up to the limit and refused one above it`() throws {
        #expect(try WireCodec.length([0, 1, 0, 0], limit: Limits.wireMessageBytes) == 65_536)
        #expect(throws: WireFault.tooLong(bytes: 65_537, limit: Limits.wireMessageBytes)) {
            try WireCodec.length([0, 1, 0, 1], limit: Limits.wireMessageBytes)
        }
    }

    @Test func `of 4 GiB is refused`() {
        let fault = WireFault.tooLong(bytes: 4_294_967_295, limit: Limits.wireMessageBytes)
        #expect(throws: fault) {
            try WireCodec.length([255, 255, 255, 255], limit: Limits.wireMessageBytes)
        }
        #expect(fault.sentence == "a frame claims 4294967295 bytes where 65536 are allowed")
    }

    @Test func `of nothing is refused`() {
        #expect(throws: WireFault.empty) { try WireCodec.length([0, 0, 0, 0], limit: 10) }
        #expect(throws: WireFault.empty) { try WireCodec.length([1], limit: 10) }
    }
}

@Suite struct `A request` {
    private func decode(_ text: String) throws(WireFault) -> RequestHeader {
        try WireCodec.decodeRequest(Array(text.utf8))
    }

    @Test func `comes back as it went`() throws {
        let game = try #require(GameID("quake"))
        let root = Root(try #require(Sample.digest(4)))
        let requests: [RequestHeader] = [
            .listGames, .getGame(game), .getManifest(game, nil), .getManifest(game, root),
            .getChunks(ChunkRequest(game: game, root: root, first: 0, count: 1)),
            .getChunks(
                ChunkRequest(
                    game: game, root: root, first: Limits.chunks - Limits.chunksPerRequest,
                    count: Limits.chunksPerRequest)),
        ]
        for request in requests {
            let json = try Sample.payload(WireCodec.encode(request), limit: Limits.requestHeaderBytes)
            #expect(try WireCodec.decodeRequest(json) == request)
        }
    }

    @Test func `of a later version is another, whatever its fields are`() throws {
        #expect(try decode(#"{"type":"get_patch","game":[1],"first":"x"}"#) == .other)
    }

    @Test func `is refused one above each limit`() {
        let root = String(repeating: "0", count: 64)
        func chunks(_ first: Int, _ count: Int) -> String {
            #"{"type":"get_chunks","game":"a","root":"\#(root)","first":\#(first),"count":\#(count)}"#
        }
        func fault(_ field: String) -> WireFault { .wrongValue(message: "get_chunks", field: field) }
        #expect(throws: fault("count")) { try decode(chunks(0, Limits.chunksPerRequest + 1)) }
        #expect(throws: fault("count")) { try decode(chunks(0, 0)) }
        #expect(throws: fault("count")) { try decode(chunks(Limits.chunks - 1, 2)) }
        #expect(throws: fault("first")) { try decode(chunks(Limits.chunks, 1)) }
        #expect(throws: fault("first")) { try decode(chunks(-1, 1)) }
        #expect(throws: fault("root")) { try decode(#"{"type":"get_chunks","game":"a","first":0,"count":1}"#) }
        #expect(throws: WireFault.wrongValue(message: "get_game", field: "game")) {
            try decode(#"{"type":"get_game","game":"../etc"}"#)
        }
        #expect(throws: WireFault.wrongValue(message: "get_manifest", field: "root")) {
            try decode(#"{"type":"get_manifest","game":"a","root":"00"}"#)
        }
        let blanks = String(repeating: " ", count: Limits.requestHeaderBytes)
        #expect(throws: WireFault.json(.tooLong)) { try decode(#"{"type":"list_games"}"# + blanks) }
        #expect(throws: WireFault.json(.tooDeep)) { try decode(String(repeating: "[", count: 513)) }
    }
}

@Suite struct `A reply` {
    private func header(_ bytes: [UInt8], _ limit: Int = 100) throws(WireFault) -> ReplyHeader {
        try ReplyHeader.decode(bytes, bytesLimit: limit)
    }

    @Test func `begins with 16 bytes of which each has its meaning`() throws {
        let bytes = ReplyHeader(kind: .bytes, length: 100).encoded
        #expect(bytes == [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100])
        #expect(try header(bytes) == ReplyHeader(kind: .bytes, length: 100))
        for index in 0..<16 {
            var broken = bytes
            broken[index] = 0xff
            #expect(throws: WireFault.self, "byte \(index)") { try header(broken) }
        }
        #expect(throws: WireFault.unknownReply) { try header(Array(bytes.dropLast())) }
        #expect(throws: WireFault.unknownReply) { try header([UInt8](repeating: 0, count: 16)) }
    }

    @Test func `may claim as much as its kind allows and not one byte more`() throws {
        let limits: [(ReplyHeader.Kind, Int)] = [
            (.refusal, Limits.refusalBytes), (.json, Limits.listReplyBytes), (.bytes, 100),
        ]
        for (kind, limit) in limits {
            let most = ReplyHeader(kind: kind, length: UInt64(limit))
            #expect(try header(most.encoded) == most)
            #expect(throws: WireFault.tooLong(bytes: UInt64(limit) + 1, limit: limit)) {
                try header(ReplyHeader(kind: kind, length: UInt64(limit) + 1).encoded)
            }
        }
    }

    @Test func `carries refusals, progress and games`() throws {
        func json(_ reply: [UInt8]) -> [UInt8] { Array(reply.dropFirst(16)) }
        for refusal in PeerRefusal.allCases {
            #expect(try WireCodec.decodeRefusal(json(WireCodec.encode(refusal))) == refusal)
        }
        #expect(try WireCodec.decodeRefusal(Array(#"{"refusal":"asleep"}"#.utf8)) == .unknown)
        let progress = try WireCodec.decodeHashing(json(WireCodec.encodeHashing(done: 3, total: 9)))
        #expect(progress == (3, 9))
        #expect(throws: WireFault.self) {
            try WireCodec.decodeHashing(json(WireCodec.encodeHashing(done: 9, total: 3)))
        }
        let games = [try Sample.summary("a"), try Sample.summary("b")]
        let alone = try WireCodec.decodeGames(json(WireCodec.encodeGames(games)))
        #expect(alone.games == games && alone.revision == nil)
        let dated = try WireCodec.decodeGames(json(WireCodec.encodeGames(games, revision: 7)))
        #expect(dated.games == games && dated.revision == 7)
    }
}
