import Model
import Testing

@testable import Wire

/// Values that the tests of this target share.
enum Sample {
    static func digest(_ byte: UInt8) -> Digest? { Digest([UInt8](repeating: byte, count: 32)) }

    static func hello(name: String = "alpha") throws -> Hello {
        Hello(
            name: name, port: 47600, revision: 7, digest: try #require(digest(1)),
            instance: try #require(Instance([UInt8](repeating: 2, count: 16))), features: ["x"])
    }

    static func summary(_ game: String, version: String = "20200101") throws -> GameSummary {
        GameSummary(
            game: try #require(GameID(game)), version: try #require(GameVersion(version)), availability: .ready,
            root: Root(try #require(digest(3))), bytes: 1 << 40, files: 500_000)
    }

    /// The bytes behind the length, or the test fails.
    static func payload(_ frame: [UInt8], limit: Int = Limits.wireMessageBytes) throws -> [UInt8] {
        let count = try WireCodec.length(Array(frame.prefix(4)), limit: limit)
        #expect(count == frame.count - 4)
        return Array(frame.dropFirst(4))
    }

    static func decode(_ text: String) throws(WireFault) -> PeerMessage? {
        try WireCodec.decode(Array(text.utf8))
    }
}

@Suite struct `A peer message` {
    @Test func `comes back as it went`() throws {
        let game = try #require(GameID("quake"))
        let root = Root(try #require(Sample.digest(4)))
        let hashing = GameSummary(
            game: game, version: try #require(GameVersion("1\"\\")), availability: .hashing, root: nil, bytes: 0,
            files: 0)
        let messages: [PeerMessage] = [
            .hello(try Sample.hello()), .helloAck(try Sample.hello(name: "Zoë \u{1}")),
            .librarySnapshot(
                LibraryPage(revision: .max, page: 1, pages: 2, games: [try Sample.summary("a"), hashing])),
            .libraryDelta(
                LibraryDelta(
                    from: 1, to: 2, added: [try Sample.summary("a")], updated: [try Sample.summary("b")],
                    removed: [game])),
            .have(Have(game: game, root: root, chunks: [0..<1, 1..<5, 9..<Limits.chunks])),
            .have(Have(game: game, root: root, chunks: [])),
            .ping(nonce: .max), .pong(nonce: 0), .peers(["10.0.0.1:47600"]), .goodbye,
        ]
        for message in messages {
            #expect(try WireCodec.decode(Sample.payload(WireCodec.encode(message))) == message)
        }
    }

    /// The example of docs/protocol.md.
    @Test func `has the bytes that the document shows`() {
        #expect(WireCodec.encode(.ping(nonce: 7)) == [0, 0, 0, 0x19] + Array(#"{"nonce":7,"type":"ping"}"#.utf8))
    }

    @Test func `is skipped when its type is unknown, whatever its fields are`() throws {
        #expect(try Sample.decode(#"{"type":"weather","nonce":"wet","games":7}"#) == nil)
    }

    @Test func `may hold fields that are unknown`() throws {
        #expect(try Sample.decode(#"{"type":"ping","nonce":3,"games":{"a":[]}}"#) == .ping(nonce: 3))
    }

    @Test func `is refused when a field is missing or of another type`() {
        for text in [
            #"{"type":"ping"}"#, #"{"type":"ping","nonce":"3"}"#, #"{"type":"ping","nonce":-1}"#,
            #"{"type":"ping","nonce":1.5}"#, #"{"type":"ping","nonce":1e300}"#, #"{"nonce":1}"#, #"{"type":7}"#,
            #"{"type":"ping","nonce":18446744073709551616}"#, "[]", "7", #"{"type":"have","game":"a"}"#,
        ] {
            #expect(throws: WireFault.json(.unexpectedShape), "\(text)") { try Sample.decode(text) }
        }
    }

    @Test func `with 513 brackets is refused before a decoder sees it`() {
        let brackets = String(repeating: "[", count: 513)
        #expect(throws: WireFault.json(.tooDeep)) { try Sample.decode(brackets) }
        #expect(throws: WireFault.json(.tooDeep)) {
            try Sample.decode(String(repeating: #"{"a":"#, count: 512) + "[")
        }
        #expect(throws: WireFault.json(.tooDeep)) {
            try Sample.decode(#"{"type":"ping","nonce":1,"x":"# + brackets)
        }
    }

    @Test func `is refused when a value breaks a rule, by the name of its field`() throws {
        let good = String(decoding: try Sample.payload(WireCodec.encode(.hello(Sample.hello()))), as: UTF8.self)
        let bad: [(String, String, String)] = [
            (#""name":"alpha""#, #""name":"""#, "name"),
            (#""name":"alpha""#, #""name":"\#(String(repeating: "a", count: Limits.peerNameBytes + 1))""#, "name"),
            (#""port":47600"#, #""port":0"#, "port"),
            (#""digest":"01"#, #""digest":"0G"#, "digest"),
            (#""instance":"02"#, #""instance":""#, "instance"),
            (#""features":["x"]"#, #""features":[""]"#, "features"),
        ]
        for (from, to, field) in bad {
            #expect(good.contains(from))
            let text = good.replacing(from, with: to)
            #expect(throws: WireFault.wrongValue(message: "hello", field: field), "\(to)") {
                try Sample.decode(text)
            }
        }
    }

    @Test func `of a library holds every game once and its root when it is ready`() throws {
        let entry = #"{"game":"a","version":"1","availability":"hashing","bytes":1,"files":1}"#
        func page(_ games: String, _ numbers: String = #""page":0,"pages":1"#) -> String {
            #"{"type":"library_snapshot","rev":1,\#(numbers),"games":[\#(games)]}"#
        }
        func fault(_ field: String) -> WireFault { .wrongValue(message: "library_snapshot", field: field) }
        #expect(try Sample.decode(page(entry)) != nil)
        let cases: [(String, WireFault)] = [
            (page(entry + "," + entry), fault("games")),
            (page(entry.replacing("hashing", with: "ready")), fault("root")),
            (page(entry.replacing("hashing", with: "splendid")), fault("availability")),
            (page(entry.replacing(#""a""#, with: #""../a""#)), fault("game")),
            (page(entry.replacing(#""1""#, with: #""""#)), fault("version")),
            (page(entry.replacing(#""bytes":1"#, with: #""bytes":\#(Limits.gameBytes + 1)"#)), fault("bytes")),
            (page(entry.replacing(#""files":1"#, with: #""files":-1"#)), fault("files")),
            (page(entry, #""page":1,"pages":1"#), fault("page")),
            (page(entry, #""page":0,"pages":0"#), fault("pages")),
            (page(entry, #""page":0,"pages":\#(Limits.libraryEntries + 1)"#), fault("pages")),
        ]
        for (text, expected) in cases {
            #expect(throws: expected, "\(text)") { try Sample.decode(text) }
        }
    }

    @Test func `offers chunks in order, apart and within the grid's limit`() {
        let root = String(repeating: "0", count: 64)
        for chunks in [
            "[[0,0]]", "[[-1,2]]", "[[0,2],[1,2]]", "[[0]]", "[[0,1,2]]", "[[\(Limits.chunks),1]]",
            "[[0,\(Limits.chunks + 1)]]", "[[1,9223372036854775807]]",
            "[" + (0...Limits.haveRuns).map { "[\($0 * 2),1]" }.joined(separator: ",") + "]",
        ] {
            #expect(throws: WireFault.wrongValue(message: "have", field: "chunks"), "\(chunks.prefix(40))") {
                try Sample.decode(#"{"type":"have","game":"a","root":"\#(root)","chunks":\#(chunks)}"#)
            }
        }
    }

    @Test func `of any bytes gives a value or a fault`() throws {
        var random = SystemRandomNumberGenerator()
        let good = try Sample.payload(WireCodec.encode(.helloAck(Sample.hello())))
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count / 8, using: &random))
            _ = try? WireCodec.decode(bytes)
            _ = try? WireCodec.decodeRequest(bytes)
        }
    }
}

@Suite struct `A library in pages` {
    @Test func `fits messages with the longest entries there are`() throws {
        let version = String(repeating: "\\", count: Limits.versionBytes)
        let games = try (0..<450).map { number in
            let tail = String(number)
            return try Sample.summary(String(repeating: "g", count: 64 - tail.count) + tail, version: version)
        }
        let pages = WireCodec.pages(revision: 9, games: games)
        #expect(pages.flatMap(\.games) == games)
        #expect(pages.map(\.page) == Array(0..<pages.count))
        #expect(pages.filter(\.isLast).count == 1)
        for page in pages {
            #expect(page.pages == pages.count)
            #expect(try WireCodec.decode(Sample.payload(WireCodec.encode(.librarySnapshot(page)))) != nil)
        }
    }

    @Test func `is one empty page when it is empty`() {
        let pages = WireCodec.pages(revision: 1, games: [])
        #expect(pages == [LibraryPage(revision: 1, page: 0, pages: 1, games: [])])
    }

    @Test func `has one digest whatever the order of its games`() throws {
        let games = [try Sample.summary("b"), try Sample.summary("a")]
        #expect(WireCodec.digestInput(games) == WireCodec.digestInput(games.reversed()))
        #expect(WireCodec.digestInput(games).last == 0x0a)
    }
}
