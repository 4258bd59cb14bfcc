import CLinux
import Glibc

/// Signals as something to read: they are blocked for the whole process and arrive one by one.
package final class SignalDescriptor: Sendable {
    package let descriptor: Descriptor

    /// Call it in the first thread before any other exists: threads inherit the mask, and a signal goes to any thread
    /// that does not block it.
    package init(_ numbers: [Int32]) throws(LinuxError) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        let code = pthread_sigmask(SIG_BLOCK, &set, nil)
        if code != 0 { throw LinuxError(call: "pthread_sigmask", code: code) }
        let fd = try check("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)) }
        descriptor = Descriptor(adopting: fd)
    }

    /// The next signal that has come, nil when none has.
    package func next() throws(LinuxError) -> Int32? {
        var info = signalfd_siginfo()
        let count = try withUnsafeMutableBytes(of: &info) { bytes throws(LinuxError) in
            try descriptor.read(into: bytes)
        }
        guard let count, count == MemoryLayout<signalfd_siginfo>.size else { return nil }
        return Int32(info.ssi_signo)
    }

    /// A peer or client that went away must be an EPIPE, not the end of the daemon.
    package static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}
