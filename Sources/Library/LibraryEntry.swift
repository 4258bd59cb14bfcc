package import Content
package import Database
package import Model
package import Storage

/// One game of the catalog as this host has it.
package struct LibraryEntry: Hashable, Sendable {
    package let game: GameID
    package let title: String
    package let catalogVersion: GameVersion
    /// What `version.ini` says; nil when there is none, or when it says nothing sound.
    package let localVersion: GameVersion?
    /// Nil when nothing of the game is here.
    package let availability: Availability?
    package let installed: Bool
    /// What the record beside `local/` says; nil when it was made without us.
    package let installedVersion: GameVersion?
    /// What an unfinished download has left.
    package let part: LandedPart?
    /// Nil until the manifest is built.
    package let root: Root?
    /// Of the exchanged files here; of the catalog when nothing is downloaded.
    package let bytes: UInt64
    /// Of the exchanged files here.
    package let files: Int
}

/// How far the library has come; each number counts up by one with each change that it is about.
package struct LibraryChange: Hashable, Sendable {
    /// Of what this host shows: `local_library_changed`.
    package let local: UInt64
    /// Of what peers are told: the revision of the snapshot.
    package let revision: UInt64
}

/// Why the library has no answer, sorted by what the caller says to the one who asked.
package enum LibraryError: Error, Hashable, Sendable {
    /// Not in the catalog, not downloaded, or with another root than that.
    case unknown(GameID)
    /// `version.ini` is not what the catalog wants.
    case versionMismatch(GameID)
    /// The files are not those of the index; they are being looked at again.
    case changed(GameID)
    /// The games directory is not there.
    case unavailable
    case storage(StorageError)
    case content(ContentError)
    case database(DatabaseError)

    package var sentence: String {
        switch self {
        case .unknown(let game): "The game \(game) is not here in that form."
        case .versionMismatch(let game): "The game \(game) is not here in the catalog's version."
        case .changed(let game): "The files of \(game) have changed; they are being read again."
        case .unavailable: "The games directory is not there. Mount it, or name another one with --games-dir."
        case .storage(let error): "The games were not read: \(error.sentence)."
        case .content(let error): "The game was not read: \(error.sentence)."
        case .database(let error): error.sentence
        }
    }
}
