import CLinux
import Glibc

/// The three descriptors that a process is born with; they are never closed by us.
package enum StandardStream {
    /// In one call, so that lines of several threads do not mix; what cannot be written is lost.
    package static func writeError(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    /// All of it, unless the reader went away.
    package static func writeOutput(_ text: String) {
        write(text, to: STDOUT_FILENO)
    }

    package static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    package static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    package static var isInputTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Nil when it is closed.
    package static var errorStatus: FileStatus? {
        var status = stat()
        return fstat(STDERR_FILENO, &status) == 0 ? FileStatus(status) : nil
    }

    private static func write(_ text: String, to fd: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = Glibc.write(fd, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return }
                done += count
            }
        }
    }
}
