/// Why an archive is refused. Whoever asked gets one sentence; none of these is worth a second try.
package enum ArchiveError: Error, Hashable, Sendable {
    /// A header, a length or a checksum of its own contradicts it.
    case damaged(String)
    /// It ends before its end block, or has none.
    case endsEarly
    case bytesAfterEnd
    case encrypted
    case volumes
    /// The RAR5 reader of libarchive stops at 64 MiB; the payload is what the archive asks for, in bytes.
    case dictionary(UInt64)
    case unsupported(String)
    /// libarchive listed something else than our own header reader.
    case readersDisagree(entry: Int, String)
    case wrongSize(entry: Int, declared: UInt64, found: UInt64)
    case wrongChecksum(entry: Int)
    case tooManyEntries, tooManyBytes
    /// libarchive's own word, with the code that it came with.
    case library(ArchiveStatus, String)
    case readFailed(code: Int32)

    /// One clause about "the package", without a full stop.
    package var reason: String {
        switch self {
        case .damaged(let what): "it is damaged: \(what)"
        case .endsEarly: "it ends before its end mark"
        case .bytesAfterEnd: "bytes follow its end mark"
        case .encrypted: "it is encrypted, and lanspread knows no passwords"
        case .volumes: "it is one volume of several"
        case .dictionary(let bytes):
            "it needs a dictionary of \(bytes >> 20) MiB and the built-in unpacker stops at"
                + " \(RarScanner.dictionaryLimit >> 20) MiB; install unrar or unar"
        case .unsupported(let what): "it holds \(what), which lanspread does not unpack"
        case .readersDisagree(let entry, let what):
            "two readers disagree about \(what) of entry \(entry)"
        case .wrongSize(let entry, let declared, let found):
            "entry \(entry) declares \(declared) bytes and holds \(found)"
        case .wrongChecksum(let entry): "the checksum of entry \(entry) does not match its bytes"
        case .tooManyEntries: "it holds more entries than lanspread unpacks"
        case .tooManyBytes: "it unpacks to more bytes than lanspread allows"
        case .library(let status, let text):
            text.isEmpty ? "the unpacker gave up (\(status.rawValue))" : "it is damaged: \(text)"
        case .readFailed(let code): "reading it failed (error \(code))"
        }
    }
}

/// libarchive's six return codes; each is another thing (archive.h, "error codes").
package enum ArchiveStatus: String, Sendable, Hashable {
    case ok, eof, retry, warn, failed, fatal

    /// A code that archive.h does not name counts as fatal: nothing is known about the handle any more.
    init(_ code: Int32) {
        switch code {
        case 0: self = .ok
        case 1: self = .eof
        case -10: self = .retry
        case -20: self = .warn
        case -25: self = .failed
        default: self = .fatal
        }
    }
}
