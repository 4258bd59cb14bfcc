import CLinux
import Glibc

/// An open file descriptor; it is closed when the last reference goes.
///
/// A number alone can be closed twice and reused by another file in between; whoever holds a `Descriptor` holds it
/// open.
package final class Descriptor: Sendable {
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(adopting rawValue: Int32) {
        precondition(rawValue >= 0, "a descriptor is not negative")
        self.rawValue = rawValue
    }

    deinit {
        // The result is without use: on Linux the number is free even when close fails.
        close(rawValue)
    }

    /// A second descriptor of the same open file, close-on-exec, with a number of at least `minimum`.
    package func duplicate(minimum: Int32 = 0) throws(LinuxError) -> Descriptor {
        Descriptor(adopting: try check("fcntl") { lan_fcntl(rawValue, F_DUPFD_CLOEXEC, minimum) })
    }

    /// Whether calls answer EAGAIN instead of waiting; the flag belongs to the open file, not to this descriptor.
    package func setNonblocking(_ on: Bool) throws(LinuxError) {
        let flags = try check("fcntl") { lan_fcntl(rawValue, F_GETFL, 0) }
        let wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        try check("fcntl") { lan_fcntl(rawValue, F_SETFL, wanted) }
    }

    /// Both ends of a pipe, close-on-exec and waiting.
    package static func pipe() throws(LinuxError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        try check("pipe2") { lan_pipe2(&ends, O_CLOEXEC) }
        return (Descriptor(adopting: ends[0]), Descriptor(adopting: ends[1]))
    }

    /// One `read` of a pipe or an event descriptor: 0 at its end, nil when it would wait.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(LinuxError) -> Int? {
        guard let start = buffer.baseAddress else { return 0 }
        return try attempt("read") { Glibc.read(rawValue, start, buffer.count) }
    }

    /// One `write` to a pipe or an event descriptor: nil when it would wait.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(LinuxError) -> Int? {
        guard let start = bytes.baseAddress else { return 0 }
        return try attempt("write") { Glibc.write(rawValue, start, bytes.count) }
    }
}
