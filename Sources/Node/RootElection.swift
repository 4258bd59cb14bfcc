package import Model

/// One peer's word on which content is the right one: it holds the whole root of the catalog's version.
package struct RootVote: Sendable, Hashable {
    package let peer: PeerID
    /// The peer's address without its port; one vote per address off loopback.
    package let address: String
    package let isLoopback: Bool
    package let root: Root

    package init(peer: PeerID, address: String, isLoopback: Bool, root: Root) {
        self.peer = peer
        self.address = address
        self.isLoopback = isLoopback
        self.root = root
    }
}

/// How sure a root is.
package enum RootStanding: Sendable, Hashable {
    /// A strict majority of two votes or more.
    case agreed(votes: Int, of: Int)
    /// One vote in all: enough to go on, never enough to remember.
    case unconfirmed
    /// The caller named it with `--root`.
    case chosen

    package var text: String {
        switch self {
        case .agreed(let votes, let all): "agreed by \(votes) of \(all)"
        case .unconfirmed: "unconfirmed (1 peer)"
        case .chosen: "chosen by the user"
        }
    }
}

/// Which root is right: a strict majority of the votes, one per identity and, off loopback, one per address.
package enum RootElection: Sendable, Hashable {
    case noVotes
    case elected(Root, RootStanding)
    /// No majority: every root with its votes, most first.
    case ambiguous([Candidate])

    package struct Candidate: Sendable, Hashable {
        package let root: Root
        package let votes: Int
    }

    package static func hold(_ votes: [RootVote]) -> RootElection {
        let candidates = count(votes)
        guard let first = candidates.first else { return .noVotes }
        let all = candidates.reduce(0) { $0 + $1.votes }
        guard first.votes * 2 > all else { return .ambiguous(candidates) }
        return .elected(first.root, all == 1 ? .unconfirmed : .agreed(votes: first.votes, of: all))
    }

    /// Every root that has a vote that counts, the most votes first.
    static func count(_ votes: [RootVote]) -> [Candidate] {
        var identities: Set<PeerID> = []
        var addresses: Set<String> = []
        var counts: [Root: Int] = [:]
        // Sorted, so that the same peers give the same answer whatever the order in which they came.
        for vote in votes.sorted(by: { $0.peer < $1.peer }) where identities.insert(vote.peer).inserted {
            guard vote.isLoopback || addresses.insert(vote.address).inserted else { continue }
            counts[vote.root, default: 0] += 1
        }
        return counts.map { Candidate(root: $0.key, votes: $0.value) }
            .sorted { ($1.votes, $0.root) < ($0.votes, $1.root) }
    }
}
