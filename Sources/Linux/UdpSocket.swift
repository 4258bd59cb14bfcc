import CLinux
import Glibc

/// A non-blocking UDP socket that takes and gives many datagrams in one call; owned by one event loop.
///
/// Per-packet work is what limits us, so the kernel merges (GRO) and cuts (GSO): a message here is a run of datagrams
/// of `segment` bytes each, of which the last may be shorter. IPv6 sockets take no IPv4, which has a socket of its own.
package final class UdpSocket {
    /// One run of datagrams from one sender; the bytes are valid during the call that hands them over.
    package struct Received {
        package let bytes: UnsafeMutableRawBufferPointer
        package let segment: Int
        package let from: SocketAddress
        /// The address of ours that it was sent to; the port is 0.
        package let to: SocketAddress?
    }

    /// What the kernel takes as one cut message: 64 segments, and 65,507 bytes of UDP payload (RFC 768 over IPv4).
    package static let segmentsPerSend = 64
    package static let bytesPerSend = 65_507
    /// 2 MiB: what comes at a gigabit in 17 ms, as long as a busy loop may take for a turn. The sysctl.d file of the
    /// package allows as much.
    package static let wantedBufferBytes = 2 << 20

    package let descriptor: Descriptor
    /// With the port that the kernel chose when 0 was asked for.
    package let address: SocketAddress
    package var port: UInt16 { address.port }
    /// Whether the kernel cuts; it can turn false on a device that cannot.
    package private(set) var hasSegmentation: Bool
    package let hasMerging: Bool
    /// What the kernel gave of the buffers that were asked for, the smaller one of both ways; less only costs speed.
    package let bufferBytes: Int

    private let inbox: UdpInbox

    /// - Parameter buffers: messages per receive call, 64 KiB each; memory is only used once it was written to.
    package init(
        bind address: SocketAddress, buffers: Int = 8, socketBufferBytes: Int = wantedBufferBytes,
        reusePort: Bool = false, merging: Bool = true, segmentation: Bool = true
    ) throws(LinuxError) {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let fd = Descriptor(adopting: try check("socket") { socket(family, type, 0) })
        descriptor = fd
        try Self.setNeeded(fd, isIPv6: address.isIPv6, reusePort: reusePort)
        bufferBytes = Self.growBuffers(fd, to: socketBufferBytes)
        try check("bind") { address.withSockaddr { Glibc.bind(fd.rawValue, $0, $1) } }
        self.address = try Self.boundAddress(fd) ?? address
        hasMerging = merging && Self.set(fd, IPPROTO_UDP, lan_UDP_GRO(), 1)
        // Zero as the socket's own segment size changes nothing and tells whether the kernel knows the option.
        hasSegmentation = segmentation && Self.set(fd, IPPROTO_UDP, lan_UDP_SEGMENT(), 0)
        inbox = UdpInbox(messages: max(1, min(buffers, 16)))
    }

    /// Hands over what has come, at most one call's worth; returns the number of messages, 0 when there is none.
    package func receive(_ body: (Received) -> Void) throws(LinuxError) -> Int {
        try inbox.receive(descriptor, body)
    }

    /// Sends a run of datagrams; returns how many bytes went, always whole datagrams. Fewer than given: the socket is
    /// full, wait until it is writable.
    ///
    /// - Parameter source: the address of ours that it leaves from; where a host has several, the one that was asked.
    /// - Throws: EMSGSIZE when a datagram is larger than the path takes.
    package func send(
        _ bytes: UnsafeRawBufferPointer, segment: Int, to target: SocketAddress, from source: SocketAddress? = nil
    ) throws(LinuxError) -> Int {
        precondition(segment > 0, "a datagram has bytes")
        var sent = 0
        while sent < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            let count: Int
            do {
                count = try sendSome(rest, segment, target, source)
            } catch {
                if error.isAgain || error.code == ENOBUFS { return sent }
                // A segment larger than the path is EINVAL before Linux 6.11 and EMSGSIZE since.
                if error.code == EINVAL, hasSegmentation, rest.count > segment {
                    throw LinuxError(call: error.call, code: EMSGSIZE)
                }
                // The device cannot compute checksums, so the kernel refuses to cut (udp(7), UDP_SEGMENT).
                guard error.code == EIO, hasSegmentation, rest.count > segment else { throw error }
                hasSegmentation = false
                continue
            }
            sent += count
        }
        return sent
    }

    private func sendSome(
        _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ target: SocketAddress, _ source: SocketAddress?
    ) throws(LinuxError) -> Int {
        if bytes.count > segment && !hasSegmentation {
            return try UdpOutbox.sendMany(descriptor, bytes, segment, target, source)
        }
        let whole = min(Self.segmentsPerSend, Self.bytesPerSend / segment) * segment
        let count = bytes.count <= segment ? bytes.count : min(bytes.count, max(segment, whole))
        let run = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        return try UdpOutbox.sendOne(descriptor, run, segment, target, source)
    }

    // MARK: - Options

    private static func setNeeded(_ fd: Descriptor, isIPv6: Bool, reusePort: Bool) throws(LinuxError) {
        var wanted: [(level: Int32, name: Int32, value: Int32)] = []
        if isIPv6 {
            wanted.append((Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1))
            wanted.append((Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO))
            wanted.append((Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1))
        } else {
            // QUIC forbids fragments (RFC 9000, 14); the path's size is found by probes.
            wanted.append((Int32(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_DO))
            wanted.append((Int32(IPPROTO_IP), IP_PKTINFO, 1))
        }
        if reusePort { wanted.append((SOL_SOCKET, SO_REUSEPORT, 1)) }
        for option in wanted {
            guard set(fd, Int(option.level), option.name, option.value) else { throw LinuxError("setsockopt") }
        }
    }

    /// With privileges beyond the system's limit, else up to it. Returns how far that was.
    private static func growBuffers(_ fd: Descriptor, to bytes: Int) -> Int {
        let value = Int32(clamping: bytes)
        for (forced, plain) in [(SO_RCVBUFFORCE, SO_RCVBUF), (SO_SNDBUFFORCE, SO_SNDBUF)]
        where !set(fd, Int(SOL_SOCKET), forced, value) {
            set(fd, Int(SOL_SOCKET), plain, value)
        }
        // The kernel doubles what it is told, for its own bookkeeping (socket(7)).
        return min(get(fd, SO_RCVBUF), get(fd, SO_SNDBUF)) / 2
    }

    private static func get(_ fd: Descriptor, _ name: Int32) -> Int {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(fd.rawValue, SOL_SOCKET, name, &value, &length) == 0 ? Int(value) : 0
    }

    @discardableResult
    private static func set(_ fd: Descriptor, _ level: Int, _ name: Int32, _ value: Int32) -> Bool {
        var copy = value
        return setsockopt(fd.rawValue, Int32(level), name, &copy, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    private static func boundAddress(_ fd: Descriptor) throws(LinuxError) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try check("getsockname") {
            withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd.rawValue, $0, &length) }
            }
        }
        return SocketAddress(storage, length: length)
    }
}
