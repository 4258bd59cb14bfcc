package import Linux

/// One service on one interface in one address family, as the browser names it.
package struct ServiceKey: Hashable, Sendable {
    /// The label that the publisher chose; two hosts never share one, but it may change by renaming.
    package let name: String
    package let interface: Int32
    package let isIPv6: Bool

    package init(name: String, interface: Int32, isIPv6: Bool) {
        self.name = name
        self.interface = interface
        self.isIPv6 = isIPv6
    }
}

/// mDNS says an address offers our service. It is a hint from anyone on the network: nothing but a dial proves it.
package struct Sighting: Hashable, Sendable {
    package let key: ServiceKey
    /// Numeric, with its scope where it needs one: `fe80::1%eth0`.
    package let host: String
    package let port: UInt16
    /// The TXT entries that are `key=value`; a key that comes twice keeps its first value.
    package let text: [String: String]
    /// Published by this very client.
    package let isOurs: Bool

    package init(key: ServiceKey, host: String, port: UInt16, text: [String: String], isOurs: Bool) {
        self.key = key
        self.host = host
        self.port = port
        self.text = text
        self.isOurs = isOurs
    }

    /// As `SocketAddress` reads it.
    package var address: String { key.isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What we tell the network about ourselves.
package struct Advertisement: Hashable, Sendable {
    package let name: String
    package let port: UInt16
    /// Where we take connections, all at `port`: we are announced where one of these can be reached, and nowhere else.
    package let listening: [SocketAddress]
    /// Key and value, in order; Avahi turns the order round on its way.
    package let text: [[String]]

    /// - Parameter listening: the sockets, with one port for all.
    package init(name: String, listening: [SocketAddress], text: KeyValuePairs<String, String>) {
        self.name = ServiceLabel.fitting(name)
        self.port = listening.first?.port ?? 0
        self.listening = listening
        self.text = text.map { [$0.key, $0.value] }
    }
}

/// What happens on the network, in the order in which Avahi tells it.
package enum MdnsEvent: Hashable, Sendable {
    /// Avahi answers; everything that is there will be sighted from here on, also what was sighted before.
    case available
    /// The name that we are found by, which is another one after a collision.
    case published(name: String)
    case appeared(Sighting)
    case vanished(ServiceKey)
    /// Avahi or D-Bus is away. What was sighted is not thereby gone, only no longer watched.
    case unavailable(reason: String)
    /// True: no interface leads to another host, since none is up, has a link and has an address. Not told while it is
    /// as before, and false is where it begins.
    case isolated(Bool)
    /// An address that this host had is not its own any more, and it has others.
    case moved
}

/// The label of a DNS-SD service: at most 63 bytes of UTF-8.
enum ServiceLabel {
    static let bytesLimit = 63

    static func fitting(_ name: String) -> String {
        var label = ""
        for scalar in name.unicodeScalars where scalar.value >= 0x20 && scalar.value != 0x7f {
            guard label.utf8.count + String(scalar).utf8.count <= bytesLimit else { break }
            label.unicodeScalars.append(scalar)
        }
        return label.isEmpty ? "lanspread" : label
    }
}
