import CLinux
import Glibc

extension Descriptor {
    /// Moves the position that every holder of the open file shares; a pipe has none (ESPIPE).
    package func seek(_ offset: Int64, whence: Int32 = SEEK_SET) throws(LinuxError) -> Int64 {
        Int64(try check("lseek") { lseek(rawValue, off_t(offset), whence) })
    }

    /// Waits until there is something to read, or the other end has closed.
    ///
    /// - Returns: false when the time was over first.
    package func waitReadable(milliseconds: Int32) throws(LinuxError) -> Bool {
        var wanted = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return try check("poll") { poll(&wanted, 1, milliseconds) } > 0
    }

    /// Asks for a pipe of so many bytes. Only a wish: the administrator may have set a lower bound, and the pipe works
    /// with any size.
    package func wishPipeBytes(_ bytes: Int32) {
        // F_SETPIPE_SZ of linux/fcntl.h, an extension that Glibc's module hides.
        _ = lan_fcntl(rawValue, 1_031, bytes)
    }
}
