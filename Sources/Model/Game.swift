/// What this host, or a peer, has of one game.
package enum Availability: String, Sendable, Hashable, CaseIterable {
    /// Downloaded, matches the catalog, no operation active.
    case ready
    /// Ready, but its manifest is not built yet: no vote, no source.
    case hashing
    /// Downloaded in another version than the catalog's.
    case outdated
    /// Its root is not the agreed one.
    case differs
    /// Installed but not downloaded: counts for nobody as a source.
    case localOnly = "local_only"
    /// Some verified chunks of a root.
    case partial
    /// Its directory is not there.
    case unavailable
}

/// One game of a library in the size that is sent to a peer.
package struct GameSummary: Hashable, Sendable {
    package let game: GameID
    package let version: GameVersion
    package let availability: Availability
    /// Nil while `hashing`.
    package let root: Root?
    package let bytes: UInt64
    package let files: Int

    package init(
        game: GameID, version: GameVersion, availability: Availability, root: Root?, bytes: UInt64, files: Int
    ) {
        self.game = game
        self.version = version
        self.availability = availability
        self.root = root
        self.bytes = bytes
        self.files = files
    }
}

/// One line of the catalog: the one version of a game that may be served or fetched. It never holds a `game_key`.
package struct CatalogEntry: Hashable, Sendable {
    package let game: GameID
    package let title: String
    package let version: GameVersion
    /// Bytes, from the catalog's decimal gigabytes; zero when it does not say.
    package let bytes: UInt64
    package let genre: String?
    package let publisher: String?
    package let released: String?
    package let playersLimit: String?

    package init(
        game: GameID, title: String, version: GameVersion, bytes: UInt64, genre: String? = nil,
        publisher: String? = nil, released: String? = nil, playersLimit: String? = nil
    ) {
        self.game = game
        self.title = title
        self.version = version
        self.bytes = bytes
        self.genre = genre
        self.publisher = publisher
        self.released = released
        self.playersLimit = playersLimit
    }
}

/// The authoritative list of games; it gates everything. Withdrawn games are not in it.
package struct Catalog: Sendable {
    package let entries: [GameID: CatalogEntry]

    package init(entries: [GameID: CatalogEntry]) { self.entries = entries }

    package static let empty = Catalog(entries: [:])

    package subscript(_ game: GameID) -> CatalogEntry? { entries[game] }
    package var sorted: [CatalogEntry] { entries.values.sorted { $0.game < $1.game } }
}
