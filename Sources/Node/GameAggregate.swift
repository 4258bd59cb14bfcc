import Model

/// What one peer said that it has of one game, and how that peer is reached now.
struct GameHolding: Hashable, Sendable {
    enum Reach: Hashable, Sendable {
        case linked
        /// Silent for longer than a ping takes.
        case suspect
        /// Not linked now; what it had when it went.
        case gone
        case blocked
    }

    let peer: PeerID
    let name: String
    /// Without the port: off loopback an address has one vote.
    let address: String
    let isLoopback: Bool
    let reach: Reach
    let summary: GameSummary
}

/// Whether a peer that has the game is a source of it, and why it is none.
enum SourceVerdict: Hashable, Sendable {
    case source
    /// A source that has been silent: it is asked when no other one is left.
    case suspect
    case otherVersion(GameVersion)
    case hashing
    /// Its root is not the agreed one.
    case differs(Root)
    /// The peers do not agree, and nothing says that its root is the right one.
    case ambiguous(Root)
    case localOnly
    case partial
    case unavailable
    case gone
    case blocked

    /// One word for scripts, as availability has it where it says the same.
    var word: String {
        switch self {
        case .source: "source"
        case .suspect: "suspect"
        case .otherVersion: "outdated"
        case .hashing: Availability.hashing.rawValue
        case .differs: Availability.differs.rawValue
        case .ambiguous: "ambiguous"
        case .localOnly: Availability.localOnly.rawValue
        case .partial: Availability.partial.rawValue
        case .unavailable: Availability.unavailable.rawValue
        case .gone: "offline"
        case .blocked: "blocked"
        }
    }

    var isSource: Bool { self == .source || self == .suspect }

    /// Why it is no source, as it follows the peer's name; nil for a source.
    var clause: String? {
        switch self {
        case .source: nil
        case .suspect: "has been silent and is asked last"
        case .otherVersion(let version): "has version \(version)"
        case .hashing: "is still hashing it"
        case .differs(let root): "has other content (root \(root.short))"
        case .ambiguous(let root): "has content that most do not confirm (root \(root.short))"
        case .localOnly: "has it installed, not downloaded"
        case .partial: "has a part of it"
        case .unavailable: "has no games directory now"
        case .gone: "is not connected"
        case .blocked: "is blocked on this host"
        }
    }
}

/// One game over all peers: who has it in which form, which root is right, and who is a source.
///
/// Pure. Other versions, installed copies and peers that still hash it contribute neither a vote nor a byte.
struct GameAggregate: Sendable {
    struct Judged: Hashable, Sendable {
        let holding: GameHolding
        let verdict: SourceVerdict
    }

    /// Copies of one version, whoever has them.
    struct VersionCount: Hashable, Sendable {
        let version: GameVersion
        let peers: Int
    }

    /// Every peer that has the game, in the order of the identities.
    let holdings: [Judged]
    /// Of the peers' votes and, when this host has the whole game itself, of its own: so every host counts alike.
    let election: RootElection
    /// Of the peers alone.
    let votes: [RootElection.Candidate]

    /// - Parameters:
    ///   - entry: names the version that counts.
    ///   - own: this host's vote, when it holds a whole root of that version.
    init(_ entry: CatalogEntry, _ holdings: [GameHolding], own: RootVote?) {
        let votes = holdings.compactMap { GameAggregate.vote($0, entry.version) }
        let election = RootElection.hold(votes + (own.map { [$0] } ?? []))
        self.votes = RootElection.count(votes)
        self.election = election
        let right: Root? = if case .elected(let root, _) = election { root } else { own?.root }
        self.holdings = holdings.sorted { $0.peer < $1.peer }
            .map { Judged(holding: $0, verdict: GameAggregate.judge($0, entry.version, right: right)) }
    }

    var sources: Int { holdings.count { $0.verdict.isSource } }
    /// Linked peers that have it in any form and version.
    var peers: Int { holdings.count { $0.verdict != .gone && $0.verdict != .blocked } }
    /// As the sources say; nil without one. They have the same root, so they say the same.
    var bytes: UInt64? { holdings.first { $0.verdict.isSource }?.holding.summary.bytes }

    /// Linked peers by the version that they have, the newest name first.
    var versions: [VersionCount] {
        var counts: [GameVersion: Int] = [:]
        for judged in holdings where judged.verdict != .gone && judged.verdict != .blocked {
            counts[judged.holding.summary.version, default: 0] += 1
        }
        return counts.map { VersionCount(version: $0.key, peers: $0.value) }
            .sorted { $0.version.text > $1.version.text }
    }

    /// How sure a root that is here is; nil when no peer has a word on it.
    func standing(of root: Root) -> String? {
        let all = votes.reduce(0) { $0 + $1.votes }
        guard all > 0 else { return nil }
        let same = votes.first { $0.root == root }?.votes ?? 0
        if case .elected(let right, _) = election {
            guard right == root else { return "differs from the agreed one" }
            if same > 0 { return (all == 1 ? RootStanding.unconfirmed : .agreed(votes: same, of: all)).text }
        }
        return "the peers do not agree"
    }

    /// Why there is no source, each peer with its reason; nil when there is one.
    func whyNoSource(_ entry: CatalogEntry) -> String? {
        guard sources == 0 else { return nil }
        let reasons = holdings.compactMap { judged in
            judged.verdict.clause.map { "\(judged.holding.name) \($0)" }
        }
        guard !reasons.isEmpty else { return "No peer has it." }
        let rest = reasons.count - GameAggregate.named
        let named = reasons.prefix(GameAggregate.named) + (rest > 0 ? ["and \(rest) more"] : [])
        return "No peer is a source of version \(entry.version): \(named.joined(separator: "; "))."
    }

    /// Peers with their reasons in one sentence; `info` has a table of all.
    private static let named = 6

    private static func vote(_ holding: GameHolding, _ version: GameVersion) -> RootVote? {
        guard holding.reach == .linked || holding.reach == .suspect, holding.summary.version == version,
            holding.summary.availability == .ready, let root = holding.summary.root
        else { return nil }
        return RootVote(peer: holding.peer, address: holding.address, isLoopback: holding.isLoopback, root: root)
    }

    private static func judge(_ holding: GameHolding, _ version: GameVersion, right: Root?) -> SourceVerdict {
        switch holding.reach {
        case .blocked: return .blocked
        case .gone: return .gone
        case .linked, .suspect: break
        }
        let summary = holding.summary
        // Before its version: what is only installed is nobody's source in any.
        if summary.availability == .localOnly { return .localOnly }
        guard summary.version == version else { return .otherVersion(summary.version) }
        switch summary.availability {
        case .hashing: return .hashing
        case .outdated: return .otherVersion(summary.version)
        case .localOnly: return .localOnly
        case .partial: return .partial
        case .unavailable: return .unavailable
        case .differs: return summary.root.map { .differs($0) } ?? .unavailable
        case .ready: break
        }
        guard let root = summary.root else { return .hashing }
        guard let right else { return .ambiguous(root) }
        guard root == right else { return .differs(root) }
        return holding.reach == .suspect ? .suspect : .source
    }
}
