import CLinux
import Glibc

/// One network interface of this host, as it is now.
package struct NetworkInterface: Hashable, Sendable {
    package let name: String
    package let index: Int32
    package let isUp: Bool
    /// A cable, or what stands for one.
    package let hasLink: Bool
    package let isLoopback: Bool
    package let hasMulticast: Bool
    /// Of both families; the ports are 0.
    package let addresses: Set<SocketAddress>

    package init(
        name: String, index: Int32, isUp: Bool = true, hasLink: Bool = true, isLoopback: Bool = false,
        hasMulticast: Bool = true, addresses: Set<SocketAddress>
    ) {
        self.name = name
        self.index = index
        self.isUp = isUp
        self.hasLink = hasLink
        self.isLoopback = isLoopback
        self.hasMulticast = hasMulticast
        self.addresses = addresses
    }

    /// All of them, in the order of their indexes. It asks the kernel a few times; nothing waits for the network.
    package static func all() throws(LinuxError) -> [NetworkInterface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        try check("getifaddrs") { getifaddrs(&first) }
        defer { freeifaddrs(first) }
        var flags: [String: UInt32] = [:]
        var addresses: [String: Set<SocketAddress>] = [:]
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let rawName = entry.ifa_name else { continue }
            let name = String(cString: rawName)
            flags[name] = entry.ifa_flags
            guard let raw = entry.ifa_addr, let address = SocketAddress(raw, family: raw.pointee.sa_family) else {
                continue
            }
            addresses[name, default: []].insert(address)
        }
        return flags.compactMap { name, flags -> NetworkInterface? in
            // It may have gone since.
            guard let index = Int32(exactly: if_nametoindex(name)), index > 0 else { return nil }
            func has(_ flag: Int) -> Bool { flags & UInt32(flag) != 0 }
            return NetworkInterface(
                name: name, index: index, isUp: has(IFF_UP), hasLink: has(IFF_RUNNING),
                isLoopback: has(IFF_LOOPBACK), hasMulticast: has(IFF_MULTICAST), addresses: addresses[name] ?? [])
        }
        .sorted { $0.index < $1.index }
    }
}

extension SocketAddress {
    fileprivate init?(_ raw: UnsafeMutablePointer<sockaddr>, family: sa_family_t) {
        let length =
            switch Int32(family) {
            case AF_INET: MemoryLayout<sockaddr_in>.size
            case AF_INET6: MemoryLayout<sockaddr_in6>.size
            default: 0
            }
        guard length > 0 else { return nil }
        self.init(UnsafePointer(raw), length: socklen_t(length))
    }
}

/// Tells that interfaces or their addresses came, went or changed; not which. Never waits.
package final class InterfaceChanges {
    /// Readable when something changed.
    package let descriptor: Descriptor

    package init() throws(LinuxError) {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = Descriptor(adopting: try check("socket") { socket(AF_NETLINK, type, NETLINK_ROUTE) })
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = UInt32(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)
        let fd = descriptor.rawValue
        try check("bind") {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(fd, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }
    }

    /// Takes what the kernel told. What it says is not looked at: how things are now is asked anew, and messages that
    /// did not fit (ENOBUFS) say no less.
    package func drain() {
        var buffer = [UInt8](repeating: 0, count: 8 << 10)
        let fd = descriptor.rawValue
        // A bound, so that a storm of changes does not hold the thread: what is left makes it readable again.
        for _ in 0..<64 {
            let count = buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EAGAIN { return }
        }
    }
}
