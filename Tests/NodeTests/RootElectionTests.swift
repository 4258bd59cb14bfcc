import Model
import Testing

@testable import Node

@Suite struct `A root election` {
    private func peer(_ number: UInt8) throws -> PeerID {
        PeerID(try #require(Digest([UInt8](repeating: number, count: 32))))
    }

    private func root(_ number: UInt8) throws -> Root {
        Root(try #require(Digest([UInt8](repeating: number, count: 32))))
    }

    private func vote(_ voter: UInt8, _ content: UInt8, address: String? = nil) throws -> RootVote {
        RootVote(
            peer: try peer(voter), address: address ?? "10.0.0.\(voter)", isLoopback: address == "127.0.0.1",
            root: try root(content))
    }

    @Test func `without votes elects nothing`() {
        #expect(RootElection.hold([]) == .noVotes)
    }

    @Test func `with one vote is unconfirmed`() throws {
        #expect(RootElection.hold([try vote(1, 9)]) == .elected(try root(9), .unconfirmed))
    }

    @Test func `elects a strict majority`() throws {
        let votes = [try vote(1, 9), try vote(2, 9), try vote(3, 8)]
        #expect(RootElection.hold(votes) == .elected(try root(9), .agreed(votes: 2, of: 3)))
    }

    @Test func `with a tie is ambiguous and lists all roots`() throws {
        guard case .ambiguous(let candidates) = RootElection.hold([try vote(1, 9), try vote(2, 8)]) else {
            Issue.record("a tie was decided")
            return
        }
        #expect(Set(candidates.map(\.root)) == [try root(8), try root(9)])
        #expect(candidates.allSatisfy { $0.votes == 1 })
    }

    @Test func `counts one vote per address off loopback`() throws {
        let crowd = [
            try vote(1, 9, address: "10.0.0.7"), try vote(2, 9, address: "10.0.0.7"), try vote(3, 8), try vote(4, 8),
        ]
        #expect(RootElection.hold(crowd) == .elected(try root(8), .agreed(votes: 2, of: 3)))
    }

    @Test func `counts every peer on loopback`() throws {
        let votes = [try vote(1, 9, address: "127.0.0.1"), try vote(2, 9, address: "127.0.0.1")]
        #expect(RootElection.hold(votes) == .elected(try root(9), .agreed(votes: 2, of: 2)))
    }

    @Test func `counts one vote per identity`() throws {
        let votes = [try vote(1, 9), try vote(1, 9, address: "10.0.0.99"), try vote(2, 8)]
        guard case .ambiguous = RootElection.hold(votes) else {
            Issue.record("one identity voted twice")
            return
        }
    }
}
