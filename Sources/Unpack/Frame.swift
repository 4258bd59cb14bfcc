/// What an archive entry becomes on disk; the one-byte number is the frame's.
package enum EntryKind: UInt8, Sendable, Hashable {
    case file = 1
    case directory = 2
    case symlink = 3
    case hardlink = 4
}

/// The beginning of one entry. Everything in it comes from the helper and is checked by whoever makes files of it.
package struct EntryHeader: Hashable, Sendable {
    package let kind: EntryKind
    package let path: [UInt8]
    /// Links only: for a symbolic link its text, for a hard link the path of an entry before it.
    package let target: [UInt8]
    /// Files only: so many bytes of data follow.
    package let size: UInt64
    package let mode: UInt32

    package init(kind: EntryKind, path: [UInt8], target: [UInt8] = [], size: UInt64 = 0, mode: UInt32 = 0o644) {
        self.kind = kind
        self.path = path
        self.target = target
        self.size = size
        self.mode = mode
    }
}

/// One message of the helper.
package enum Frame: Hashable, Sendable {
    case entry(EntryHeader)
    /// Where the bytes lie in the decoder's buffer; see `FrameDecoder.withData`.
    case data(Range<Int>)
    case entryEnd(checksum: UInt32)
    /// So many bytes of the archive were read.
    case progress(consumed: UInt64)
    case archiveEnd(entries: UInt64, bytes: UInt64)
    /// The archive is refused: one clause for people. Nothing follows.
    case refusal(String)
}

/// Why the helper's bytes are not what a helper says.
package enum FrameFault: Error, Hashable, Sendable {
    case unknownKind(UInt8)
    case tooLong(Int)
    case malformed
    /// A frame that may not come at this place.
    case misplaced
    case wrongSize
    case wrongChecksum
    case wrongTotals
    case endMissing

    package var reason: String {
        switch self {
        case .unknownKind(let kind): "it sent a frame of unknown kind \(kind)"
        case .tooLong(let bytes): "it sent a frame of \(bytes) bytes"
        case .malformed: "it sent a malformed frame"
        case .misplaced: "it sent a frame out of order"
        case .wrongSize: "it sent another number of bytes than it announced"
        case .wrongChecksum: "its checksum does not match the bytes that arrived"
        case .wrongTotals: "its totals do not match what arrived"
        case .endMissing: "it ended without an end mark"
        }
    }
}
