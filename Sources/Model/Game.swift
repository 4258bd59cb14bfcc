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
