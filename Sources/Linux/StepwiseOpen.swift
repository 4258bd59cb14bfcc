import CLinux
import Glibc
import Synchronization

/// What openat2 does with a path, one component at a time.
///
/// systemd's `RestrictSUIDSGID=` refuses openat2 with ENOSYS, since its filter cannot see a mode that stands in
/// memory, so this is the way within the unit. The promise is the same: every component is opened beneath the one
/// before, ".." is refused, and no link is followed. It costs two more calls for each component but the last.
package enum StepwiseOpen {
    /// Whether openat2 was refused once; it then always will be, since a filter cannot be taken off.
    private static let isNeededFlag = Atomic(false)

    static var isNeeded: Bool {
        get { isNeededFlag.load(ordering: .relaxed) }
        set { isNeededFlag.store(newValue, ordering: .relaxed) }
    }

    /// - Parameter flags: as open(2) takes them, without O_CLOEXEC and O_NOFOLLOW, which are always set.
    package static func open(
        _ directory: Descriptor, _ path: [UInt8], flags: UInt64, mode: UInt64
    ) throws(LinuxError) -> Descriptor {
        guard path.first != UInt8(ascii: "/") else { throw LinuxError(call: "openat", code: EXDEV) }
        let components = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var place = directory
        for (index, component) in components.enumerated() {
            guard !component.isEmpty else { throw LinuxError(call: "openat", code: EINVAL) }
            // A name that climbs is refused even where it would come back: openat2 alone can see that it does.
            guard !component.elementsEqual([46, 46]) else { throw LinuxError(call: "openat", code: EXDEV) }
            let name = component.map { CChar(bitPattern: $0) } + [0]
            let isLast = index == components.count - 1
            let wanted = isLast ? flags : lan_O_PATH() | UInt64(O_DIRECTORY)
            place = try step(place, name, wanted, isLast ? mode : 0)
        }
        return place
    }

    private static func step(
        _ place: Descriptor, _ name: [CChar], _ flags: UInt64, _ mode: UInt64
    ) throws(LinuxError) -> Descriptor {
        let flags = Int32(truncatingIfNeeded: flags | UInt64(O_CLOEXEC | O_NOFOLLOW))
        do {
            let fd = try check("openat") { lan_openat(place.rawValue, name, flags, UInt32(truncatingIfNeeded: mode)) }
            return Descriptor(adopting: fd)
        } catch {
            // Of a link that should be a directory openat says only that it is none; openat2 says ELOOP.
            guard error.code == ENOTDIR else { throw error }
            var status = stat()
            guard fstatat(place.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFLNK
            else { throw error }
            throw LinuxError(call: "openat", code: ELOOP)
        }
    }
}
