import Library
import Model

/// What keeps this host's copy of a game from its peers at this moment, beside what the disk says.
struct LocalCircumstances: Sendable {
    var hasGamesDirectory = true
    /// How far its manifest is; nil when that is not asked or not known.
    var hashing: (done: UInt64, total: UInt64)?
    /// The operation that is changing the game.
    var operation: OperationSnapshot?
}

/// This host's own word on one of its games: how it has it, and why it is not served.
struct LocalVerdict: Hashable, Sendable {
    /// Nil when nothing of the game is here.
    let availability: Availability?
    /// A sentence; nil when the game is served to whoever asks.
    let reason: String?

    init(
        _ entry: CatalogEntry, _ local: LibraryEntry?, _ election: RootElection, _ circumstances: LocalCircumstances
    ) {
        var availability = local?.availability
        if availability == .ready, case .elected(let right, _) = election, let root = local?.root, root != right {
            availability = .differs
        }
        self.availability = availability
        reason =
            circumstances.operation.map { LocalVerdict.reason($0) }
            ?? LocalVerdict.reason(availability, entry, local, election, circumstances)
    }

    /// From its claim on the game is hidden, also while the operation waits.
    private static func reason(_ operation: OperationSnapshot) -> String {
        let opening = "Operation \(operation.id) (\(operation.kind.rawValue))"
        if operation.standing == .paused { return "\(opening) holds it and is paused." }
        if operation.phase == .queued { return "\(opening) holds it and waits for its turn." }
        return "\(opening) is changing it."
    }

    private static func reason(
        _ availability: Availability?, _ entry: CatalogEntry, _ local: LibraryEntry?, _ election: RootElection,
        _ circumstances: LocalCircumstances
    ) -> String? {
        switch availability {
        case .ready: return nil
        case nil: return circumstances.hasGamesDirectory ? "It is not on this host." : noGamesDirectory
        case .unavailable: return noGamesDirectory
        case .outdated:
            guard let version = local?.localVersion else { return "Its version.ini names no version." }
            return "Its version.ini says \(version) and the catalog wants \(entry.version)."
        case .hashing:
            guard let hashing = circumstances.hashing, hashing.total > 0 else {
                return "Its manifest is not built yet."
            }
            return "Its manifest is being built: \(hashing.done) of \(hashing.total) bytes are hashed."
        case .differs:
            guard case .elected(let right, let standing) = election, let root = local?.root else {
                return "Its content is not the agreed one."
            }
            return "Its content (root \(root.short)) is not the agreed one (root \(right.short), \(standing.text))."
        case .localOnly: return "It is installed and not downloaded, so there is nothing to serve."
        case .partial:
            guard let part = local?.part else { return "Only a part of it is here." }
            let version = part.version == entry.version ? "" : " of version \(part.version)"
            return "Only a part\(version) is here: \(part.bytes) of \(part.totalBytes) bytes. "
                + "Go on with: lanspreadctl download \(entry.game)"
        }
    }

    private static let noGamesDirectory = "The games directory is not there."
}
