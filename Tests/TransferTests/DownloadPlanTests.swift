import Model
import Testing

@testable import Transfer

@Suite struct `A download plan` {
    private final class Link {}

    private let links = (Link(), Link(), Link())
    private func source(_ number: UInt8, _ link: AnyObject) throws -> SourceID {
        let digest = try #require(Digest([UInt8](repeating: number, count: 32)))
        return SourceID(peer: PeerID(digest), link: ObjectIdentifier(link))
    }

    @Test func `gives chunks in order, three at a time to one source`() throws {
        let alpha = try source(1, links.0)
        var plan = DownloadPlan(missing: [0, 1, 2, 3, 4], chunkCount: 5)
        plan.update(sources: [alpha])
        #expect([plan.next(for: alpha), plan.next(for: alpha), plan.next(for: alpha)] == [0, 1, 2])
        #expect(plan.next(for: alpha) == nil)
        plan.landed(1, from: alpha)
        #expect(plan.next(for: alpha) == 3)
    }

    @Test func `asks no chunk of two sources at once`() throws {
        let (alpha, bravo) = (try source(1, links.0), try source(2, links.1))
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [alpha, bravo])
        #expect(plan.next(for: alpha) == 0)
        #expect(plan.next(for: bravo) == 1)
        #expect(plan.next(for: bravo) == nil)
    }

    @Test func `gives a chunk that failed to another source`() throws {
        let (alpha, bravo) = (try source(1, links.0), try source(2, links.1))
        var plan = DownloadPlan(missing: [0], chunkCount: 1)
        plan.update(sources: [alpha, bravo])
        for _ in 0..<Limits.triesPerPeer {
            #expect(plan.next(for: alpha) == 0)
            plan.failed(0, from: alpha)
            // Not of the same one again at once, as long as another may have it.
            #expect(plan.next(for: alpha) == nil)
            #expect(plan.next(for: bravo) == 0)
            plan.returned(0, from: bravo)
            plan.rested(0, of: alpha.peer)
        }
        #expect(plan.next(for: alpha) == nil)
        #expect(!plan.isExhausted)
        #expect(plan.next(for: bravo) == 0)
        plan.landed(0, from: bravo)
        #expect(plan.isComplete)
    }

    @Test func `asks the only source again for what it failed`() throws {
        let (alpha, bravo) = (try source(1, links.0), try source(2, links.1))
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [alpha, bravo])
        #expect(plan.next(for: alpha) == 0)
        plan.failed(0, from: alpha)
        // What it did not fail it may have at once.
        #expect(plan.next(for: alpha) == 1)
        plan.landed(1, from: alpha)
        plan.spend(bravo)
        // It has a moment to recover first.
        #expect(plan.next(for: alpha) == nil)
        #expect(!plan.isExhausted)
        plan.rested(0, of: alpha.peer)
        #expect(plan.next(for: alpha) == 0)
    }

    @Test func `leaves a peer in peace about what it failed, whatever its link, and nobody else`() throws {
        let (before, after, other) = (try source(1, links.0), try source(1, links.1), try source(2, links.0))
        var plan = DownloadPlan(missing: [0], chunkCount: 1)
        plan.update(sources: [before])
        #expect(plan.next(for: before) == 0)
        plan.failed(0, from: before)
        plan.update(sources: [after])
        #expect(plan.next(for: after) == nil)
        plan.update(sources: [after, other])
        #expect(plan.next(for: other) == 0)
    }

    @Test func `is exhausted when every source failed a chunk three times`() throws {
        let alpha = try source(1, links.0)
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [alpha])
        for _ in 0..<Limits.triesPerPeer {
            _ = plan.next(for: alpha)
            plan.failed(0, from: alpha)
            plan.rested(0, of: alpha.peer)
        }
        #expect(plan.isExhausted)
    }

    @Test func `counts failures against the peer and not against its link`() throws {
        let (before, after) = (try source(1, links.0), try source(1, links.1))
        var plan = DownloadPlan(missing: [0], chunkCount: 1)
        plan.update(sources: [before])
        for _ in 0..<Limits.triesPerPeer {
            _ = plan.next(for: before)
            plan.failed(0, from: before)
            plan.rested(0, of: before.peer)
        }
        plan.update(sources: [after])
        #expect(plan.next(for: after) == nil)
    }

    @Test func `takes back what a lost source had and gives it to the one that stays`() throws {
        let (alpha, bravo) = (try source(1, links.0), try source(2, links.1))
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [alpha, bravo])
        #expect(plan.next(for: alpha) == 0)
        #expect(plan.next(for: bravo) == 1)
        plan.returned(0, from: alpha)
        plan.spend(alpha)
        plan.landed(1, from: bravo)
        #expect(plan.next(for: alpha) == nil)
        #expect(plan.next(for: bravo) == 0)
        #expect(plan.usableSources == 1)
    }

    @Test func `asks a source again that was away for a while`() throws {
        let alpha = try source(1, links.0)
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [alpha])
        #expect(plan.next(for: alpha) == 0)
        plan.update(sources: [])
        #expect(plan.next(for: alpha) == nil)
        #expect(plan.usableSources == 0)
        plan.landed(0, from: alpha)
        plan.update(sources: [alpha])
        #expect(plan.next(for: alpha) == 1)
    }

    @Test func `asks a source that refused again only when it has been away`() throws {
        let alpha = try source(1, links.0)
        var plan = DownloadPlan(missing: [0], chunkCount: 1)
        plan.update(sources: [alpha])
        plan.spend(alpha)
        plan.update(sources: [alpha])
        #expect(plan.next(for: alpha) == nil)
        plan.update(sources: [])
        plan.update(sources: [alpha])
        #expect(plan.next(for: alpha) == 0)
    }

    @Test func `is complete at once when nothing is missing`() {
        #expect(DownloadPlan(missing: [], chunkCount: 3).isComplete)
    }

    @Test func `keeps what each peer delivered over all its links`() throws {
        let (before, after) = (try source(1, links.0), try source(1, links.1))
        var plan = DownloadPlan(missing: [0, 1], chunkCount: 2)
        plan.update(sources: [before])
        _ = plan.next(for: before)
        plan.landed(0, from: before)
        plan.update(sources: [after])
        _ = plan.next(for: after)
        plan.landed(1, from: after)
        #expect(plan.delivered == [before.peer: 2])
        #expect(plan.isComplete)
    }
}
