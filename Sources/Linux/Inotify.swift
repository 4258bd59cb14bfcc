import CLinux
import Glibc

/// Tells what happens to the names in directories; not in those below them. Never waits.
package final class Inotify: Sendable {
    package struct Event: Sendable, Hashable {
        package enum Kind: Sendable, Hashable {
            /// The name came, went, or its bytes were written and closed.
            case changed
            /// The directory itself was moved or removed, or its disk was unmounted.
            case gone
            /// The kernel forgot the watch; it says nothing more.
            case ended
            /// The kernel dropped events of any watch: everything has to be looked at.
            case overflow
        }

        package let watch: Int32
        package let kind: Kind
        package let name: [UInt8]
    }

    /// Readable while there are events.
    package let descriptor: Descriptor

    private static let headerBytes = 16
    /// Some hundred events at once; the kernel keeps the rest.
    private static let bufferBytes = 16 << 10

    package init() throws(LinuxError) {
        let flags = Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)
        descriptor = Descriptor(adopting: try check("inotify_init1") { inotify_init1(flags) })
    }

    /// Returns the number that the events bear; a directory that is watched already keeps the one that it has.
    package func watch(_ directory: Descriptor) throws(LinuxError) -> Int32 {
        try watch(path: "/proc/self/fd/\(directory.rawValue)")
    }

    /// Links are followed: the administrator chose the path.
    package func watch(path: String) throws(LinuxError) -> Int32 {
        let mask =
            IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF
            | Int32(IN_ONLYDIR) | Int32(IN_EXCL_UNLINK)
        return try check("inotify_add_watch") { inotify_add_watch(descriptor.rawValue, path, UInt32(bitPattern: mask)) }
    }

    /// Says nothing more of it; that it was forgotten already is fine.
    package func unwatch(_ watch: Int32) {
        // EINVAL: the kernel ended the watch itself.
        _ = inotify_rm_watch(descriptor.rawValue, watch)
    }

    /// What has happened since the last call, at most a buffer full; empty when there is nothing.
    package func read() throws(LinuxError) -> [Event] {
        var buffer = [UInt8](repeating: 0, count: Inotify.bufferBytes)
        let result = buffer.withUnsafeMutableBytes { bytes in
            Result { () throws(LinuxError) in try descriptor.read(into: bytes) }
        }
        guard let count = try result.get() else { return [] }
        var events: [Event] = []
        var position = 0
        while position + Inotify.headerBytes <= count {
            let header = buffer[position..<position + Inotify.headerBytes].withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(as: Int32.self), bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                    bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
                )
            }
            position += Inotify.headerBytes
            let end = min(count, position + Int(header.2))
            // Filled up with zeros so that the next header stands right.
            let name = Array(buffer[position..<end].prefix { $0 != 0 })
            events.append(Event(watch: header.0, kind: Inotify.kind(header.1), name: name))
            position = end
        }
        return events
    }

    private static func kind(_ mask: UInt32) -> Event.Kind {
        let bits = Int32(bitPattern: mask)
        if bits & IN_Q_OVERFLOW != 0 { return .overflow }
        if bits & IN_IGNORED != 0 { return .ended }
        if bits & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) != 0 { return .gone }
        return .changed
    }
}
