import CLinux
import Glibc

/// Stream sockets in the file system.
package enum UnixSocket {
    package struct Credentials: Hashable, Sendable {
        package let pid: Int32
        package let uid: UInt32
        package let gid: UInt32
    }

    /// Listens without waiting in `accept`. A socket file that nobody answers is left over and replaced; a living one
    /// is EADDRINUSE.
    package static func listen(path: String, mode: UInt32, backlog: Int32 = 64) throws(LinuxError) -> Descriptor {
        let socket = try open(nonblocking: true)
        do {
            try bind(socket, path)
        } catch {
            guard error.isAddressInUse else { throw error }
            try removeDead(path)
            try bind(socket, path)
        }
        // Between bind and listen nobody can connect, so the mode holds from the first connection on.
        try check("chmod") { chmod(path, mode) }
        try check("listen") { Glibc.listen(socket.rawValue, backlog) }
        return socket
    }

    /// Waits only as long as the listener's backlog is full.
    package static func connect(path: String, nonblocking: Bool = false) throws(LinuxError) -> Descriptor {
        let socket = try open(nonblocking: false)
        let address = try Address(path)
        try check("connect") { address.with { Glibc.connect(socket.rawValue, $0, $1) } }
        if nonblocking { try socket.setNonblocking(true) }
        return socket
    }

    /// The next client, non-blocking; nil when there is none.
    package static func accept(_ listener: Descriptor) throws(LinuxError) -> Descriptor? {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        do {
            return try attempt("accept4") { lan_accept4(listener.rawValue, flags) }.map { Descriptor(adopting: $0) }
        } catch {
            // It came and went before we looked.
            guard error.code == ECONNABORTED else { throw error }
            return nil
        }
    }

    /// Two connected sockets, non-blocking.
    package static func pair() throws(LinuxError) -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try check("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
        return (Descriptor(adopting: ends[0]), Descriptor(adopting: ends[1]))
    }

    /// Who connected, as the kernel saw it at that moment.
    package static func peerCredentials(_ socket: Descriptor) throws(LinuxError) -> Credentials {
        var answer = ucred()
        var length = socklen_t(MemoryLayout<ucred>.size)
        try check("getsockopt") { getsockopt(socket.rawValue, SOL_SOCKET, SO_PEERCRED, &answer, &length) }
        return Credentials(pid: answer.pid, uid: answer.uid, gid: answer.gid)
    }

    // MARK: - Bytes

    /// 0 at the end of the stream, nil when a non-blocking socket has nothing.
    package static func receive(
        _ socket: Descriptor, into buffer: UnsafeMutableRawBufferPointer
    ) throws(LinuxError) -> Int? {
        try attempt("recv") { recv(socket.rawValue, buffer.baseAddress, buffer.count, 0) }
    }

    /// How many bytes went; nil when a non-blocking socket takes none now.
    package static func send(_ socket: Descriptor, _ bytes: UnsafeRawBufferPointer) throws(LinuxError) -> Int? {
        try attempt("send") {
            Glibc.send(socket.rawValue, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// For a socket that waits; EAGAIN means that its send limit has passed.
    package static func sendFully(_ socket: Descriptor, _ bytes: UnsafeRawBufferPointer) throws(LinuxError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            guard let count = try send(socket, rest) else { throw LinuxError(call: "send", code: EAGAIN) }
            done += count
        }
    }

    /// How long a waiting socket waits in one call; nil: for ever.
    package static func setLimits(
        _ socket: Descriptor, receive: Duration?, send: Duration?
    ) throws(LinuxError) {
        for (option, limit) in [(SO_RCVTIMEO, receive), (SO_SNDTIMEO, send)] {
            let (seconds, attoseconds) = (limit ?? .zero).components
            var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
            let length = socklen_t(MemoryLayout<timeval>.size)
            try check("setsockopt") { setsockopt(socket.rawValue, SOL_SOCKET, option, &time, length) }
        }
    }

    /// Sends no more; the other end reads the end of the stream.
    package static func shutdownWriting(_ socket: Descriptor) throws(LinuxError) {
        try check("shutdown") { shutdown(socket.rawValue, Int32(SHUT_WR)) }
    }

    // MARK: - Opening

    private static func open(nonblocking: Bool) throws(LinuxError) -> Descriptor {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (nonblocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        let fd = try check("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0) }
        return Descriptor(adopting: fd)
    }

    private static func bind(_ socket: Descriptor, _ path: String) throws(LinuxError) {
        let address = try Address(path)
        try check("bind") { address.with { Glibc.bind(socket.rawValue, $0, $1) } }
    }

    private static func removeDead(_ path: String) throws(LinuxError) {
        var status = stat()
        // Any other file refuses connections too: a path given by mistake must not cost somebody a file.
        guard lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFSOCK else {
            throw LinuxError(call: "bind", code: ENOTSOCK)
        }
        do {
            _ = try connect(path: path)
        } catch {
            if error.isNoEntry { return }
            guard error.isRefused else { throw error }
            try check("unlink") { unlink(path) }
            return
        }
        throw LinuxError(call: "bind", code: EADDRINUSE)
    }

    private struct Address {
        private var raw = sockaddr_un()

        init(_ path: String) throws(LinuxError) {
            raw.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            let isTaken = withUnsafeMutableBytes(of: &raw.sun_path) { place in
                // One byte stays for the NUL.
                guard bytes.count < place.count, !bytes.isEmpty, !bytes.contains(0) else { return false }
                place.copyBytes(from: bytes)
                return true
            }
            guard isTaken else { throw LinuxError(call: "bind", code: ENAMETOOLONG) }
        }

        func with<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
            withUnsafePointer(to: raw) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
