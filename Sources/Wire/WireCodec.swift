package import Model

/// Bytes of peers to values and back; total, whatever the bytes are. `docs/protocol.md` has the tables.
package enum WireCodec {
    /// The length in front of every JSON message, big-endian.
    package static let lengthBytes = 4

    /// How many bytes follow a length; refused before one of them is read.
    package static func length(_ prefix: [UInt8], limit: Int) throws(WireFault) -> Int {
        var reader = ByteReader(prefix)
        guard let length = reader.uint32(), length > 0 else { throw .empty }
        guard let count = Int(exactly: length), count <= limit else {
            throw .tooLong(bytes: UInt64(length), limit: limit)
        }
        return count
    }

    /// The length and the message, as they go onto a stream.
    package static func frame(_ json: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt32(json.count))
        writer.append(json)
        return writer.bytes
    }

    // MARK: - Control messages

    /// A whole frame. A message of ours beyond the limit is a bug of ours: libraries are paged before.
    package static func encode(_ message: PeerMessage) -> [UInt8] {
        let json =
            switch message {
            case .hello(let hello): JSON.encode(Typed(type: "hello", body: HelloBody(hello)))
            case .helloAck(let hello): JSON.encode(Typed(type: "hello_ack", body: HelloBody(hello)))
            case .librarySnapshot(let page): JSON.encode(Typed(type: "library_snapshot", body: PageBody(page)))
            case .libraryDelta(let delta): JSON.encode(Typed(type: "library_delta", body: DeltaBody(delta)))
            case .have(let have): JSON.encode(Typed(type: "have", body: HaveBody(have)))
            case .ping(let nonce): JSON.encode(Typed(type: "ping", body: NonceBody(nonce: nonce)))
            case .pong(let nonce): JSON.encode(Typed(type: "pong", body: NonceBody(nonce: nonce)))
            case .peers(let addresses): JSON.encode(Typed(type: "peers", body: PeersBody(addresses: addresses)))
            case .goodbye: JSON.encode(Typed(type: "goodbye", body: NoBody()))
            }
        precondition(json.count <= Limits.wireMessageBytes, "a message of \(json.count) bytes was not paged")
        return frame(json)
    }

    /// Decodes the bytes behind a length; nil for a type that this version does not know.
    package static func decode(_ json: [UInt8]) throws(WireFault) -> PeerMessage? {
        try decodeBody(MessageBody.self, from: json, limit: Limits.wireMessageBytes).checked()
    }

    static func decodeBody<Body: Decodable>(
        _ type: Body.Type, from json: [UInt8], limit: Int
    ) throws(WireFault) -> Body {
        do {
            return try JSON.decode(type, from: json, limit: limit)
        } catch {
            throw .json(error)
        }
    }

    // MARK: - Libraries

    /// A library in pages that each fit a message, however long its versions are; one empty page for an empty library.
    package static func pages(revision: UInt64, games: [GameSummary]) -> [LibraryPage] {
        var pages: [[GameSummary]] = [[]]
        var bytes = 0
        for game in games.prefix(Limits.libraryEntries) {
            let entry = JSON.encode(EntryBody(game)).count + 1
            if pages[pages.count - 1].count == Limits.libraryEntriesPerPage || bytes + entry > pageBytes {
                pages.append([])
                bytes = 0
            }
            pages[pages.count - 1].append(game)
            bytes += entry
        }
        return pages.enumerated().map { index, games in
            LibraryPage(revision: revision, page: index, pages: pages.count, games: games)
        }
    }

    /// What leads from one revision to a later one; nil when it does not fit a message, or has more entries than a
    /// page: then the whole library is told.
    package static func delta(
        from old: (revision: UInt64, games: [GameID: GameSummary]),
        to new: (revision: UInt64, games: [GameID: GameSummary])
    ) -> LibraryDelta? {
        let removed = old.games.keys.filter { new.games[$0] == nil }
        var added: [GameSummary] = []
        var updated: [GameSummary] = []
        for (game, summary) in new.games where old.games[game] != summary {
            if old.games[game] == nil { added.append(summary) } else { updated.append(summary) }
        }
        let count = removed.count + added.count + updated.count
        guard old.revision < new.revision, count <= Limits.libraryEntriesPerPage else { return nil }
        let bytes =
            (added + updated).reduce(0) { $0 + JSON.encode(EntryBody($1)).count + 1 }
            + removed.reduce(0) { $0 + $1.text.utf8.count + 3 }
        guard bytes <= pageBytes else { return nil }
        return LibraryDelta(
            from: old.revision, to: new.revision, added: added.sorted { $0.game < $1.game },
            updated: updated.sorted { $0.game < $1.game }, removed: removed.sorted())
    }

    /// The entries of one page: a message less 1 KiB for the fields around them.
    private static let pageBytes = Limits.wireMessageBytes - 1_024

    /// What a library's digest is made over: its entries in the order of their ids, a line feed after each.
    package static func digestInput(_ games: [GameSummary]) -> [UInt8] {
        var bytes: [UInt8] = []
        for game in games.sorted(by: { $0.game < $1.game }) {
            bytes.append(contentsOf: JSON.encode(EntryBody(game)))
            bytes.append(0x0a)
        }
        return bytes
    }
}
