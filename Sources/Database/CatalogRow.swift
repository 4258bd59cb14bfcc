import Model

/// One row of the table games, with all that is known to stand there in place of what should.
enum CatalogRow {
    /// The only columns that are ever selected, in this order. `game_key` is not one of them.
    static let columns = [
        "game_id", "game_title", "game_version", "game_size", "genre_id", "game_publisher", "game_release",
        "game_maxplayers",
    ]

    static func entry(of row: Statement, genres: [Int64: String]) throws(DroppedRow) -> CatalogEntry {
        let limit = Limits.catalogTextBytes
        let id = row.text(0, limit: limit) ?? ""
        guard let game = GameID(id) else { throw DroppedRow(game: Text.escaped(id), reason: .gameID) }
        guard let version = row.text(2, limit: limit).flatMap({ GameVersion($0) }) else {
            throw DroppedRow(game: game.text, reason: .version)
        }
        return CatalogEntry(
            game: game,
            title: clean(row.text(1, limit: limit)) ?? game.text,
            version: version,
            bytes: bytes(of: row, 3),
            genre: row.kind(4) == .null ? nil : genres[row.integer(4)],
            publisher: clean(row.text(5, limit: limit)),
            released: clean(row.text(6, limit: limit)),
            playersLimit: clean(row.text(7, limit: limit)))
    }

    /// Decimal gigabytes as INTEGER, REAL or TEXT, the latter with a German comma.
    private static func bytes(of row: Statement, _ column: Int) -> UInt64 {
        switch row.kind(column) {
        case .integer, .real: return bytes(gigabytes: row.real(column))
        case .text:
            let text = (row.text(column, limit: 64) ?? "").filter { $0 != " " }
            return bytes(gigabytes: Double(text.replacing(",", with: ".")) ?? 0)
        case .blob, .null: return 0
        }
    }

    /// Zero, "not said", for what no game can have.
    static func bytes(gigabytes: Double) -> UInt64 {
        let bytes = (gigabytes * 1e9).rounded()
        guard bytes.isFinite, bytes > 0, bytes <= Double(Limits.gameBytes) else { return 0 }
        return UInt64(bytes)
    }

    /// One line: `<br>` and control characters become blanks, and blanks come singly. Nil when nothing is left.
    static func clean(_ text: String?) -> String? {
        guard var text else { return nil }
        for tag in ["<br>", "<br/>", "<br />", "<BR>", "<BR/>", "<BR />"] { text = text.replacing(tag, with: " ") }
        let words = text.unicodeScalars.split { scalar in
            scalar == " " || scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                || scalar.properties.isWhitespace
        }
        return words.isEmpty ? nil : words.map { String($0) }.joined(separator: " ")
    }
}
