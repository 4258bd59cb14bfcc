import CLinux
import Glibc

/// The memory of `recvmmsg`: buffers, addresses and control bytes, laid out once and pointed to for ever.
final class UdpInbox {
    /// The largest message that GRO makes.
    private static let bufferBytes = 64 << 10
    /// The segment size and one packet info of IPv6 take 24 and 40 bytes.
    private static let controlBytes = 128

    private let count: Int
    private let messages: UnsafeMutablePointer<mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>
    private let senders: UnsafeMutablePointer<sockaddr_storage>
    private let buffers: UnsafeMutableRawPointer
    private let controls: UnsafeMutableRawPointer

    init(messages count: Int) {
        self.count = count
        messages = .allocate(capacity: count)
        vectors = .allocate(capacity: count)
        senders = .allocate(capacity: count)
        buffers = .allocate(byteCount: count * Self.bufferBytes, alignment: 4_096)
        controls = .allocate(byteCount: count * Self.controlBytes, alignment: 16)
        senders.initialize(repeating: sockaddr_storage(), count: count)
        for index in 0..<count {
            vectors[index] = iovec(iov_base: buffers + index * Self.bufferBytes, iov_len: Self.bufferBytes)
            var message = mmsghdr()
            message.msg_hdr.msg_name = UnsafeMutableRawPointer(senders + index)
            message.msg_hdr.msg_iov = vectors + index
            message.msg_hdr.msg_iovlen = 1
            message.msg_hdr.msg_control = controls + index * Self.controlBytes
            messages[index] = message
        }
    }

    deinit {
        messages.deallocate()
        vectors.deallocate()
        senders.deallocate()
        buffers.deallocate()
        controls.deallocate()
    }

    func receive(_ socket: Descriptor, _ body: (UdpSocket.Received) -> Void) throws(LinuxError) -> Int {
        for index in 0..<count {
            // The kernel leaves its own lengths behind.
            messages[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
            messages[index].msg_hdr.msg_controllen = Self.controlBytes
        }
        let got = Int(try attempt("recvmmsg") { lan_recvmmsg(socket.rawValue, messages, UInt32(count)) } ?? 0)
        for index in 0..<got {
            let header = messages[index].msg_hdr
            let bytes = UnsafeMutableRawBufferPointer(
                start: buffers + index * Self.bufferBytes, count: Int(messages[index].msg_len))
            guard let from = SocketAddress(senders[index], length: header.msg_namelen) else { continue }
            var segment = bytes.count
            var to: SocketAddress?
            ControlBytes.each(header) { level, type, data in
                if level == Int32(IPPROTO_UDP), type == lan_UDP_GRO(), data.count >= 4 {
                    let merged = Int(data.loadUnaligned(as: Int32.self))
                    if merged > 0 { segment = merged }
                } else if level == Int32(IPPROTO_IP), type == IP_PKTINFO, data.count >= MemoryLayout<in_pktinfo>.size {
                    to = SocketAddress(ipv4: data.loadUnaligned(as: in_pktinfo.self).ipi_addr)
                } else if level == Int32(IPPROTO_IPV6), type == IPV6_PKTINFO,
                    data.count >= MemoryLayout<in6_pktinfo>.size
                {
                    let info = data.loadUnaligned(as: in6_pktinfo.self)
                    to = SocketAddress(ipv6: info.ipi6_addr, scope: info.ipi6_ifindex)
                }
            }
            body(UdpSocket.Received(bytes: bytes, segment: segment, from: from, to: to))
        }
        return got
    }
}

/// Sending, in one cut message or in many.
enum UdpOutbox {
    static func sendOne(
        _ socket: Descriptor, _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ target: SocketAddress,
        _ source: SocketAddress?
    ) throws(LinuxError) -> Int {
        var control = ControlBytes()
        control.addSource(source)
        if bytes.count > segment {
            control.add(Int32(IPPROTO_UDP), lan_UDP_SEGMENT(), UInt16(clamping: segment))
        }
        return try check("sendmsg") {
            control.with { controlStart, controlCount in
                target.withSockaddr { name, nameLength in
                    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                    var vector = iovec(iov_base: start, iov_len: bytes.count)
                    return withUnsafeMutablePointer(to: &vector) { vector in
                        var header = msghdr()
                        header.msg_name = UnsafeMutableRawPointer(mutating: name)
                        header.msg_namelen = nameLength
                        header.msg_iov = vector
                        header.msg_iovlen = 1
                        header.msg_control = controlStart
                        header.msg_controllen = controlCount
                        return sendmsg(socket.rawValue, &header, Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    /// The way without segmentation: as many datagrams as one `sendmmsg` takes; returns their bytes.
    static func sendMany(
        _ socket: Descriptor, _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ target: SocketAddress,
        _ source: SocketAddress?
    ) throws(LinuxError) -> Int {
        let count = min(UdpSocket.segmentsPerSend, (bytes.count + segment - 1) / segment)
        var control = ControlBytes()
        control.addSource(source)
        let sent = try check("sendmmsg") {
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vectors in
                withUnsafeTemporaryAllocation(of: mmsghdr.self, capacity: count) { messages in
                    control.with { controlStart, controlCount in
                        target.withSockaddr { name, nameLength in
                            for index in 0..<count {
                                let start = index * segment
                                vectors[index] = iovec(
                                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + start }),
                                    iov_len: min(segment, bytes.count - start))
                                var message = mmsghdr()
                                message.msg_hdr.msg_name = UnsafeMutableRawPointer(mutating: name)
                                message.msg_hdr.msg_namelen = nameLength
                                message.msg_hdr.msg_iov = vectors.baseAddress.map { $0 + index }
                                message.msg_hdr.msg_iovlen = 1
                                message.msg_hdr.msg_control = controlStart
                                message.msg_hdr.msg_controllen = controlCount
                                messages[index] = message
                            }
                            return lan_sendmmsg(socket.rawValue, messages.baseAddress, UInt32(count))
                        }
                    }
                }
            }
        }
        return min(Int(sent) * segment, bytes.count)
    }
}

/// The control bytes beside a message: headers of 16 bytes (length, level, type), each followed by its data, all
/// aligned to 8 (cmsg(3)); written here because the macros of C do not import.
struct ControlBytes {
    private static let headerBytes = 16
    private var words: [UInt64] = []

    mutating func add<Plain>(_ level: Int32, _ type: Int32, _ data: Plain) {
        let length = Self.headerBytes + MemoryLayout<Plain>.size
        let start = words.count * 8
        words += [UInt64](repeating: 0, count: (length + 7) / 8)
        words.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: length, toByteOffset: start, as: Int.self)
            bytes.storeBytes(of: level, toByteOffset: start + 8, as: Int32.self)
            bytes.storeBytes(of: type, toByteOffset: start + 12, as: Int32.self)
            withUnsafeBytes(of: data) { plain in
                UnsafeMutableRawBufferPointer(rebasing: bytes[(start + Self.headerBytes)...]).copyMemory(from: plain)
            }
        }
    }

    /// A wildcard says nothing: the kernel chooses.
    mutating func addSource(_ source: SocketAddress?) {
        guard let source, !source.isWildcard else { return }
        if source.isIPv6 {
            add(
                Int32(IPPROTO_IPV6), IPV6_PKTINFO,
                in6_pktinfo(ipi6_addr: source.ipv6, ipi6_ifindex: source.scope))
        } else {
            add(
                Int32(IPPROTO_IP), IP_PKTINFO,
                in_pktinfo(ipi_ifindex: 0, ipi_spec_dst: source.ipv4, ipi_addr: in_addr()))
        }
    }

    func with<R>(_ body: (UnsafeMutableRawPointer?, Int) -> R) -> R {
        words.withUnsafeBytes { bytes in
            bytes.isEmpty ? body(nil, 0) : body(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }

    static func each(_ header: msghdr, _ body: (Int32, Int32, UnsafeRawBufferPointer) -> Void) {
        let all = UnsafeRawBufferPointer(start: header.msg_control, count: Int(header.msg_controllen))
        var place = 0
        while place + headerBytes <= all.count {
            let length = all.loadUnaligned(fromByteOffset: place, as: Int.self)
            guard length >= headerBytes, length <= all.count - place else { return }
            let data = UnsafeRawBufferPointer(rebasing: all[(place + headerBytes)..<(place + length)])
            body(
                all.loadUnaligned(fromByteOffset: place + 8, as: Int32.self),
                all.loadUnaligned(fromByteOffset: place + 12, as: Int32.self), data)
            place += (length + 7) & ~7
        }
    }
}
