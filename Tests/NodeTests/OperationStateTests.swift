import Control
import Model
import Runtime
import Testing

@testable import Node

@Suite struct `The operation state` {
    private func begin(_ number: Int64, _ game: String = "quake") throws -> OperationSnapshot {
        OperationSnapshot(
            id: OperationID(rawValue: number), game: try #require(GameID(game)), kind: .download,
            brief: OperationBrief(version: try #require(GameVersion("1"))), phase: .waitingForSource,
            started: "2026-01-01T00:00:00Z")
    }

    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func `holds one running operation per game until it is released`() throws {
        var state = OperationState()
        let first = try begin(1)
        state.claim(first)
        #expect(state.running(first.game)?.id == first.id)
        let ended = state.end(first.id, .finished("installed"), at: "2026-01-01T00:00:01Z")
        #expect(ended.standing == .finished)
        #expect(state.running(first.game) != nil, "the claim stays while the library settles")
        state.release(first.id)
        #expect(state.running(first.game) == nil)
        #expect(state[first.id]?.outcome == "installed")
    }

    @Test func `tells progress at most every tenth of a second, and every new phase`() throws {
        var state = OperationState()
        state.claim(try begin(1))
        let id = OperationID(rawValue: 1)
        let some = OperationProgress(phase: .downloading, bytesDone: 1, bytesTotal: 10)
        #expect(state.progress(id, some, now: at(0)) != nil)
        #expect(state.progress(id, some, now: at(99)) == nil)
        #expect(state.progress(id, some, now: at(100)) != nil)
        #expect(state.progress(id, OperationProgress(phase: .installing), now: at(101)) != nil)
    }

    @Test func `takes the rate over a second`() throws {
        var state = OperationState()
        state.claim(try begin(1))
        let id = OperationID(rawValue: 1)
        _ = state.progress(id, OperationProgress(phase: .downloading, bytesDone: 1_000), now: at(0))
        let later = state.progress(id, OperationProgress(phase: .downloading, bytesDone: 5_000), now: at(2_000))
        #expect(later?.rate == 2_000)
    }

    @Test func `ignores progress of an operation that has ended`() throws {
        var state = OperationState()
        state.claim(try begin(1))
        let id = OperationID(rawValue: 1)
        _ = state.end(id, .cancelled, at: "now")
        #expect(state.progress(id, OperationProgress(phase: .downloading), now: at(0)) == nil)
    }

    @Test func `keeps as many ended operations as the limit says`() throws {
        var state = OperationState()
        for number in 1...Int64(Limits.operationsRetained + 1) {
            state.claim(try begin(number))
            _ = state.end(OperationID(rawValue: number), .cancelled, at: "now")
            state.release(OperationID(rawValue: number))
        }
        #expect(state.snapshots.count == Limits.operationsRetained)
        #expect(state[OperationID(rawValue: 1)] == nil)
        #expect(state[OperationID(rawValue: 2)] != nil)
    }
}
