import Glibc

/// A host, by address or name, and a port: "192.168.1.7:47600", "[fe80::1%eth0]:47600", "games.lan:47600".
///
/// The names are looked up where they are used; here only the form is checked.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets.
    package let host: String
    package let port: UInt16

    /// RFC 1035: the longest name.
    private static let hostBytes = 253

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        // A name or IPv4 has no colons, and IPv6 always has.
        guard host.utf8.contains(UInt8(ascii: ":")) == isBracketed else { return nil }
        guard (1...HostPort.hostBytes).contains(host.utf8.count), host.utf8.allSatisfy(HostPort.isAllowed) else {
            return nil
        }
        self.host = String(host)
        self.port = port
    }

    /// An address and not a name that somebody would have to look up; a zone may follow an IPv6 address.
    package var isNumeric: Bool {
        var room = in6_addr()
        if inet_pton(AF_INET, host, &room) == 1 { return true }
        let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        return inet_pton(AF_INET6, String(parts[0]), &room) == 1 && (parts.count == 1 || !parts[1].isEmpty)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: Array(".-_:%".utf8).contains(byte)
        }
    }

    package var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
