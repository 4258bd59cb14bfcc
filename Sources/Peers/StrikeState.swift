import Model
import Runtime

/// Who sent wrong bytes, and who is left alone for it. Bytes that fail their digest and manifests that fail their root
/// count, nothing else.
struct StrikeState {
    private var strikes: [PeerID: [Instant]] = [:]
    private var bans: [PeerID: Instant] = [:]

    /// Returns whether this strike bans the peer.
    mutating func strike(_ peer: PeerID, now: Instant) -> Bool {
        forget(now)
        var recent = strikes[peer] ?? []
        recent.append(now)
        guard recent.count >= Limits.strikes else {
            strikes[peer] = recent
            return false
        }
        strikes[peer] = nil
        bans[peer] = now + Limits.banDuration
        return true
    }

    func isBanned(_ peer: PeerID, now: Instant) -> Bool {
        bans[peer].map { now < $0 } ?? false
    }

    /// Only peers that had a link get strikes, so both tables are as small as the peers of ten minutes.
    private mutating func forget(_ now: Instant) {
        strikes = strikes.compactMapValues { times in
            let recent = times.filter { now - $0 < Limits.strikeWindow }
            return recent.isEmpty ? nil : recent
        }
        bans = bans.filter { now < $0.value }
    }
}
