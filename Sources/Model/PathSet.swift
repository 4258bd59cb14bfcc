/// Paths that are to live in one tree: no duplicates, no collision after folding, no file that is also a directory.
package struct PathSet: Sendable {
    package enum Kind: Sendable { case leaf, directory }

    /// Folded key → the exact bytes and what they are. Directories are here for every parent of a path as well.
    private var seen: [String: (bytes: [UInt8], kind: Kind)] = [:]

    package init() {}

    /// Adds one entry and the directories above it; a directory may come again, a leaf may not.
    package mutating func insert(_ path: RelativePath, _ kind: Kind) throws(PathFault) {
        var parent = path.parent
        while let directory = parent {
            try enter(directory, .directory, again: true)
            parent = directory.parent
        }
        try enter(path, kind, again: kind == .directory)
    }

    private mutating func enter(_ path: RelativePath, _ kind: Kind, again: Bool) throws(PathFault) {
        let key = path.foldedKey
        guard let other = seen[key] else {
            seen[key] = (path.bytes, kind)
            return
        }
        guard other.bytes == path.bytes else { throw .collision }
        guard other.kind == kind else { throw .fileAndDirectory }
        guard again else { throw .duplicate }
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
    package static let removingPrefix = ".lanspread_removing."

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
