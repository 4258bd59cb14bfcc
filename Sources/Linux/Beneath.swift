import CLinux
import Glibc

/// The file system beneath a directory descriptor, and nothing else.
///
/// The kernel refuses every path that would leave the directory or go through a symbolic link, also when somebody
/// changes the tree at the same time. Calls that have no such form open the parent in that way and use one component
/// beneath it.
package enum Beneath {
    // MARK: - Opening

    /// The path "" or "." is the directory itself, as a new open file.
    package static func openDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) -> Descriptor {
        try open(directory, path.isEmpty ? [UInt8(ascii: ".")] : path, flags: O_RDONLY | O_DIRECTORY)
    }

    /// Does not wait for the other end of a FIFO; whether the file is a regular one is for the caller to ask.
    package static func openRead(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) -> Descriptor {
        try open(directory, path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
    }

    /// Opens an existing file for reading and writing.
    package static func openWrite(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) -> Descriptor {
        try open(directory, path, flags: O_RDWR | O_NONBLOCK | O_NOCTTY)
    }

    /// Opens for reading and writing; an existing file keeps its bytes, or is refused where `exclusive`.
    package static func create(
        _ directory: Descriptor, _ path: [UInt8], mode: UInt32, exclusive: Bool
    ) throws(LinuxError) -> Descriptor {
        let flags = O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | (exclusive ? O_EXCL : 0)
        return try open(directory, path, flags: flags, mode: mode)
    }

    private static func open(
        _ directory: Descriptor, _ path: [UInt8], flags: Int32, mode: UInt32 = 0
    ) throws(LinuxError) -> Descriptor {
        try openRaw(directory, path, flags: UInt64(flags), mode: UInt64(mode))
    }

    private static func openRaw(
        _ directory: Descriptor, _ path: [UInt8], flags: UInt64, mode: UInt64
    ) throws(LinuxError) -> Descriptor {
        let name = try terminated(path, "openat2")
        if StepwiseOpen.isNeeded { return try StepwiseOpen.open(directory, path, flags: flags, mode: mode) }
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
        // The kernel answers EAGAIN when a rename anywhere ran beside the walk; four tries are far more than it needs.
        var triesLeft = 4
        while true {
            do {
                let fd = try check("openat2") {
                    lan_openat2(directory.rawValue, name, flags | UInt64(O_CLOEXEC), mode, resolve)
                }
                return Descriptor(adopting: fd)
            } catch {
                if error.code == ENOSYS {
                    StepwiseOpen.isNeeded = true
                    return try StepwiseOpen.open(directory, path, flags: flags, mode: mode)
                }
                triesLeft -= 1
                guard error.isAgain, triesLeft > 0 else { throw error }
            }
        }
    }

    // MARK: - Changing

    package static func makeDirectory(
        _ directory: Descriptor, _ path: [UInt8], mode: UInt32 = 0o755
    ) throws(LinuxError) {
        let place = try Place(directory, path, "mkdirat")
        try check("mkdirat") { mkdirat(place.parent.rawValue, place.name, mode) }
    }

    package static func removeFile(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        let place = try Place(directory, path, "unlinkat")
        try check("unlinkat") { unlinkat(place.parent.rawValue, place.name, 0) }
    }

    /// Only an empty one.
    package static func removeDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        let place = try Place(directory, path, "unlinkat")
        try check("unlinkat") { unlinkat(place.parent.rawValue, place.name, AT_REMOVEDIR) }
    }

    /// Replaces what stands at the new place, unless `replacing` is false.
    package static func rename(
        from source: Descriptor, _ path: [UInt8], to target: Descriptor, _ newPath: [UInt8], replacing: Bool = true
    ) throws(LinuxError) {
        let old = try Place(source, path, "renameat2")
        let new = try Place(target, newPath, "renameat2")
        let flags = replacing ? 0 : lan_RENAME_NOREPLACE()
        try check("renameat2") {
            lan_renameat2(old.parent.rawValue, old.name, new.parent.rawValue, new.name, flags)
        }
    }

    /// Both paths exist before and after; there is no moment without either. Some file systems do not know it.
    package static func exchange(_ directory: Descriptor, _ a: [UInt8], _ b: [UInt8]) throws(LinuxError) {
        let first = try Place(directory, a, "renameat2")
        let second = try Place(directory, b, "renameat2")
        try check("renameat2") {
            lan_renameat2(
                first.parent.rawValue, first.name, second.parent.rawValue, second.name, lan_RENAME_EXCHANGE())
        }
    }

    /// The target is written as it is and never followed from here.
    package static func symlink(target: [UInt8], _ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        let text = try terminated(target, "symlinkat")
        let place = try Place(directory, path, "symlinkat")
        try check("symlinkat") { symlinkat(text, place.parent.rawValue, place.name) }
    }

    package static func setMode(_ directory: Descriptor, _ path: [UInt8], mode: UInt32) throws(LinuxError) {
        let file = try openRead(directory, path)
        try check("fchmod") { fchmod(file.rawValue, mode) }
    }

    // MARK: - Asking

    /// Of a link: of the link itself.
    package static func status(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) -> FileStatus {
        if path.isEmpty || path == [UInt8(ascii: ".")] { return try Files.status(directory) }
        let place = try Place(directory, path, "fstatat")
        return try status(place.parent.rawValue, place.name)
    }

    package static func linkTarget(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) -> [UInt8] {
        let place = try Place(directory, path, "readlinkat")
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try check("readlinkat") {
            readlinkat(place.parent.rawValue, place.name, &buffer, buffer.count)
        }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// In the order of the file system, without "." and "..".
    package static func list(_ directory: Descriptor) throws(LinuxError) -> [(name: [UInt8], kind: FileKind)] {
        // A stream of its own, so that its position is not shared with other users of the descriptor.
        let fresh = try check("openat") {
            lan_openat(directory.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        guard let stream = fdopendir(fresh) else {
            let error = LinuxError("fdopendir")
            close(fresh)
            throw error
        }
        defer { closedir(stream) }
        var entries: [(name: [UInt8], kind: FileKind)] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw LinuxError("readdir") }
                return entries
            }
            guard let pointer = lan_dirent_name(entry) else { continue }
            let name = UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)).map { $0 }
            if name == [46] || name == [46, 46] { continue }
            if let kind = try kind(of: lan_dirent_type(entry), pointer, in: fresh) { entries.append((name, kind)) }
        }
    }

    /// Nil when the entry vanished while it was looked at.
    private static func kind(
        of type: Int32, _ name: UnsafePointer<CChar>, in directory: Int32
    ) throws(LinuxError) -> FileKind? {
        switch Int(type) {
        case Int(DT_REG): return .regular
        case Int(DT_DIR): return .directory
        case Int(DT_LNK): return .symlink
        case Int(DT_UNKNOWN):
            do {
                return try status(directory, Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))).kind
            } catch {
                guard error.isNoEntry else { throw error }
                return nil
            }
        default: return .other
        }
    }

    private static func status(_ directory: Int32, _ name: [CChar]) throws(LinuxError) -> FileStatus {
        var status = stat()
        try check("fstatat") { fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }
        return FileStatus(status)
    }

    // MARK: - Paths

    /// The last component and the opened directory that it stands in.
    private struct Place {
        let parent: Descriptor
        let name: [CChar]

        init(_ directory: Descriptor, _ path: [UInt8], _ call: String) throws(LinuxError) {
            let slash = path.lastIndex(of: UInt8(ascii: "/"))
            let last = slash.map { Array(path[($0 + 1)...]) } ?? path
            guard !last.isEmpty, last != [46], last != [46, 46] else { throw LinuxError(call: call, code: EINVAL) }
            name = try terminated(last, call)
            if let slash {
                let flags = lan_O_PATH() | UInt64(O_DIRECTORY)
                parent = try openRaw(directory, Array(path[..<slash]), flags: flags, mode: 0)
            } else {
                parent = directory
            }
        }
    }

    private static func terminated(_ path: [UInt8], _ call: String) throws(LinuxError) -> [CChar] {
        guard !path.isEmpty else { throw LinuxError(call: call, code: ENOENT) }
        guard !path.contains(0) else { throw LinuxError(call: call, code: EINVAL) }
        return path.map { CChar(bitPattern: $0) } + [0]
    }
}
