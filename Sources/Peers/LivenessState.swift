import Model
import Runtime

/// When to ping a peer, when to suspect it and when it is gone. Time comes in as a value.
///
/// A peer goes only after it was suspected for a while: when this host itself stood still, nobody is gone at its
/// waking.
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
    }

    private var watches: [PeerID: Watch] = [:]

    /// - Parameter heard: every peer with a link, and when the last message of it came.
    mutating func tick(now: Instant, heard: [PeerID: Instant]) -> [Action] {
        watches = watches.filter { heard[$0.key] != nil }
        var actions: [Action] = []
        for (peer, last) in heard.sorted(by: { $0.key < $1.key }) {
            var watch = watches[peer] ?? Watch()
            let silence = now - last
            if silence < Limits.suspectAfter {
                if watch.suspected != nil { actions.append(.clear(peer)) }
                watch.suspected = nil
            } else if let suspected = watch.suspected {
                if now - suspected >= Limits.goneAfter - Limits.suspectAfter { actions.append(.gone(peer)) }
            } else {
                watch.suspected = now
                actions.append(.suspect(peer))
            }
            let isPingDue = watch.pinged.map { now - $0 >= Limits.pingInterval } ?? true
            if silence >= Limits.pingInterval, isPingDue {
                watch.pinged = now
                actions.append(.ping(peer))
            }
            watches[peer] = watch
        }
        return actions
    }
}
