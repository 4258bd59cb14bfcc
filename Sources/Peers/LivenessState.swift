import Model
import Runtime

/// When to ping a peer, when to suspect it, when it is gone, and when the next of that is due. Time comes in as a
/// value.
///
/// A peer goes only after it was suspected for a while in which this host was awake: when this host itself stood still,
/// nobody is gone at its waking.
struct LivenessState {
    enum Action: Hashable {
        case ping(PeerID)
        case suspect(PeerID)
        case clear(PeerID)
        case gone(PeerID)
    }

    private struct Watch {
        var pinged: Instant?
        var suspected: Instant?
        /// How long a suspect has to answer.
        var patience = Limits.goneAfter - Limits.suspectAfter
    }

    /// Whoever wakes so much later than was planned stood still. A loaded host wakes late by milliseconds.
    private static let stillness = Duration.seconds(2)

    private var watches: [PeerID: Watch] = [:]
    /// When the last look said that the next one is due.
    private var planned: Instant?

    /// What is due now. Asked earlier than the next thing is due, it does no harm.
    ///
    /// - Parameters:
    ///   - heard: every peer with a link, and when the last message of it came.
    ///   - doubted: peers whose link may lead nowhere: they are asked at once and have little time to answer.
    mutating func look(now: Instant, heard: [PeerID: Instant], doubted: Set<PeerID> = []) -> [Action] {
        if let planned, now - planned > LivenessState.stillness { startAnew(now) }
        watches = watches.filter { heard[$0.key] != nil }
        var actions: [Action] = []
        for (peer, last) in heard.sorted(by: { $0.key < $1.key }) {
            var watch = watches[peer] ?? Watch()
            let silence = now - last
            let isDoubted = doubted.contains(peer)
            if let suspected = watch.suspected, last > suspected {
                actions.append(.clear(peer))
                watch = Watch(pinged: watch.pinged)
            } else if let suspected = watch.suspected {
                if isDoubted { watch.patience = min(watch.patience, now - suspected + Limits.doubtPatience) }
                if now - suspected >= watch.patience {
                    actions.append(.gone(peer))
                    // Its link takes a moment to end; until then there is nothing more to do about it.
                    watch.suspected = now
                }
            } else if isDoubted || silence >= Limits.suspectAfter {
                watch.suspected = now
                if isDoubted { watch.patience = Limits.doubtPatience }
                actions.append(.suspect(peer))
            }
            let isPingDue = watch.pinged.map { now - $0 >= Limits.pingInterval } ?? true
            if isDoubted || (silence >= Limits.pingInterval && isPingDue) {
                watch.pinged = now
                actions.append(.ping(peer))
            }
            watches[peer] = watch
        }
        planned = next(heard)
        return actions
    }

    /// Plans the next look; who wakes much later than that stood still.
    mutating func rest(_ heard: [PeerID: Instant]) -> Instant? {
        planned = next(heard)
        return planned
    }

    /// When the next thing is due if nobody says anything until then; nil when there is nobody to watch. Rounded up to
    /// a whole second of the clock, so that a hundred peers wake this host once a second and not a hundred times.
    func next(_ heard: [PeerID: Instant]) -> Instant? {
        heard.map { peer, last in
            let watch = watches[peer]
            let ping = max(last, watch?.pinged ?? last) + Limits.pingInterval
            let change = watch.flatMap { watch in watch.suspected.map { $0 + watch.patience } }
            return min(ping, change ?? last + Limits.suspectAfter)
        }.min().map(LivenessState.wholeSecond)
    }

    /// What was not heard while nobody here could listen says nothing of a peer: each is asked again, and has all the
    /// time of a suspect to answer.
    private mutating func startAnew(_ now: Instant) {
        watches = watches.mapValues { Watch(pinged: nil, suspected: $0.suspected == nil ? nil : now) }
    }

    private static func wholeSecond(_ instant: Instant) -> Instant {
        let second: UInt64 = 1_000_000_000
        let over = instant.nanoseconds % second
        return over == 0 ? instant : instant + .nanoseconds(Int64(second - over))
    }
}
