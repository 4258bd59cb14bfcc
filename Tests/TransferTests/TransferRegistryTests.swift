import Model
import TestKit
import Testing

@testable import Transfer

private func content(_ name: String, _ number: UInt8) throws -> ServedContent {
    ServedContent(
        game: try #require(GameID(name)),
        root: Root(try #require(Digest([UInt8](repeating: number, count: 32)))))
}

private func peer() throws -> PeerID { PeerID(try #require(Digest([UInt8](repeating: 7, count: 32)))) }

@Suite struct `A transfer ledger` {
    @Test func `admits up to its limit and one more not`() throws {
        var ledger = TransferLedger(limit: 2)
        let quake = try content("quake", 1)
        _ = try ledger.admit(quake, peer: peer())
        let second = try ledger.admit(quake, peer: peer())
        #expect(throws: TransferError.busy(limit: 2)) { try ledger.admit(quake, peer: try peer()) }
        ledger.finish(second)
        _ = try ledger.admit(quake, peer: peer())
    }

    @Test func `closes a game in every root and leaves another game open`() throws {
        var ledger = TransferLedger(limit: 4)
        let (old, new, other) = (try content("quake", 1), try content("quake", 2), try content("doom", 1))
        let running = [try ledger.admit(old, peer: peer()), try ledger.admit(new, peer: peer())]
        #expect(Set(ledger.close(old.game)) == Set(running))
        for content in [old, new] {
            #expect(throws: TransferError.closed(old.game)) { try ledger.admit(content, peer: try peer()) }
        }
        _ = try ledger.admit(other, peer: peer())
        #expect(ledger.isServing(old.game))
        for id in running { ledger.finish(id) }
        #expect(!ledger.isServing(old.game))
        ledger.open(old.game)
        _ = try ledger.admit(old, peer: peer())
    }

    @Test func `that is stopped admits nothing until it starts again`() throws {
        var ledger = TransferLedger(limit: 4)
        let quake = try content("quake", 1)
        let running = try ledger.admit(quake, peer: peer())
        #expect(ledger.stop() == [running])
        #expect(throws: TransferError.closed(quake.game)) { try ledger.admit(quake, peer: try peer()) }
        ledger.start()
        _ = try ledger.admit(quake, peer: peer())
    }
}

@Suite struct `A transfer registry` {
    /// A transfer that runs until its cancel is called, as one with a stalled receiver does.
    private static func stall(
        _ registry: TransferRegistry, _ content: ServedContent, began: AsyncStream<Void>.Continuation
    ) async throws {
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        try await registry.serving(content, to: try peer(), cancel: { cancel.finish() }) {
            began.finish()
            for await _ in cancelled {}
        }
    }

    @Test func `closes only when the last transfer has ended`() async throws {
        try await within(.seconds(10)) {
            let registry = TransferRegistry(limit: 8) { _ in }
            let quake = try content("quake", 1)
            let (start, began) = AsyncStream.makeStream(of: Void.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.stall(registry, quake, began: began) }
                for await _ in start {}
                try await registry.close(quake.game)
                #expect(await registry.transfers().isEmpty)
                await #expect(throws: TransferError.closed(quake.game)) {
                    try await registry.serving(quake, to: try peer(), cancel: {}) {}
                }
                try await group.waitForAll()
            }
            await registry.open(quake.game)
            try await registry.serving(quake, to: try peer(), cancel: {}) {}
        }
    }

    @Test func `opens the game again when the closer is cancelled`() async throws {
        try await within(.seconds(10)) {
            let registry = TransferRegistry(limit: 8) { _ in }
            let quake = try content("quake", 1)
            let (start, began) = AsyncStream.makeStream(of: Void.self)
            let (free, release) = AsyncStream.makeStream(of: Void.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // Deaf to its cancel: the closer has to wait.
                    try await registry.serving(quake, to: try peer(), cancel: {}) {
                        began.finish()
                        for await _ in free {}
                    }
                }
                for await _ in start {}
                let wasCancelled = await withTaskGroup(of: Bool.self) { closer in
                    closer.addTask {
                        do { try await registry.close(quake.game) } catch { return true }
                        return false
                    }
                    closer.cancelAll()
                    return await closer.next() ?? false
                }
                #expect(wasCancelled)
                try await registry.serving(quake, to: try peer(), cancel: {}) {}
                release.finish()
                try await group.waitForAll()
            }
        }
    }

    @Test func `tells the first count at once and the last one in the end`() async throws {
        try await within(.seconds(10)) {
            let (counts, clock) = (Trace<Int>(), ManualClock())
            let registry = TransferRegistry(limit: 8, time: clock) { counts.record($0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await registry.run {} }
                try await registry.serving(try content("quake", 1), to: try peer(), cancel: {}) {
                    _ = await counts.wait { $0 == [1] }
                    // However many come and go meanwhile, nothing is told before the pause is over.
                    for _ in 1...50 {
                        try await registry.serving(try content("quake", 2), to: try peer(), cancel: {}) {}
                    }
                }
                await clock.sleepers(1)
                #expect(counts.events == [1])
                clock.advance(by: Limits.transferCountPause)
                _ = await counts.wait { $0 == [1, 0] }
                group.cancelAll()
            }
            #expect(counts.events == [1, 0])
        }
    }

    @Test func `ends a transfer that throws`() async throws {
        struct Broken: Error {}
        let registry = TransferRegistry(limit: 1) { _ in }
        let quake = try content("quake", 1)
        await #expect(throws: Broken.self) {
            try await registry.serving(quake, to: try peer(), cancel: {}) { throw Broken() }
        }
        #expect(await registry.transfers().isEmpty)
    }
}
