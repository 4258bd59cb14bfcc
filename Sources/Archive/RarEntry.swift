/// What a RAR header says about one entry: the second opinion about everything that libarchive lists.
package struct RarEntry: Hashable, Sendable {
    package enum Kind: String, Sendable, Hashable { case file, directory, symlink, hardlink }

    /// As it would be unpacked: decoded to UTF-8 where the header encodes it, `\` of RAR4 turned into `/`.
    package let path: [UInt8]
    package let kind: Kind
    /// Zero for everything but a file: links carry any number here.
    package let size: UInt64
    /// Of the unpacked bytes; nil where the header has none (directories, BLAKE2sp entries).
    package let checksum: UInt32?
    /// Links only.
    package let target: [UInt8]?

    package init(path: [UInt8], kind: Kind, size: UInt64 = 0, checksum: UInt32? = nil, target: [UInt8]? = nil) {
        self.path = path
        self.kind = kind
        self.size = size
        self.checksum = checksum
        self.target = target
    }
}

/// One header, and how many bytes of data follow it.
struct RarBlock: Hashable {
    enum Content: Hashable {
        case main, entry(RarEntry), skipped, end
        /// A symbolic link of RAR4: the data that follows is its target.
        case link(path: [UInt8])
    }

    let content: Content
    let dataBytes: UInt64
}
