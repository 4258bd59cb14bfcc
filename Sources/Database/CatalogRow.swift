import Model

/// One row of the table games, with all that is known to stand there in place of what should.
enum CatalogRow {
    /// The only columns of games that are ever selected, in this order.
    enum Column: String, CaseIterable {
        case game = "game_id"
        case version = "game_version"
        case title = "game_title"
        case size = "game_size"
        case genre = "genre_id"
        case publisher = "game_publisher"
        case released = "game_release"
        case players = "game_maxplayers"
        case master = "game_master_req"
        case readmeEnglish = "game_readme_en"
        case readmeGerman = "game_readme_de"
        case readmeFrench = "game_readme_fr"

        var index: Int { Column.allCases.firstIndex(of: self) ?? 0 }
    }

    static let genreColumns = ["genre_id", "genre_en", "genre_de", "genre_fr"]

    /// What statements may read, as SQLite's authorizer names it: the empty name stands for a table of which no column
    /// is asked for.
    static let permitted = Set(
        Column.allCases.map { "games.\($0.rawValue)" } + genreColumns.map { "genre.\($0)" }
            + ["discarded.game_id", "games.", "genre.", "discarded."])

    /// The bytes that texts of all rows together may still have; what comes when they are used up is left out.
    struct Rest {
        var readmes = Limits.catalogReadmesBytes
        var lines = Limits.catalogLinesBytes

        /// `text` when there is room for it; the first one that finds none is the end of all.
        mutating func line(_ text: @autoclosure () -> String?) -> String? {
            guard lines > 0, let text = text() else { return nil }
            let count = text.utf8.count
            guard count <= lines else {
                lines = 0
                return nil
            }
            lines -= count
            return text
        }
    }

    /// - Parameter rest: is less afterwards by what the row has.
    static func entry(
        of row: Statement, genres: [Int64: CatalogText], rest: inout Rest
    ) throws(DroppedRow) -> CatalogEntry {
        let field = { (column: Column, rest: inout Rest) in rest.line(line(text(row, column.index))) }
        // Cut far beyond the length of an id, so that one that is too long does not become a sound one.
        let id = row.text(Column.game.index, limit: Limits.catalogFieldBytes) ?? ""
        guard let game = GameID(id) else { throw DroppedRow(game: Text.escaped(id), reason: .gameID) }
        guard let version = version(of: row) else { throw DroppedRow(game: game.text, reason: .version) }
        return CatalogEntry(
            game: game,
            title: rest.line(line(row.text(Column.title.index, limit: Limits.catalogTitleBytes))) ?? game.text,
            version: version,
            bytes: bytes(of: row, Column.size.index),
            genres: genre(of: row, genres, &rest),
            publisher: field(.publisher, &rest),
            released: field(.released, &rest),
            playersLimit: row.kind(Column.players.index) == .real
                ? rest.line(number(row, Column.players.index).map(String.init)) : field(.players, &rest),
            readme: CatalogText(
                english: readme(row, .readmeEnglish, &rest.readmes), german: readme(row, .readmeGerman, &rest.readmes),
                french: readme(row, .readmeFrench, &rest.readmes)),
            needsMaster: number(row, Column.master.index).map { $0 != 0 } ?? false)
    }

    /// Only one of its names stands in a row that goes out.
    private static func genre(of row: Statement, _ genres: [Int64: CatalogText], _ rest: inout Rest) -> CatalogText {
        guard let genre = number(row, Column.genre.index).flatMap({ genres[$0] }) else { return .none }
        return rest.line(genre.any) == nil ? .none : genre
    }

    static func genre(_ row: Statement) -> (Int64, CatalogText)? {
        guard let id = number(row, 0) else { return nil }
        let texts = (1...3).map { line(row.text($0, limit: Limits.catalogFieldBytes)) }
        guard texts.contains(where: { $0 != nil }) else { return nil }
        return (id, CatalogText(english: texts[0], german: texts[1], french: texts[2]))
    }

    /// An id as the table discarded has it: in any type, with blanks or capitals around and in it, since to withhold a
    /// game is the safe mistake.
    static func withdrawn(_ row: Statement) -> String? {
        let limit = Limits.catalogFieldBytes
        let text =
            switch row.kind(0) {
            case .null: String?.none
            case .blob: String(decoding: row.blob(0).prefix(limit), as: UTF8.self)
            case .real, .integer, .text: text(row, 0)
            }
        return line(text)?.lowercased()
    }

    // MARK: - Cells

    /// Blanks around it do not count, as in a `version.ini`; a number is the number without a fraction.
    private static func version(of row: Statement) -> GameVersion? {
        let column = Column.version.index
        if row.kind(column) == .real { return number(row, column).flatMap { GameVersion(String($0)) } }
        return row.text(column, limit: Limits.catalogFieldBytes).flatMap { GameVersion(sentinel: Array($0.utf8)) }
    }

    /// A number is the one without a fraction: a year is no "1999.0".
    private static func text(_ row: Statement, _ column: Int) -> String? {
        if row.kind(column) == .real, let number = number(row, column) { return String(number) }
        return row.text(column, limit: Limits.catalogFieldBytes)
    }

    /// A whole number in any type.
    private static func number(_ row: Statement, _ column: Int) -> Int64? {
        switch row.kind(column) {
        case .integer: row.integer(column)
        case .real: Int64(exactly: row.real(column))
        case .text: row.text(column, limit: 32).flatMap { line($0) }.flatMap { Int64($0) }
        case .blob, .null: nil
        }
    }

    /// Decimal gigabytes as INTEGER, REAL or TEXT, the latter with a German comma.
    private static func bytes(of row: Statement, _ column: Int) -> UInt64 {
        switch row.kind(column) {
        case .integer, .real: return bytes(gigabytes: row.real(column))
        case .text:
            var text = (row.text(column, limit: 64) ?? "").lowercased().filter { $0 != " " }
            if text.hasSuffix("gb") { text.removeLast(2) }
            text = text.replacing(",", with: ".")
            // Digits and a point only: what else a number can look like is no size.
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == 0x2e }) else {
                return 0
            }
            return bytes(gigabytes: Double(text) ?? 0)
        case .blob, .null: return 0
        }
    }

    /// Zero, "not said", for what no game can have.
    static func bytes(gigabytes: Double) -> UInt64 {
        let bytes = (gigabytes * 1e9).rounded()
        guard bytes.isFinite, bytes > 0, bytes <= Double(Limits.gameBytes) else { return 0 }
        return UInt64(bytes)
    }

    // MARK: - Texts

    /// One line: `<br>` and control characters become blanks, and blanks come singly. Nil when nothing is left.
    ///
    /// What comes out comes out again of itself: a catalog that was read and written is the same when it is read.
    static func line(_ text: String?) -> String? {
        guard let text else { return nil }
        let line = joined(broken(joined(text)))
        return line.isEmpty ? nil : line
    }

    /// Several lines: `<br>` ends one, control characters become blanks, and two empty lines never follow each other.
    private static func readme(_ row: Statement, _ column: Column, _ rest: inout Int) -> String? {
        guard rest > 0, let text = row.text(column.index, limit: min(Limits.catalogReadmeBytes, rest)) else {
            return nil
        }
        var lines: [String] = []
        for raw in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
            let pieces = broken(joined(String(raw))).unicodeScalars
            for piece in pieces.split(separator: "\n", omittingEmptySubsequences: false) {
                let line = joined(String(piece))
                if !line.isEmpty || lines.last?.isEmpty == false { lines.append(line) }
            }
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        let readme = lines.joined(separator: "\n")
        rest -= readme.utf8.count
        return readme.isEmpty ? nil : readme
    }

    /// The words with one blank between them.
    private static func joined(_ text: String) -> String {
        text.unicodeScalars.split(whereSeparator: isBlank).map { String($0) }.joined(separator: " ")
    }

    /// `<br>` in all of its spellings is the end of a line.
    private static func broken(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "<")) else { return text }
        var (result, rest) = ([UInt8](), Array(text.utf8)[...])
        while let first = rest.first {
            if first == UInt8(ascii: "<"), let end = breakEnd(rest) {
                result.append(UInt8(ascii: "\n"))
                rest = rest[end...]
            } else {
                result.append(first)
                rest.removeFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Where the tag ends that `text` begins with: `<br>`, `<BR/>`, `<br />`.
    private static func breakEnd(_ text: ArraySlice<UInt8>) -> Int? {
        let name = text.dropFirst()
        guard name.count >= 3, name.first.map({ $0 | 0x20 }) == UInt8(ascii: "b"),
            name.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "r")
        else { return nil }
        let rest = name.dropFirst(2).drop { $0 == UInt8(ascii: " ") }
        let end = rest.first == UInt8(ascii: "/") ? rest.dropFirst() : rest
        return end.first == UInt8(ascii: ">") ? end.startIndex + 1 : nil
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value <= 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.properties.isWhitespace
    }
}
