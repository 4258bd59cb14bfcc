/// A text in the three languages of an ETI catalog, as far as the catalog has them.
package struct CatalogText: Hashable, Sendable {
    package let english: String?
    package let german: String?
    package let french: String?

    package init(english: String? = nil, german: String? = nil, french: String? = nil) {
        self.english = english
        self.german = german
        self.french = french
    }

    package static let none = CatalogText()

    /// The one to show when nobody said which.
    package var any: String? { english ?? german ?? french }
    package var all: [String] { [english, german, french].compactMap { $0 } }
}

/// One line of the catalog: the one version of a game that may be served or fetched. It never holds a `game_key`.
package struct CatalogEntry: Hashable, Sendable {
    package let game: GameID
    package let title: String
    package let version: GameVersion
    /// Bytes, from the catalog's decimal gigabytes; zero when it does not say.
    package let bytes: UInt64
    package let genres: CatalogText
    package let publisher: String?
    package let released: String?
    /// As the catalog has it: "2 (+ 6 CPU)" as well as "8".
    package let playersLimit: String?
    /// Several lines each; for reading only.
    package let readme: CatalogText
    /// Whether playing it takes a master server.
    package let needsMaster: Bool

    package init(
        game: GameID, title: String, version: GameVersion, bytes: UInt64, genres: CatalogText = .none,
        publisher: String? = nil, released: String? = nil, playersLimit: String? = nil, readme: CatalogText = .none,
        needsMaster: Bool = false
    ) {
        self.game = game
        self.title = title
        self.version = version
        self.bytes = bytes
        self.genres = genres
        self.publisher = publisher
        self.released = released
        self.playersLimit = playersLimit
        self.readme = readme
        self.needsMaster = needsMaster
    }

    package var genre: String? { genres.any }

    /// How many can play at once, when `playersLimit` begins with it: 2 of "2 (+ 6 CPU)", 8 of "2-8" and of "up to 8".
    package var players: Int? {
        guard let text = playersLimit?.utf8 else { return nil }
        guard let first = Self.number(text.drop { !Self.isDigit($0) }) else { return nil }
        // Behind "2-8", "2 - 8" and "2 – 8" stands the greater number.
        let rest = first.rest.drop { $0 == UInt8(ascii: " ") }
        let dashes: [[UInt8]] = [Array("-".utf8), Array("–".utf8), Array("bis".utf8), Array("to".utf8)]
        guard let dash = dashes.first(where: { rest.starts(with: $0) }) else { return first.value }
        let second = Self.number(rest.dropFirst(dash.count).drop { $0 == UInt8(ascii: " ") })
        return max(first.value, second?.value ?? 0)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func number(_ text: Substring.UTF8View) -> (value: Int, rest: Substring.UTF8View)? {
        let digits = text.prefix(while: isDigit)
        guard let value = Int(String(decoding: digits, as: UTF8.self)), (1...Limits.gamePlayers).contains(value) else {
            return nil
        }
        return (value, text.dropFirst(digits.count))
    }
}

/// The authoritative list of games; it gates everything. Withdrawn games are not in it.
package struct Catalog: Hashable, Sendable {
    package let entries: [GameID: CatalogEntry]

    package init(entries: [GameID: CatalogEntry]) { self.entries = entries }

    package static let empty = Catalog(entries: [:])

    package subscript(_ game: GameID) -> CatalogEntry? { entries[game] }
    package var sorted: [CatalogEntry] { entries.values.sorted { $0.game < $1.game } }
}
