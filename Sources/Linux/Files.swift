import CLinux
import Glibc

/// Files by descriptor, and the few that are named by an absolute path of the configuration.
package enum Files {
    // MARK: - By path

    /// Symbolic links are followed: the administrator chose the path.
    package static func openDirectory(atPath path: String) throws(LinuxError) -> Descriptor {
        try open(path, O_RDONLY | O_DIRECTORY)
    }

    package static func openRead(atPath path: String) throws(LinuxError) -> Descriptor {
        try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    }

    /// Opens for reading and writing; an existing file keeps its bytes, or is refused where `exclusive`.
    package static func create(atPath path: String, mode: UInt32, exclusive: Bool) throws(LinuxError) -> Descriptor {
        try open(path, O_RDWR | O_CREAT | O_NOCTTY | (exclusive ? O_EXCL : 0), mode)
    }

    /// An existing directory is fine.
    package static func makeDirectory(atPath path: String, mode: UInt32) throws(LinuxError) {
        do {
            try check("mkdir") { mkdir(path, mode) }
        } catch {
            guard error.isExists, try status(atPath: path).kind == .directory else { throw error }
        }
    }

    package static func removeFile(atPath path: String) throws(LinuxError) {
        try check("unlink") { unlink(path) }
    }

    /// Only an empty one.
    package static func removeDirectory(atPath path: String) throws(LinuxError) {
        try check("rmdir") { rmdir(path) }
    }

    package static func rename(_ path: String, to newPath: String) throws(LinuxError) {
        try check("rename") { Glibc.rename(path, newPath) }
    }

    /// Links are followed.
    package static func status(atPath path: String) throws(LinuxError) -> FileStatus {
        var result = stat()
        try check("stat") { stat(path, &result) }
        return FileStatus(result)
    }

    private static func open(_ path: String, _ flags: Int32, _ mode: UInt32 = 0) throws(LinuxError) -> Descriptor {
        Descriptor(adopting: try check("openat") { lan_openat(AT_FDCWD, path, flags | O_CLOEXEC, mode) })
    }

    // MARK: - Bytes

    /// One pread: fewer bytes than asked for is not the end, 0 is.
    package static func read(
        _ file: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(LinuxError) -> Int {
        guard let start = buffer.baseAddress, !buffer.isEmpty else { return 0 }
        let place = try position(offset, "pread")
        return try check("pread") { pread(file.rawValue, start, buffer.count, place) }
    }

    /// Reads until the buffer is full or the file ends; the count says which.
    package static func readFully(
        _ file: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(LinuxError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try read(file, into: rest, at: offset + UInt64(done))
            if count == 0 { break }
            done += count
        }
        return done
    }

    package static func writeFully(
        _ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(LinuxError) {
        var done = 0
        while done < bytes.count {
            guard let start = bytes.baseAddress else { return }
            let place = try position(offset + UInt64(done), "pwrite")
            let count = try check("pwrite") { pwrite(file.rawValue, start + done, bytes.count - done, place) }
            // POSIX allows 0 without an errno; for a regular file it can only mean that there is no room.
            guard count > 0 else { throw LinuxError(call: "pwrite", code: ENOSPC) }
            done += count
        }
    }

    /// The whole file from its start; nil when it is longer than `limit`.
    package static func readAll(_ file: Descriptor, limit: Int) throws(LinuxError) -> [UInt8]? {
        // Never the announced size alone: a file may grow, and those in /proc announce none.
        var bytes = [UInt8](repeating: 0, count: Int(min(UInt64(limit), try status(file).size)) + 1)
        var count = 0
        while true {
            var rest = bytes.count - count
            if rest == 0 {
                bytes += [UInt8](repeating: 0, count: min(max(bytes.count, 4_096), limit + 1 - bytes.count))
                rest = bytes.count - count
            }
            let more = try readInto(&bytes, count, rest, file)
            if more == 0 { return Array(bytes.prefix(count)) }
            count += more
            if count > limit { return nil }
        }
    }

    private static func readInto(
        _ bytes: inout [UInt8], _ offset: Int, _ count: Int, _ file: Descriptor
    ) throws(LinuxError) -> Int {
        try check("pread") {
            bytes.withUnsafeMutableBytes { all in
                pread(file.rawValue, all.baseAddress.map { $0 + offset }, count, off_t(offset))
            }
        }
    }

    private static func position(_ offset: UInt64, _ call: String) throws(LinuxError) -> off_t {
        guard let place = off_t(exactly: offset) else { throw LinuxError(call: call, code: EOVERFLOW) }
        return place
    }

    // MARK: - Durability and space

    /// After an error the kernel may have dropped the pages: the file is dead and the call is never repeated.
    package static func sync(_ file: Descriptor) throws(LinuxError) {
        try check("fsync") { fsync(file.rawValue) }
    }

    /// Everything on the file system that the descriptor lies on.
    package static func syncFileSystem(_ file: Descriptor) throws(LinuxError) {
        try check("syncfs") { lan_syncfs(file.rawValue) }
    }

    /// Reserves blocks and makes the file that long; where the file system cannot reserve, it is only made that long.
    ///
    /// Memory has no layout to keep together: on tmpfs reserving fills every page before the first byte comes (0.5 s
    /// for 2 GiB), so the file is only made that long there as well.
    package static func allocate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        guard bytes > 0 else { return }
        let length = try position(bytes, "fallocate")
        do throws(LinuxError) {
            guard try !isInMemory(file) else { throw LinuxError(call: "fallocate", code: EOPNOTSUPP) }
            try check("fallocate") { lan_fallocate(file.rawValue, 0, 0, length) }
        } catch {
            guard error.code == EOPNOTSUPP else { throw error }
            if try status(file).size < bytes { try truncate(file, bytes) }
        }
    }

    /// Whether the file lies on tmpfs.
    package static func isInMemory(_ file: Descriptor) throws(LinuxError) -> Bool {
        var result = statfs()
        try check("fstatfs") { fstatfs(file.rawValue, &result) }
        // TMPFS_MAGIC (linux/magic.h).
        return result.f_type == 0x0102_1994
    }

    package static func truncate(_ file: Descriptor, _ bytes: UInt64) throws(LinuxError) {
        let length = try position(bytes, "ftruncate")
        try check("ftruncate") { ftruncate(file.rawValue, length) }
    }

    package static func status(_ file: Descriptor) throws(LinuxError) -> FileStatus {
        var result = stat()
        try check("fstat") { fstat(file.rawValue, &result) }
        return FileStatus(result)
    }

    package static func setMode(_ file: Descriptor, _ mode: UInt32) throws(LinuxError) {
        try check("fchmod") { fchmod(file.rawValue, mode) }
    }

    /// Takes the file's exclusive lock, which lives as long as the descriptor; false when somebody else holds it.
    package static func lock(_ file: Descriptor) throws(LinuxError) -> Bool {
        do {
            try check("flock") { flock(file.rawValue, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            guard error.isAgain else { throw error }
            return false
        }
    }

    /// What a user without privileges may still write.
    package static func freeBytes(_ file: Descriptor) throws(LinuxError) -> UInt64 {
        var result = statvfs()
        try check("fstatvfs") { fstatvfs(file.rawValue, &result) }
        return UInt64(result.f_bavail).multipliedReportingOverflow(by: UInt64(result.f_frsize)).partialValue
    }

    /// Why nothing can be written beneath the directory by this process: its disk is mounted read-only, or the
    /// permissions say so; nil when something can.
    package static func whyReadOnly(_ directory: Descriptor) throws(LinuxError) -> LinuxError? {
        var result = statvfs()
        try check("fstatvfs") { fstatvfs(directory.rawValue, &result) }
        if result.f_flag & UInt(ST_RDONLY) != 0 { return LinuxError(call: "fstatvfs", code: EROFS) }
        guard faccessat(directory.rawValue, ".", W_OK | X_OK, AT_EACCESS) != 0 else { return nil }
        return LinuxError(call: "faccessat", code: errno)
    }

    /// Where the kernel says that the open directory stands now, without links.
    package static func path(of directory: Descriptor) throws(LinuxError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try check("readlink") {
            Int32(readlink("/proc/self/fd/\(directory.rawValue)", &buffer, Int(PATH_MAX)))
        }
        return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Tells the kernel that a file will be read once and in order.
    package static func willReadOnce(_ file: Descriptor) {
        // Only advice: a file system that does not take it is none the worse.
        posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
}
