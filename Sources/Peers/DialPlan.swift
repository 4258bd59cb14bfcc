import Linux
import Mdns
import Model
import Runtime

/// Whom to dial, and when: static peers, sightings, remembered peers and told ones, with a backoff for each address,
/// one dial at a time to a peer, and a budget over all.
///
/// A sighting is anybody's word. It can make us dial, as often as the backoff and the budget allow, and nothing more;
/// its loss ends dialling, never a link.
struct DialPlan {
    // Seen by this type's other file, and by nobody else.
    var records: [DialTarget: DialRecord] = [:]
    var addresses: [ServiceKey: SocketAddress] = [:]
    /// Sightings from before Avahi went away that were not repeated yet.
    var stale: Set<ServiceKey> = []
    var staleUntil = Instant.never
    private var budget = DialBudget()
    private let random: RandomSource
    private var nextNumber: UInt64 = 0
    /// The newest and the oldest sighting are dialled in turn: a flood then neither hides the peers that were there
    /// before it nor those that come after it.
    private var takesNewest = false

    init(random: RandomSource) {
        self.random = random
    }

    mutating func record(_ target: DialTarget, now: Instant) -> DialRecord {
        if let record = records[target] { return record }
        defer { nextNumber += 1 }
        return DialRecord(number: nextNumber, notBefore: now)
    }

    // MARK: - What to do

    /// Whom a dial would be one too many for.
    private struct Busy {
        let linked: Set<PeerID>
        var dialled: Set<PeerID> = []
        /// Those of them that are dialled at an address that is known to be theirs.
        var dialledSurely: Set<PeerID> = []
        var lookups = 0

        /// A peer that was proven need not wait for a dial to an address that somebody only says is its.
        func allows(_ target: DialTarget, _ record: DialRecord) -> Bool {
            if target.isName, lookups >= Limits.lookups { return false }
            guard let peer = record.peer else { return true }
            return !linked.contains(peer) && !(record.kind == .known ? dialledSurely : dialled).contains(peer)
        }

        mutating func add(_ target: DialTarget, _ record: DialRecord) {
            if target.isName { lookups += 1 }
            guard let peer = record.peer else { return }
            dialled.insert(peer)
            if record.dialling == .known { dialledSurely.insert(peer) }
        }
    }

    private func busy(_ linked: Set<PeerID>) -> Busy {
        var busy = Busy(linked: linked)
        for (target, record) in records where record.dialling != nil { busy.add(target, record) }
        return busy
    }

    /// The targets to dial now; each of them has to be ended by `reached` or `failed`.
    mutating func due(now: Instant, linked: Set<PeerID>) -> [DialTarget] {
        noteLinks(linked, now)
        if staleUntil <= now { loseStale() }
        forgetUnwanted(now)
        var busy = busy(linked)
        var due: [DialTarget] = []
        for kind in DialBudget.Kind.allCases {
            var waiting = candidates(kind, now, busy)
            while let opening = budget.opening(kind, now: now), opening <= now, let target = next(&waiting) {
                guard var record = records[target], busy.allows(target, record) else { continue }
                record.dialling = kind
                record.lastDial = now
                records[target] = record
                busy.add(target, record)
                budget.begin(kind, now: now)
                due.append(target)
            }
        }
        return due
    }

    /// When `due` is to be asked again if nothing happens until then; `.never` when only an event changes the answer.
    /// Right after `due` with the same arguments it lies in the future.
    func nextDue(now: Instant, linked: Set<PeerID>) -> Instant {
        let busy = busy(linked)
        let openings = DialBudget.Kind.allCases.map { budget.opening($0, now: now) }
        var next = staleUntil
        for (target, record) in records where record.isWanted && record.dialling == nil {
            guard let opening = openings[record.kind.rawValue], busy.allows(target, record) else { continue }
            next = min(next, max(record.notBefore, opening))
        }
        return next
    }

    /// Those that failed least come first. Of one peer's addresses IPv4 is tried before IPv6.
    private func candidates(_ kind: DialBudget.Kind, _ now: Instant, _ busy: Busy) -> [DialTarget] {
        let ready = records.filter { target, record in
            record.isWanted && record.dialling == nil && record.notBefore <= now && record.kind == kind
                && busy.allows(target, record)
        }
        var failures: [PeerID: Int] = [:]
        for (target, record) in ready where !target.isIPv6 {
            if let peer = record.peer { failures[peer] = min(failures[peer] ?? .max, record.failures) }
        }
        return ready.filter { target, record in
            guard target.isIPv6, let peer = record.peer, let other = failures[peer] else { return true }
            return record.failures < other
        }
        .sorted { ($0.value.failures, $0.value.number) < ($1.value.failures, $1.value.number) }
        .map(\.key)
    }

    private mutating func next(_ waiting: inout [DialTarget]) -> DialTarget? {
        guard let first = waiting.first, let record = records[first] else { return nil }
        takesNewest.toggle()
        guard takesNewest, record.kind == .sighted,
            let last = waiting.lastIndex(where: { records[$0]?.failures == record.failures })
        else { return waiting.removeFirst() }
        return waiting.remove(at: last)
    }

    // MARK: - What became of it

    /// - Parameter isLasting: this target is of no use until it is sighted anew.
    mutating func failed(_ target: DialTarget, isLasting: Bool, now: Instant) {
        let random = self.random
        end(target) { record in
            record.backOff(now, isLasting: isLasting, random)
            let isGuess = !record.isStatic && record.claims.isEmpty
            if isGuess, let since = record.failingSince, now - since >= Limits.dialGuessFor {
                record.notBefore = .never
                record.isTold = false
            }
        }
    }

    /// The backoff goes on until the link has lasted: one that breaks off at once is no better than none.
    mutating func reached(_ target: DialTarget, _ peer: PeerID, now: Instant) {
        let random = self.random
        end(target) { record in
            record.reached = peer
            record.backOff(now, isLasting: false, random)
            record.failingSince = nil
        }
    }

    private mutating func end(_ target: DialTarget, _ change: (inout DialRecord) -> Void) {
        guard var record = records[target], let kind = record.dialling else {
            preconditionFailure("a dial to \(target) ended that had not begun")
        }
        budget.end(kind)
        record.dialling = nil
        change(&record)
        records[target] = record
    }

    /// After a loss the peer is dialled again, soon when the link was a long one. It is given a moment: most often it
    /// stops, and its sighting goes next.
    private mutating func noteLinks(_ linked: Set<PeerID>, _ now: Instant) {
        for (target, var record) in records {
            let isLinked = record.peer.map { linked.contains($0) } ?? false
            guard isLinked != (record.linkedSince != nil) else { continue }
            if let since = record.linkedSince {
                record.linkedSince = nil
                record.failingSince = nil
                if now - since >= Limits.dialBackoffLast { record.failures = 0 }
                let moment = now + random.jittered(Limits.dialBackoffFirst, by: 0.2)
                record.notBefore = record.notBefore == .never ? moment : max(record.notBefore, moment)
            } else {
                record.linkedSince = now
            }
            records[target] = record
        }
    }

    // MARK: - Forgetting

    /// What nobody speaks of any more is kept as long as its backoff: a service that comes and goes ten times a second
    /// is not dialled ten times a second.
    private mutating func forgetUnwanted(_ now: Instant) {
        var unwanted = records.filter { !$0.value.isWanted && $0.value.dialling == nil }
        for (target, record) in unwanted where record.forgettable <= now {
            records[target] = nil
            unwanted[target] = nil
        }
        guard unwanted.count > Limits.sightings else { return }
        let oldest = unwanted.sorted { $0.value.forgettable < $1.value.forgettable }
        for (target, _) in oldest.prefix(unwanted.count - Limits.sightings) { records[target] = nil }
    }
}

extension DialRecord {
    /// When its past no longer matters.
    var forgettable: Instant {
        guard let lastDial else { return Instant(nanoseconds: 0) }
        return max(lastDial + Limits.dialBackoffLast, min(notBefore, lastDial + Limits.dialBackoffLast * 10))
    }

    fileprivate mutating func backOff(_ now: Instant, isLasting: Bool, _ random: RandomSource) {
        failures = min(failures + 1, 16)
        failingSince = failingSince ?? now
        let doubled = Limits.dialBackoffFirst * (1 << (failures - 1))
        let delay = isLasting ? Limits.dialBackoffLast * 10 : min(doubled, Limits.dialBackoffLast)
        notBefore = now + random.jittered(delay, by: 0.2)
    }
}
