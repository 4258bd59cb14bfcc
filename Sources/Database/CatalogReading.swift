package import Model

/// A catalog and what its file held besides.
package struct CatalogReading: Hashable, Sendable {
    package var catalog = Catalog.empty
    /// Rows that break a rule of ours, in the order of the file.
    package var dropped: [DroppedRow] = []
    /// Games that the catalog's owner took back, also those without a row: not offered, and never deleted because of
    /// it.
    package var withdrawn: [GameID] = []
    /// The file says that we wrote it; where it lies decides as well.
    package var isOurs = false

    package init() {}
}

/// A row of the table games that was left out.
package struct DroppedRow: Error, Hashable, Sendable {
    /// Cut and escaped: it comes from outside.
    package let game: String
    package let reason: Reason

    package enum Reason: Hashable, Sendable {
        case gameID, version
        /// Within the reader only: this one refuses the file.
        case twice(GameID)
    }

    package var sentence: String {
        switch reason {
        case .gameID: "The row of \"\(game)\" is left out: its id breaks the rules."
        case .version: "The row of \(game) is left out: it has no valid version."
        case .twice: "The game \(game) comes twice."
        }
    }
}
