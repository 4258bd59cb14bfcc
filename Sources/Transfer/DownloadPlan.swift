package import Model

/// One way to a source: the peer, and which of its links (a peer that came back is a new one).
package struct SourceID: Hashable, Sendable {
    package let peer: PeerID
    package let link: ObjectIdentifier

    package init(peer: PeerID, link: ObjectIdentifier) {
        self.peer = peer
        self.link = link
    }
}

/// Which chunk is asked of whom next.
///
/// Pure: it takes what happened and answers what to do. A chunk is asked of one peer at a time; one that failed goes
/// back and is tried elsewhere, at most three times per peer.
struct DownloadPlan {
    /// Requests in flight per source: one arriving, one under way, one being hashed and written.
    static let requestsPerSource = 3

    private struct SourceState {
        var inFlight: Set<Int> = []
        /// It does not say that it has the root now: an operation of its own hides the game, or it went.
        var isAway = false
        var isSpent = false
        var delivered = 0

        var isUsable: Bool { !isAway && !isSpent }
    }

    /// Waiting chunks, the next one last.
    private var waiting: [Int]
    private var remaining: Int
    private var sources: [SourceID: SourceState] = [:]
    /// Failures by peer, whatever its link: coming back does not make a liar honest.
    private var failures: [PeerID: [Int: Int]] = [:]
    /// Who failed a waiting chunk last: it is not the next one to be asked for it, when there is another.
    private var shunned: [Int: PeerID] = [:]
    /// Chunks that a peer failed a moment ago: asked at once it would most likely fail them again, and be out of tries.
    private var resting: [PeerID: Set<Int>] = [:]
    let chunkCount: Int

    init(missing: [Int], chunkCount: Int) {
        precondition(missing.allSatisfy { (0..<chunkCount).contains($0) }, "a missing chunk beyond \(chunkCount)")
        waiting = missing.sorted(by: >)
        remaining = missing.count
        self.chunkCount = chunkCount
    }

    var isComplete: Bool { remaining == 0 }
    var inFlight: Int { sources.values.reduce(0) { $0 + $1.inFlight.count } }
    /// Sources that are being asked or could be.
    var usableSources: Int { sources.values.count { $0.isUsable } }
    /// Chunks that each peer delivered, over all its links.
    var delivered: [PeerID: Int] {
        sources.reduce(into: [:]) { $0[$1.key.peer, default: 0] += $1.value.delivered }
    }

    /// Takes the sources as they are now. One that is not among them is away; when it says again that it has the root,
    /// what it refused before does not count any more.
    mutating func update(sources live: [SourceID]) {
        for source in live {
            var state = sources[source] ?? SourceState()
            if state.isAway { state.isSpent = false }
            state.isAway = false
            sources[source] = state
        }
        let present = Set(live)
        for source in sources.keys where !present.contains(source) { sources[source]?.isAway = true }
    }

    /// The next chunk to ask of `source`, or nil when there is none for it now.
    mutating func next(for source: SourceID) -> Int? {
        guard let state = sources[source], state.isUsable, state.inFlight.count < DownloadPlan.requestsPerSource else {
            return nil
        }
        let tries = failures[source.peer] ?? [:]
        let index = waiting.lastIndex { chunk in
            tries[chunk, default: 0] < Limits.triesPerPeer && resting[source.peer]?.contains(chunk) != true
                && (shunned[chunk] != source.peer || !hasOther(than: source.peer, for: chunk))
        }
        guard let index else { return nil }
        let chunk = waiting.remove(at: index)
        // Whatever becomes of it there, the one that failed it may be asked again.
        shunned[chunk] = nil
        sources[source]?.inFlight.insert(chunk)
        return chunk
    }

    mutating func landed(_ chunk: Int, from source: SourceID) {
        take(chunk, from: source)
        sources[source]?.delivered += 1
        remaining -= 1
    }

    /// The bytes were wrong or did not come; counts against the peer, which is not asked for them until `rested`.
    mutating func failed(_ chunk: Int, from source: SourceID) {
        take(chunk, from: source)
        failures[source.peer, default: [:]][chunk, default: 0] += 1
        shunned[chunk] = source.peer
        resting[source.peer, default: []].insert(chunk)
        waiting.append(chunk)
    }

    /// The peer may be asked again for a chunk that it failed.
    mutating func rested(_ chunk: Int, of peer: PeerID) { resting[peer]?.remove(chunk) }

    /// Nobody's fault: the chunk was not asked for in the end, or the link went.
    mutating func returned(_ chunk: Int, from source: SourceID) {
        take(chunk, from: source)
        waiting.append(chunk)
    }

    /// This link is of no more use for this root, until it has been away: lost, or the peer refused.
    mutating func spend(_ source: SourceID) { sources[source]?.isSpent = true }

    /// Whether every usable source was tried as often as it may for some waiting chunk: then nobody here has its bytes.
    var isExhausted: Bool {
        let peers = Set(sources.filter { $0.value.isUsable }.keys.map(\.peer))
        guard !peers.isEmpty else { return false }
        return waiting.contains { chunk in
            peers.allSatisfy { failures[$0]?[chunk, default: 0] ?? 0 >= Limits.triesPerPeer }
        }
    }

    private func hasOther(than peer: PeerID, for chunk: Int) -> Bool {
        sources.contains { source, state in
            source.peer != peer && state.isUsable && failures[source.peer]?[chunk] ?? 0 < Limits.triesPerPeer
        }
    }

    private mutating func take(_ chunk: Int, from source: SourceID) {
        guard sources[source]?.inFlight.remove(chunk) != nil else {
            preconditionFailure("chunk \(chunk) was not in flight at \(source.peer.short)")
        }
    }
}
