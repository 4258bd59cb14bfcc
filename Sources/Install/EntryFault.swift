import Model

/// Why one entry of an archive may not become part of an installed tree.
enum EntryFault: Error, Hashable, Sendable {
    case path([UInt8], PathFault)
    /// The target of a symbolic link would leave the tree, or could.
    case linkLeaves([UInt8])
    /// A hard link to something that is no file unpacked before it.
    case linkToNothing([UInt8])
    case tooManyEntries, tooManyBytes

    /// One clause about "the package", without a full stop; names in it are escaped.
    var reason: String {
        switch self {
        case .path(let path, let fault): "its entry \(EntryFault.shown(path)) has a bad name: \(fault.sentence)"
        case .linkLeaves(let path): "its link \(EntryFault.shown(path)) points out of the game"
        case .linkToNothing(let path): "its link \(EntryFault.shown(path)) names no file that came before it"
        case .tooManyEntries: "it holds more entries than lanspread unpacks"
        case .tooManyBytes: "it unpacks to more bytes than lanspread allows"
        }
    }

    private static func shown(_ path: [UInt8]) -> String {
        path.isEmpty ? "without a name" : Text.escaped(path)
    }
}
