package import Model
package import Storage

/// Why a game's chunks could not be read, landed or named, sorted by what the caller can do.
package enum ContentError: Error, Hashable, Sendable {
    /// Free space first.
    case diskFull(neededBytes: UInt64, freeBytes: UInt64)
    /// The bytes are not the manifest's: drop them, ask another peer. Nothing was written.
    case wrongDigest(chunk: Int)
    /// A file stands at a manifest path that neither a sentinel nor our record explains.
    case foreignFile(RelativePath)
    case badManifest(ManifestFault)
    /// The manifest's bytes do not hash to the root that was asked for.
    case wrongRoot
    /// A file is shorter than the index says, or gone: scan the game again.
    case changed(RelativePath)
    case noFiles
    case storage(StorageError)
    case cancelled

    package var isWrongDigest: Bool {
        if case .wrongDigest = self { true } else { false }
    }

    package var isCancelled: Bool { self == .cancelled }

    package var sentence: String {
        switch self {
        case .diskFull(let needed, let free): "\(needed) bytes are needed and \(free) are free"
        case .wrongDigest(let chunk): "chunk \(chunk) fails its digest"
        case .foreignFile(let path): "the file \(path) is in the way and is not ours"
        case .badManifest(let fault): "the manifest is refused: \(fault.sentence)"
        case .wrongRoot: "the manifest does not hash to its root"
        case .changed(let path): "the file \(path) changed while it was read"
        case .noFiles: "there is no file besides the sentinel"
        case .storage(let error): error.sentence
        case .cancelled: "it was cancelled"
        }
    }
}

/// Gives a lower storey's error this storey's form.
func asContent<Value>(_ body: () throws(StorageError) -> Value) throws(ContentError) -> Value {
    do {
        return try body()
    } catch {
        throw .storage(error)
    }
}
