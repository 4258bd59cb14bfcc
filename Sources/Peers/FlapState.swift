import Model
import Runtime

/// Who comes and goes so often that it is left alone for a moment. Each coming costs a handshake, a hello, two events
/// and two lines of the log; a peer that is restarted by hand stays far below the limit.
struct FlapState {
    private var comings: [PeerID: [Instant]] = [:]
    private var pauses: [PeerID: Instant] = [:]

    /// A link of the peer was admitted. Returns whether its pause begins with that.
    mutating func come(_ peer: PeerID, now: Instant) -> Bool {
        forget(now)
        comings[peer, default: []].append(now)
        guard comings[peer, default: []].count >= Limits.flaps else { return false }
        comings[peer] = nil
        pauses[peer] = now + Limits.flapPause
        return true
    }

    func isPaused(_ peer: PeerID, now: Instant) -> Bool { pauses[peer].map { now < $0 } ?? false }

    /// As small as the peers of ten seconds; whoever invents identities faster than that only has the counts forgotten.
    private mutating func forget(_ now: Instant) {
        pauses = pauses.filter { now < $0.value }
        comings = comings.compactMapValues { times in
            let recent = times.filter { now - $0 < Limits.flapWindow }
            return recent.isEmpty ? nil : recent
        }
        if comings.count > Limits.peersRemembered { comings.removeAll() }
    }
}
