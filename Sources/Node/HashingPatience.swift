import Model
import Runtime

/// How long a download believes peers that say that they are still hashing the game.
///
/// As long as they get on with it: a peer may have to finish another game first, but whoever stands still, or gets on
/// without ever being done, is no source to wait for.
struct HashingPatience {
    private struct Peer {
        let began: Instant
        var moved: Instant
        var done: UInt64
    }

    private var peers: [PeerID: Peer] = [:]

    /// Takes what a peer says now; returns whether it is worth waiting for.
    mutating func believes(_ peer: PeerID, done: UInt64, now: Instant) -> Bool {
        var known = peers[peer] ?? Peer(began: now, moved: now, done: done)
        if done > known.done {
            known.done = done
            known.moved = now
        }
        peers[peer] = known
        return now - known.moved < Limits.hashingStall && now - known.began < Limits.hashingPatience
    }
}
