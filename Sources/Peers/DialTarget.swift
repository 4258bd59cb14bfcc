import Linux
import Mdns
import Model
import Runtime

/// What can be dialled: an address, or a name that is looked up anew at each dial.
enum DialTarget: Hashable, Sendable {
    case address(SocketAddress)
    case name(String, port: UInt16)

    private static let portDefault: UInt16 = 47_600
    /// RFC 1035: the longest name.
    private static let nameBytes = 253

    /// A static peer as it is written: `192.168.1.7:47600`, `[fe80::1%eth0]:47600`, `games.lan:47600`, each with the
    /// port or without. Whether a name leads anywhere is not asked here.
    init?(_ text: String) {
        if let address = SocketAddress(text) ?? SocketAddress(host: text, port: DialTarget.portDefault) {
            guard address.port > 0 else { return nil }
            self = .address(address)
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, parts.count <= 2 else { return nil }
        let port = parts.count == 2 ? UInt16(parts[1]) : DialTarget.portDefault
        guard let port, port > 0, DialTarget.isName(host.utf8) else { return nil }
        self = .name(String(host), port: port)
    }

    private static func isName(_ text: Substring.UTF8View) -> Bool {
        guard (1...nameBytes).contains(text.count), let last = text.last else { return false }
        let isAllowed = text.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        // Digits and dots alone are an address that was mistyped, and a resolver would make one of it after all.
        return isAllowed && last != UInt8(ascii: "-") && text.contains { !(0x2e...0x39).contains($0) }
    }

    var isName: Bool { if case .name = self { true } else { false } }
    var isIPv6: Bool { if case .address(let address) = self { address.isIPv6 } else { false } }
}

extension DialTarget: CustomStringConvertible {
    var description: String {
        switch self {
        case .address(let address): address.description
        case .name(let name, let port): "\(name):\(port)"
        }
    }
}

/// What the plan knows of one target.
struct DialRecord {
    /// In the order in which they became known.
    let number: UInt64
    var isStatic = false
    var remembered: PeerID?
    var isTold = false
    /// What mDNS says of it, each with the identity that it names.
    var claims: [ServiceKey: PeerID?] = [:]
    /// Who answered the last dial that succeeded: the only word here that was proven.
    var reached: PeerID?
    var failures = 0
    var failingSince: Instant?
    var notBefore: Instant
    var lastDial: Instant?
    /// When a sighting last cut a wait short.
    var lastHaste: Instant?
    /// Set while it is dialled.
    var dialling: DialBudget.Kind?
    var linkedSince: Instant?

    init(number: UInt64, notBefore: Instant) {
        self.number = number
        self.notBefore = notBefore
    }

    var isWanted: Bool { isStatic || remembered != nil || isTold || !claims.isEmpty }

    /// Whom a dial would reach, as far as anybody can tell: who answered before or is remembered, and what all
    /// sightings agree on.
    ///
    /// A sighting is anybody's word: it may say who is at an address that only sightings name, and nothing against what
    /// was proven, remembered or configured. Where they differ nobody is named, and a dial tells.
    var peer: PeerID? {
        let claimed = Set(claims.values.compactMap { $0 })
        let known = reached ?? remembered
        if claimed.isEmpty { return known }
        guard claimed.count == 1, let claim = claimed.first else { return reached }
        if isStatic, reached == nil { return nil }
        return known == nil || known == claim ? claim : nil
    }

    var kind: DialBudget.Kind {
        if isStatic || reached != nil { return .known }
        if claims.isEmpty { return .guessed }
        return remembered != nil && remembered == peer ? .known : .sighted
    }
}
