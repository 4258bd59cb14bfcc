import Model
import Runtime
import TestKit
import Testing

@testable import Node

@Suite struct `The patience with peers that hash` {
    private let start = ManualClock().now

    private func peer(_ byte: UInt8) throws -> PeerID {
        PeerID(try #require(Digest([UInt8](repeating: byte, count: 32))))
    }

    @Test func `lasts as long as they get on`() throws {
        var patience = HashingPatience()
        let peer = try peer(1)
        var now = start
        for done in 0..<UInt64(4) {
            #expect(patience.believes(peer, done: done, now: now) == true)
            now = now + Limits.hashingStall * 0.9
        }
    }

    @Test func `ends with one that stands still, whatever it says of the whole, and not with the others`() throws {
        var patience = HashingPatience()
        let (still, busy) = (try peer(1), try peer(2))
        #expect(patience.believes(still, done: 7, now: start) == true)
        #expect(patience.believes(busy, done: 1, now: start) == true)
        let later = start + Limits.hashingStall
        // Going back is no progress.
        #expect(patience.believes(still, done: 3, now: later) == false)
        #expect(patience.believes(still, done: 7, now: later) == false)
        #expect(patience.believes(busy, done: 2, now: later) == true)
    }

    @Test func `ends with one that is never done`() throws {
        var patience = HashingPatience()
        let peer = try peer(1)
        var (now, done) = (start, UInt64(0))
        while patience.believes(peer, done: done, now: now) {
            done += 1
            now = now + .seconds(1)
            try #require(now - start <= Limits.hashingPatience)
        }
        #expect(now - start == Limits.hashingPatience)
    }
}
