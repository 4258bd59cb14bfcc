/// A path below a game's root or inside an archive, as bytes; it exists only when every rule of I62 holds.
///
/// Bytes, not `String`: Swift's `==` takes NFC and NFD for equal, a file system does not.
package struct RelativePath: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Throws: the first rule that `bytes` breaks. Reserved names are a matter of the game root: see `atGameRoot`.
    package init(_ bytes: some Collection<UInt8>) throws(PathFault) {
        let bytes = Array(bytes)
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Limits.pathBytes else { throw .tooLong }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        for scalar in text.unicodeScalars {
            // C0, DEL and C1: a terminal obeys them.
            guard scalar.value >= 0x20, !(0x7f...0x9f).contains(scalar.value) else { throw .control }
            guard scalar != "\\" else { throw .backslash }
        }
        guard bytes[0] != UInt8(ascii: "/") else { throw .absolute }
        let components = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard components.count <= Limits.pathDepth else { throw .tooDeep }
        for component in components {
            try RelativePath.check(component)
        }
        self.bytes = bytes
    }

    package init(_ text: String) throws(PathFault) { try self.init(Array(text.utf8)) }

    private static func check(_ component: ArraySlice<UInt8>) throws(PathFault) {
        guard let last = component.last, let first = component.first else { throw .emptyComponent }
        guard component.count <= Limits.pathComponentBytes else { throw .tooLong }
        let dot = UInt8(ascii: ".")
        guard component.elementsEqual([dot]) == false, component.elementsEqual([dot, dot]) == false else {
            throw .dots
        }
        guard last != dot, last != UInt8(ascii: " ") else { throw .trailingDotOrSpace }
        let letter = first | 0x20
        if component.count >= 2, component[component.startIndex + 1] == UInt8(ascii: ":"),
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
        {
            throw .drive
        }
    }

    package var components: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "/")) }

    /// Nil for a path of one component.
    package var parent: RelativePath? {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return RelativePath(unchecked: Array(bytes[..<slash]))
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }
    package var description: String { text }

    package static func < (left: RelativePath, right: RelativePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// A part of a checked path is a checked path.
    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }
}

/// Why a path from outside was refused.
package enum PathFault: Error, Hashable, Sendable {
    case empty, tooLong, notUTF8, control, backslash, absolute, tooDeep, emptyComponent, dots, trailingDotOrSpace, drive
    case reserved
    case duplicate
    /// Another path of the set is the same after case folding and NFC.
    case collision
    /// Another path of the set needs this one to be a directory, or the reverse.
    case fileAndDirectory
    /// The set holds as many files and directories as a set may.
    case tooManyNames

    package var sentence: String {
        switch self {
        case .empty: "it is empty"
        case .tooLong: "it is longer than \(Limits.pathBytes) bytes or one name in it than \(Limits.pathComponentBytes)"
        case .notUTF8: "it is not UTF-8"
        case .control: "it holds a control character"
        case .backslash: "it holds a backslash"
        case .absolute: "it begins at the root of the file system"
        case .tooDeep: "it is deeper than \(Limits.pathDepth) directories"
        case .emptyComponent: "it holds an empty name"
        case .dots: "it climbs or stands still with dots"
        case .trailingDotOrSpace: "a name in it ends with a dot or a blank"
        case .drive: "it names a drive"
        case .reserved: "the name is reserved"
        case .duplicate: "it comes twice"
        case .collision: "it differs from another one only in case or in Unicode form"
        case .fileAndDirectory: "it is a file and a directory at once"
        case .tooManyNames: "there are more than \(Limits.treeNames) files and directories"
        }
    }
}
