import CLinux
import Glibc

package enum FileKind: Sendable, Hashable {
    case regular, directory, symlink, other

    init(mode: UInt32) {
        switch mode & UInt32(Glibc.S_IFMT) {
        case UInt32(Glibc.S_IFREG): self = .regular
        case UInt32(Glibc.S_IFDIR): self = .directory
        case UInt32(Glibc.S_IFLNK): self = .symlink
        default: self = .other
        }
    }
}

/// What `stat` says; the file may be another one by the time it is read.
package struct FileStatus: Sendable, Hashable {
    package let kind: FileKind
    package let size: UInt64
    /// The permission bits alone.
    package let mode: UInt32
    package let device: UInt64
    package let inode: UInt64
    /// Since 1970, cut at the ends of `Int64` (years 1678 and 2262).
    package let modifiedNanoseconds: Int64
    /// Blocks of 512 bytes that are really on the disk.
    package let blocks512: UInt64

    init(_ status: stat) {
        kind = FileKind(mode: status.st_mode)
        size = UInt64(max(0, status.st_size))
        mode = status.st_mode & 0o7777
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        blocks512 = UInt64(max(0, status.st_blocks))
        let seconds = Int64(status.st_mtim.tv_sec)
        let (whole, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, tooFarAgain) = whole.addingReportingOverflow(Int64(status.st_mtim.tv_nsec))
        modifiedNanoseconds = tooFar || tooFarAgain ? (seconds < 0 ? .min : .max) : sum
    }
}
