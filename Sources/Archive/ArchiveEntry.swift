import CArchive

/// One entry as both readers agree on it. The path is not checked here: the daemon trusts no helper.
package struct ArchiveEntry: Hashable, Sendable {
    package enum Kind: Sendable, Hashable { case file, directory, symlink, hardlink }

    package let kind: Kind
    package let path: [UInt8]
    /// Links only.
    package let target: [UInt8]
    /// Files only, in bytes.
    package let size: UInt64
    /// The twelve permission bits as the archive has them.
    package let mode: UInt32

    /// Reads libarchive's view of an entry, which lives until the next header.
    init(_ entry: OpaquePointer, number: Int) throws(ArchiveError) {
        guard archive_entry_is_encrypted(entry) == 0 else { throw .encrypted }
        guard let name = archive_entry_pathname(entry) ?? archive_entry_pathname_utf8(entry) else {
            throw .damaged("the name of entry \(number) is not UTF-8")
        }
        mode = UInt32(archive_entry_perm(entry))
        let declared = archive_entry_size_is_set(entry) == 0 ? nil : archive_entry_size(entry)
        if let link = archive_entry_hardlink(entry) {
            guard declared ?? 0 <= 0 else { throw .unsupported("a hard link with data") }
            kind = .hardlink
            path = ArchiveEntry.plain(ArchiveEntry.bytes(name))
            target = ArchiveEntry.plain(ArchiveEntry.bytes(link))
            size = 0
            return
        }
        // The file type macros of archive_entry.h are casts, which do not import.
        switch archive_entry_filetype(entry) {
        case 0o100000:
            guard let declared, let bytes = UInt64(exactly: declared) else {
                throw .unsupported("an entry that does not say its size")
            }
            kind = .file
            path = ArchiveEntry.plain(ArchiveEntry.bytes(name))
            target = []
            size = bytes
        case 0o040000:
            kind = .directory
            path = ArchiveEntry.plain(ArchiveEntry.bytes(name), isDirectory: true)
            target = []
            size = 0
        case 0o120000:
            guard let link = archive_entry_symlink(entry) ?? archive_entry_symlink_utf8(entry) else {
                throw .damaged("the target of entry \(number) is missing")
            }
            kind = .symlink
            path = ArchiveEntry.plain(ArchiveEntry.bytes(name))
            target = ArchiveEntry.bytes(link)
            size = 0
        default:
            throw .unsupported("an entry that is no file, directory or link")
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
        var length = 0
        while text[length] != 0 { length += 1 }
        return UnsafeBufferPointer(start: text, count: length).map(UInt8.init(bitPattern:))
    }

    /// `tar` writes `./` before names and `/` behind directories, which name nothing; an empty result is the top
    /// itself.
    static func plain(_ path: [UInt8], isDirectory: Bool = false) -> [UInt8] {
        let dot = UInt8(ascii: "."), slash = UInt8(ascii: "/")
        var rest = path[...]
        while rest.starts(with: [dot, slash]) {
            rest = rest.dropFirst(2)
            while rest.first == slash { rest = rest.dropFirst() }
        }
        if isDirectory {
            while rest.last == slash, rest.count > 1 { rest = rest.dropLast() }
            if rest.elementsEqual([dot]) { rest = [] }
        }
        return Array(rest)
    }
}
