/// Paths that are to live in one tree: no duplicates, no collision after folding, no file that is also a directory.
///
/// Every name is kept once, beneath its directory: with whole paths as keys, 64 MiB of deep paths from a peer would
/// take 5 GB.
package struct PathSet: Sendable {
    package enum Kind: Sendable { case leaf, directory }

    /// A name beneath a directory, folded: canonical equivalence comes from `String` being the key, case folding from
    /// `lowercased`. No folding reaches across a `/`, so names can be compared one by one.
    private struct Place: Hashable {
        let directory: Int
        let folded: String
    }

    private struct Entry {
        let number: Int
        let name: String
        let kind: Kind
    }

    private let limit: Int
    private var seen: [Place: Entry] = [:]

    package init(limit: Int = Limits.treeNames) {
        self.limit = limit
    }

    /// Adds one entry and the directories above it; a directory may come again, a leaf may not.
    package mutating func insert(_ path: RelativePath, _ kind: Kind) throws(PathFault) {
        let components = path.components
        var directory = 0
        for component in components.dropLast() {
            directory = try enter(component, beneath: directory, .directory, again: true)
        }
        if let last = components.last {
            _ = try enter(last, beneath: directory, kind, again: kind == .directory)
        }
    }

    /// - Returns: the number of the entry; the tree itself has 0.
    private mutating func enter(
        _ component: ArraySlice<UInt8>, beneath directory: Int, _ kind: Kind, again: Bool
    ) throws(PathFault) -> Int {
        let name = String(decoding: component, as: UTF8.self)
        let folded = name.lowercased()
        let place = Place(directory: directory, folded: folded)
        guard let other = seen[place] else {
            guard seen.count < limit else { throw .tooManyNames }
            let number = seen.count + 1
            seen[place] = Entry(number: number, name: name, kind: kind)
            return number
        }
        // As bytes: `==` would take two Unicode forms of one name for equal.
        guard other.name.utf8.elementsEqual(component) else { throw .collision }
        guard other.kind == kind else { throw .fileAndDirectory }
        guard again else { throw .duplicate }
        return other.number
    }
}

/// Names in a game root that are ours, and those that no peer exchanges.
package enum ReservedNames {
    package static let sentinel = "version.ini"
    package static let local = "local"
    package static let intent = ".lanspread.json"
    package static let installing = ".local.installing"
    package static let backup = ".local.backup"
    package static let sentinelTemporary = ".version.ini.tmp"
    package static let sentinelDiscarded = ".version.ini.discarded"
    package static let download = ".lanspread.download"
    package static let installed = ".lanspread.installed"
    package static let marker = ".lanspread_owned"
    package static let gamesMarker = ".lanspread_games"
    package static let gamesLock = ".lanspread_lock"

    /// Whether peers exchange a file of the game root: everything but `local/`, hidden names, the sentinel (it travels
    /// as the version), and what other programs leave behind. Case-folded at the root, as a Windows disk would see it.
    package static func isExchanged(_ path: RelativePath) -> Bool {
        let components = path.components
        for component in components where component.first == UInt8(ascii: ".") { return false }
        let first = String(decoding: components[0], as: UTF8.self).lowercased()
        if first == local { return false }
        if components.count == 1, first == sentinel { return false }
        let last = String(decoding: components[components.count - 1], as: UTF8.self).lowercased()
        return !last.hasSuffix(".!sync") && last != "thumbs.db" && last != "desktop.ini"
    }
}
