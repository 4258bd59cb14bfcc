import Linux
import Mdns
import Model
import Runtime

/// Whom to dial, and when: static peers and sightings, with a backoff for each address and one dial at a time to a
/// peer.
///
/// A sighting is anybody's word. It can make us dial, as often as the backoff and the budget allow, and nothing more;
/// its loss ends dialling, never a link.
struct DialPlan {
    private struct Target {
        /// Told by mDNS, or learned by a dial.
        var peer: PeerID?
        var isStatic = false
        var sightings: Set<ServiceKey> = []
        var failures = 0
        var notBefore: Instant
        var lastDial: Instant?
        var isDialling = false
        var wasLinked = false
    }

    private var targets: [SocketAddress: Target] = [:]
    private var addresses: [ServiceKey: SocketAddress] = [:]
    private var running = 0

    init(staticPeers: [SocketAddress], now: Instant) {
        for address in staticPeers { targets[address] = Target(isStatic: true, notBefore: now) }
    }

    // MARK: - Sightings

    mutating func sight(_ key: ServiceKey, _ address: SocketAddress, _ peer: PeerID?, now: Instant) {
        if let old = addresses[key], old != address { lose(key) }
        guard addresses[key] != nil || addresses.count < Limits.sightings else { return }
        addresses[key] = address
        var target = targets[address] ?? Target(notBefore: now)
        target.peer = peer ?? target.peer
        if target.sightings.insert(key).inserted {
            // A host that comes back is dialled at once, but never twice in the shortest backoff.
            target.notBefore = max(now, target.lastDial.map { $0 + Limits.dialBackoffFirst } ?? now)
        }
        targets[address] = target
    }

    mutating func lose(_ key: ServiceKey) {
        guard let address = addresses.removeValue(forKey: key), var target = targets[address] else { return }
        target.sightings.remove(key)
        let isWanted = target.isStatic || !target.sightings.isEmpty || target.isDialling
        targets[address] = isWanted ? target : nil
    }

    // MARK: - Dials

    /// The addresses to dial now; each of them has to be ended.
    mutating func due(now: Instant, linked: Set<PeerID>) -> [SocketAddress] {
        noteLinks(linked, now)
        var busy = linked.union(targets.values.compactMap { $0.isDialling ? $0.peer : nil })
        var due: [SocketAddress] = []
        for address in inOrder() where running < Limits.dials {
            guard var target = targets[address], !target.isDialling, target.notBefore <= now else { continue }
            if let peer = target.peer, !busy.insert(peer).inserted { continue }
            target.isDialling = true
            target.lastDial = now
            targets[address] = target
            running += 1
            due.append(address)
        }
        return due
    }

    /// - Parameter isLasting: this address is of no use until it is sighted anew.
    mutating func failed(_ address: SocketAddress, isLasting: Bool, now: Instant, random: RandomSource) {
        end(address) { target in
            target.failures = min(target.failures + 1, 16)
            let doubled = Limits.dialBackoffFirst * (1 << (target.failures - 1))
            let delay = isLasting ? Limits.dialBackoffLast * 10 : min(doubled, Limits.dialBackoffLast)
            target.notBefore = now + random.jittered(delay, by: 0.2)
        }
    }

    mutating func reached(_ address: SocketAddress, _ peer: PeerID, now: Instant) {
        end(address) { target in
            target.peer = peer
            target.failures = 0
            target.notBefore = now + Limits.dialBackoffFirst
        }
    }

    private mutating func end(_ address: SocketAddress, _ change: (inout Target) -> Void) {
        running -= 1
        guard var target = targets[address] else { return }
        target.isDialling = false
        change(&target)
        let isWanted = target.isStatic || !target.sightings.isEmpty
        targets[address] = isWanted ? target : nil
    }

    /// A peer that has just gone is given a moment: most often it stops, and its sighting goes next.
    private mutating func noteLinks(_ linked: Set<PeerID>, _ now: Instant) {
        for (address, var target) in targets {
            let isLinked = target.peer.map { linked.contains($0) } ?? false
            guard isLinked != target.wasLinked else { continue }
            target.wasLinked = isLinked
            if !isLinked { target.notBefore = max(target.notBefore, now + Limits.dialBackoffFirst) }
            targets[address] = target
        }
    }

    /// The addresses that failed least come first, and IPv4 before IPv6: of one peer only one is dialled at a time.
    private func inOrder() -> [SocketAddress] {
        targets.map { ($0.value.failures, $0.key.isIPv6 ? 1 : 0, $0.key.description, $0.key) }
            .sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }
            .map(\.3)
    }
}
