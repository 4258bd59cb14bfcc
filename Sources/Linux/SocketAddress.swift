package import CLinux
import Glibc

/// An IPv4 or IPv6 address with its port.
///
/// An IPv4 address in IPv6's clothes is an IPv4 address here, so that one host has one value.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    package let isIPv6: Bool
    package let port: UInt16
    /// The interface of a link-local IPv6 address, else 0.
    package let scope: UInt32
    /// The bytes as they go over the wire, read as big-endian numbers; IPv4 lies in the low 32 bits of `low`.
    private let high: UInt64
    private let low: UInt64

    private init(isIPv6: Bool, high: UInt64, low: UInt64, scope: UInt32, port: UInt16) {
        let isMapped = isIPv6 && high == 0 && low >> 32 == 0xffff
        self.isIPv6 = isIPv6 && !isMapped
        self.high = high
        self.low = isMapped ? low & 0xffff_ffff : low
        self.scope = isIPv6 && !isMapped ? scope : 0
        self.port = port
    }

    /// - Parameter ipv4: four bytes, the first one in the highest place.
    package init(ipv4: UInt32, port: UInt16) {
        self.init(isIPv6: false, high: 0, low: UInt64(ipv4), scope: 0, port: port)
    }

    package static func any(port: UInt16) -> SocketAddress { SocketAddress(ipv4: 0, port: port) }
    package static func anyIPv6(port: UInt16) -> SocketAddress {
        SocketAddress(isIPv6: true, high: 0, low: 0, scope: 0, port: port)
    }
    package static func loopback(port: UInt16) -> SocketAddress { SocketAddress(ipv4: 0x7f00_0001, port: port) }

    package func withPort(_ port: UInt16) -> SocketAddress {
        SocketAddress(isIPv6: isIPv6, high: high, low: low, scope: scope, port: port)
    }

    package func withScope(_ scope: UInt32) -> SocketAddress {
        SocketAddress(isIPv6: isIPv6, high: high, low: low, scope: scope, port: port)
    }

    // MARK: - Text

    /// "192.168.1.7:47600" or "[fe80::1%eth0]:47600"; names are not looked up.
    package init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let portText = text[text.index(after: colon)...]
        guard !portText.isEmpty, portText.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(portText)
        else { return nil }
        let hostText = text[..<colon]
        if hostText.hasPrefix("["), hostText.hasSuffix("]") {
            self.init(host: String(hostText.dropFirst().dropLast()), port: port)
            guard hostText.utf8.contains(UInt8(ascii: ":")) else { return nil }
        } else {
            self.init(host: String(hostText), port: port)
            guard !hostText.utf8.contains(UInt8(ascii: ":")) else { return nil }
        }
    }

    /// A numeric address without brackets; an interface may follow a "%", by name or number.
    package init?(host: String, port: UInt16) {
        let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !host.utf8.contains(0) else { return nil }
        var four = in_addr()
        if parts.count == 1, inet_pton(AF_INET, host, &four) == 1 {
            self.init(ipv4: UInt32(bigEndian: four.s_addr), port: port)
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, String(first), &six) == 1 else { return nil }
        var scope: UInt32 = 0
        if parts.count == 2 {
            scope = UInt32(parts[1]) ?? if_nametoindex(String(parts[1]))
            guard scope != 0 else { return nil }
        }
        let (high, low) = Self.words(six)
        self.init(isIPv6: true, high: high, low: low, scope: scope, port: port)
    }

    /// Looks a name up and may wait long for the answer: never on a net loop. A numeric host is answered at once.
    package static func resolve(host: String, port: UInt16) -> [SocketAddress] {
        if let numeric = SocketAddress(host: host, port: port) { return [numeric] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &found) == 0 else { return [] }
        defer { freeaddrinfo(found) }
        var addresses: [SocketAddress] = []
        var next = found
        while let entry = next?.pointee {
            if let raw = entry.ai_addr, let address = SocketAddress(raw, length: entry.ai_addrlen) {
                addresses.append(address.withPort(port))
            }
            next = entry.ai_next
        }
        return addresses
    }

    /// Without brackets and port; with the interface's name where one belongs to it.
    package var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let done: Bool
        if isIPv6 {
            var six = Self.address(high, low)
            done = inet_ntop(AF_INET6, &six, &text, socklen_t(text.count)) != nil
        } else {
            var four = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
            done = inet_ntop(AF_INET, &four, &text, socklen_t(text.count)) != nil
        }
        precondition(done, "an address of a known family always has a text")
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return scope == 0 ? host : host + "%" + Self.interfaceName(scope)
    }

    package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func interfaceName(_ index: UInt32) -> String {
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(index, &name) != nil else { return String(index) }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: - Kinds

    package var isLoopback: Bool {
        isIPv6 ? high == 0 && low == 1 : low >> 24 == 127
    }

    /// The addresses that a router does not carry away: RFC 1918, 3927 and 4193.
    package var isPrivateOrLinkLocal: Bool {
        if isIPv6 { return high >> 54 == 0xfe80 >> 6 || high >> 57 == 0xfc >> 1 }
        return low >> 24 == 10 || low >> 20 == 0xac1 || low >> 16 == 0xc0a8 || low >> 16 == 0xa9fe
    }

    /// Means nothing without the interface (RFC 4291).
    package var isScoped: Bool { isIPv6 && high >> 54 == 0xfe80 >> 6 }

    package var isWildcard: Bool { high == 0 && low == 0 }

    // MARK: - The C form

    package func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R) rethrows -> R {
        if isIPv6 {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            six.sin6_addr = Self.address(high, low)
            six.sin6_scope_id = scope
            return try Self.erased(&six, body)
        }
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        four.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
        return try Self.erased(&four, body)
    }

    private static func erased<C, R>(
        _ address: inout C, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R
    ) rethrows -> R {
        try withUnsafeBytes(of: &address) { bytes in
            // The bytes of a local are never at address zero; the C calls look at the family before anything else.
            guard let start = bytes.baseAddress else { preconditionFailure("an address has bytes") }
            return try body(start.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    /// Nil for a family other than IPv4 and IPv6, or too few bytes.
    package init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        let raw = UnsafeRawPointer(address)
        guard length >= MemoryLayout<sa_family_t>.size else { return nil }
        switch Int32(address.pointee.sa_family) {
        case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
            let four = raw.loadUnaligned(as: sockaddr_in.self)
            self.init(ipv4: UInt32(bigEndian: four.sin_addr.s_addr), port: UInt16(bigEndian: four.sin_port))
        case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
            let six = raw.loadUnaligned(as: sockaddr_in6.self)
            let (high, low) = Self.words(six.sin6_addr)
            let port = UInt16(bigEndian: six.sin6_port)
            self.init(isIPv6: true, high: high, low: low, scope: six.sin6_scope_id, port: port)
        default:
            return nil
        }
    }

    package init?(_ storage: sockaddr_storage, length: socklen_t) {
        var copy = storage
        let made = withUnsafePointer(to: &copy) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0, length: length) }
        }
        guard let made else { return nil }
        self = made
    }

    var ipv4: in_addr { in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian) }
    var ipv6: in6_addr { Self.address(high, low) }

    init(ipv4 address: in_addr) {
        self.init(ipv4: UInt32(bigEndian: address.s_addr), port: 0)
    }

    init(ipv6 address: in6_addr, scope: UInt32) {
        let (high, low) = Self.words(address)
        // Only a link-local address needs its interface to be found again.
        self.init(isIPv6: true, high: high, low: low, scope: high >> 54 == 0xfe80 >> 6 ? scope : 0, port: 0)
    }

    private static func words(_ address: in6_addr) -> (high: UInt64, low: UInt64) {
        withUnsafeBytes(of: address) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    private static func address(_ high: UInt64, _ low: UInt64) -> in6_addr {
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }
}
