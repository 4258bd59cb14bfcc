import Linux
import Mdns
import Model
import Runtime

/// Where targets come from and how they go: mDNS, the configuration, memory, other peers.
extension DialPlan {
    // MARK: - Sightings

    mutating func sight(_ key: ServiceKey, _ address: SocketAddress, _ peer: PeerID?, now: Instant) {
        if let old = addresses[key], old != address { lose(key) }
        stale.remove(key)
        if stale.isEmpty { staleUntil = .never }
        guard addresses[key] != nil || addresses.count < Limits.sightings || dropWorst() else { return }
        addresses[key] = address
        let target = DialTarget.address(address)
        var record = record(target, now: now)
        if record.claims.updateValue(peer, forKey: key) == nil { record.hasten(now) }
        records[target] = record
    }

    mutating func lose(_ key: ServiceKey) {
        stale.remove(key)
        guard let address = addresses.removeValue(forKey: key) else { return }
        change(.address(address)) { $0.claims[key] = nil }
    }

    /// Avahi is there again and will tell everything anew: what it does not tell in time is gone. While it was away
    /// nothing was lost.
    mutating func refresh(now: Instant) {
        stale = Set(addresses.keys)
        staleUntil = stale.isEmpty ? .never : now + Limits.sightingRefresh
    }

    /// Avahi went before it told everything; its next coming starts over.
    mutating func keepStale() { staleUntil = .never }

    mutating func loseStale() {
        for key in stale { lose(key) }
        staleUntil = .never
    }

    /// Makes room for a sighting at the cost of the one that failed most; false when none failed.
    private mutating func dropWorst() -> Bool {
        let failed = addresses.compactMap { key, address -> (key: ServiceKey, failures: Int)? in
            let record = records[.address(address)]
            guard let record, record.kind == .sighted, record.failures > 0 else { return nil }
            return (key, record.failures)
        }
        guard let worst = failed.max(by: { $0.failures < $1.failures }) else { return false }
        lose(worst.key)
        return true
    }

    // MARK: - Configuration, memory, other peers

    /// The static peers from now on; those that stay keep their backoff.
    mutating func setStatic(_ targets: [DialTarget], now: Instant) {
        let wanted = Set(targets)
        for target in Array(records.keys) where !wanted.contains(target) { change(target) { $0.isStatic = false } }
        for target in targets {
            var record = record(target, now: now)
            if !record.isStatic { record.hasten(now) }
            record.isStatic = true
            records[target] = record
        }
    }

    func isStatic(_ target: DialTarget) -> Bool { records[target]?.isStatic ?? false }

    /// Whoever was linked before, with its last address.
    mutating func remember(_ peers: [(peer: PeerID, address: SocketAddress)], now: Instant) {
        var wanted: [DialTarget: PeerID] = [:]
        for (peer, address) in peers.prefix(Limits.peersRemembered) { wanted[.address(address)] = peer }
        for (target, record) in records where record.remembered != nil && wanted[target] == nil {
            change(target) { $0.remembered = nil }
        }
        for (target, peer) in wanted where records[target]?.remembered != peer {
            var record = record(target, now: now)
            record.remembered = peer
            records[target] = record
        }
    }

    /// Addresses that a peer knows others at; so many that nobody else spoke of.
    mutating func hear(_ told: [SocketAddress], now: Instant) {
        var left = Limits.addressesTold - records.values.count { $0.isTold }
        for address in told where left > 0 {
            var record = record(.address(address), now: now)
            if records[.address(address)] != nil {
                // Somebody reaches it: what was given up has a second chance.
                guard record.isGivenUp else { continue }
                record.begin(anew: now)
            }
            record.isTold = true
            records[.address(address)] = record
            left -= 1
        }
    }

    /// The network of this host is another one, or there again: what failed before says nothing about what fails now.
    /// An interface that flaps does not dial without end; that is what the budget is for.
    mutating func beginAnew(now: Instant) {
        for (target, var record) in records where record.dialling == nil {
            record.begin(anew: now)
            records[target] = record
        }
    }

    private mutating func change(_ target: DialTarget, _ change: (inout DialRecord) -> Void) {
        guard var record = records[target] else { return }
        change(&record)
        let isNeeded = record.isWanted || record.dialling != nil || record.lastDial != nil
        records[target] = isNeeded ? record : nil
    }
}

extension DialRecord {
    fileprivate var isGivenUp: Bool { notBefore == .never && dialling == nil }

    fileprivate mutating func begin(anew now: Instant) {
        failures = 0
        failingSince = nil
        notBefore = min(notBefore, now)
    }

    /// A host that comes back is dialled at once, though never twice in the shortest backoff, and no more than once in
    /// the longest: one that flaps waits as if it had not.
    fileprivate mutating func hasten(_ now: Instant) {
        let earliest = max(now, lastDial.map { $0 + Limits.dialBackoffFirst } ?? now)
        guard earliest < notBefore, lastHaste.map({ now - $0 >= Limits.dialBackoffLast }) ?? true else { return }
        notBefore = earliest
        lastHaste = now
    }
}
