/// One file of a game: its path below the game root and its size in bytes.
package struct ManifestFile: Hashable, Sendable {
    package let path: RelativePath
    package let size: UInt64

    package init(path: RelativePath, size: UInt64) {
        self.path = path
        self.size = size
    }
}

/// Files, sizes, version and chunk digests of one version of a game. Its canonical bytes hash to the root.
///
/// The value exists only when it is sound: paths checked as a set and in byte order, one digest per chunk of the grid.
package struct Manifest: Sendable {
    package let game: GameID
    package let version: GameVersion
    package let files: [ManifestFile]
    package let digests: [Digest]
    package let grid: Grid

    package init(game: GameID, version: GameVersion, files: [ManifestFile], digests: [Digest]) throws(ManifestFault) {
        guard !files.isEmpty else { throw .noFiles }
        guard files.count <= Limits.manifestFiles else { throw .tooManyFiles }
        var set = PathSet()
        var previous: RelativePath?
        for file in files {
            if let previous, !(previous < file.path) {
                throw previous == file.path ? .path(file.path.bytes, .duplicate) : .notInOrder
            }
            previous = file.path
            guard ReservedNames.isExchanged(file.path) else { throw .path(file.path.bytes, .reserved) }
            do {
                try set.insert(file.path, .leaf)
            } catch {
                throw .path(file.path.bytes, error)
            }
        }
        guard let grid = Grid(sizes: files.lazy.map(\.size)) else { throw .tooLarge }
        guard grid.chunkCount == digests.count else { throw .digestCount }
        self.game = game
        self.version = version
        self.files = files
        self.digests = digests
        self.grid = grid
    }

    package var totalBytes: UInt64 { grid.totalBytes }
}

/// Why bytes are no manifest.
package enum ManifestFault: Error, Hashable, Sendable {
    case notAManifest, unknownFormat, unknownDigest, unknownChunkSize, truncated, trailingBytes, tooLarge
    case badGame, badVersion, noFiles, tooManyFiles, notInOrder, digestCount
    case path([UInt8], PathFault)
    /// Sound by itself, but not the one that was asked for: another root, game or version.
    case notTheOneAsked

    package var sentence: String {
        switch self {
        case .notAManifest: "it does not begin as a manifest"
        case .unknownFormat: "its format is unknown"
        case .unknownDigest: "its chunk digest is unknown"
        case .unknownChunkSize: "its chunk size is not \(Grid.chunkBytes) bytes"
        case .truncated: "it is cut off"
        case .trailingBytes: "bytes follow its end"
        case .tooLarge: "it is larger than the limits"
        case .badGame: "its game id breaks the rules"
        case .badVersion: "its version breaks the rules"
        case .noFiles: "it holds no files"
        case .tooManyFiles: "it holds more than \(Limits.manifestFiles) files"
        case .notInOrder: "its files are not in byte order"
        case .digestCount: "it does not have one digest per chunk"
        case .path(let bytes, let fault): "the path \(Text.escaped(bytes)) is refused: \(fault.sentence)"
        case .notTheOneAsked: "it is not the one that was asked for"
        }
    }
}
