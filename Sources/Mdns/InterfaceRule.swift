import Linux

/// Which interfaces mDNS uses.
///
/// By itself every one but those that lead to containers, virtual machines and tunnels of this host: a service sighted
/// there is one that a real interface shows as well, or one that no other host can reach. What is configured holds as
/// it is written.
struct InterfaceRule: Hashable {
    private static let skipped = ["docker", "veth", "virbr", "tun"]

    private var names: Set<String> = []
    private var prefixes: [String] = []

    /// - Parameter patterns: names, or prefixes with a trailing `*`; empty for the built-in rule.
    init(_ patterns: [String] = []) {
        for pattern in patterns {
            if pattern.hasSuffix("*") {
                prefixes.append(String(pattern.dropLast()))
            } else {
                names.insert(pattern)
            }
        }
    }

    func isUsed(_ name: String) -> Bool {
        if names.isEmpty, prefixes.isEmpty { return !InterfaceRule.skipped.contains { name.hasPrefix($0) } }
        return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
    }

    /// Whether another host could reach one that listens on `listening`; true where only this host is meant to.
    func reachesOthers(_ interfaces: [NetworkInterface], listening: [SocketAddress]) -> Bool {
        guard listening.contains(where: { !$0.isLoopback }) else { return true }
        return interfaces.contains { interface in
            interface.isUp && interface.hasLink && !interface.isLoopback && !interface.addresses.isEmpty
                && isUsed(interface.name)
        }
    }

    /// Where a host that listens on `listening` is announced: on each interface and in each family in which somebody
    /// there could reach one of these.
    func places(_ interfaces: [NetworkInterface], listening: [SocketAddress]) -> [Place] {
        var places: [Place] = []
        for interface in interfaces
        where interface.isUp && (interface.hasMulticast || interface.isLoopback) && isUsed(interface.name) {
            for isIPv6 in [false, true] {
                let here = interface.addresses.filter { $0.isIPv6 == isIPv6 }
                let isReached = listening.contains { socket in
                    guard socket.isIPv6 == isIPv6 else { return false }
                    return socket.isWildcard || here.contains(socket.withPort(0))
                        || (socket.isLoopback && interface.isLoopback)
                }
                if isReached, !here.isEmpty { places.append(Place(interface: interface.index, isIPv6: isIPv6)) }
            }
        }
        return places
    }
}

/// One interface in one address family, as Avahi names them.
struct Place: Hashable {
    let interface: Int32
    let isIPv6: Bool
}
