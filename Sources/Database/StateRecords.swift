package import Model

/// What is known of a game's files: as long as the fingerprint of the disk is the same, so is the manifest.
package struct IndexEntry: Hashable, Sendable {
    package let game: GameID
    package let version: GameVersion
    /// Over path, size, mtime and inode of every exchanged file and the content of `version.ini`.
    package let fingerprint: Digest
    package let root: Root
    /// Canonical bytes; they hash to the root.
    package let manifest: [UInt8]

    package init(game: GameID, version: GameVersion, fingerprint: Digest, root: Root, manifest: [UInt8]) {
        self.game = game
        self.version = version
        self.fingerprint = fingerprint
        self.root = root
        self.manifest = manifest
    }
}

/// An operation as it survives a restart. What it says in detail is its owner's: this database only keeps it.
package struct OperationRecord: Hashable, Sendable {
    package let id: OperationID
    package let game: GameID
    package let kind: String
    /// Only ended operations are ever dropped for newer ones.
    package let hasEnded: Bool
    package let detail: [UInt8]

    package init(id: OperationID, game: GameID, kind: String, hasEnded: Bool, detail: [UInt8]) {
        self.id = id
        self.game = game
        self.kind = kind
        self.hasEnded = hasEnded
        self.detail = detail
    }
}

/// Where a peer was seen last, so that it is found again without mDNS.
package struct PeerRecord: Hashable, Sendable {
    package let peer: PeerID
    package let name: String
    package let address: String
    /// Seconds since 1970.
    package let seen: Int64
    /// Set by `setBlocked` alone.
    package let isBlocked: Bool

    package init(peer: PeerID, name: String, address: String, seen: Int64, isBlocked: Bool = false) {
        self.peer = peer
        self.name = name
        self.address = address
        self.seen = seen
        self.isBlocked = isBlocked
    }
}

/// Single facts that outlive the process.
package enum StateKey: String, Sendable {
    /// The games directories that were used, by path and id, and which one was chosen: JSON. It was once the id of the
    /// one, a blank, and its path.
    case gamesDirectory = "games_directory"
}
