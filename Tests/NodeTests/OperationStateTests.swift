import Control
import Model
import Runtime
import TestKit
import Testing

@testable import Node

/// A state with the claims that it gave, so that a test may hold many.
private final class Stage {
    private var state: OperationState
    private var claims: [OperationID: Slot] = [:]

    private final class Slot {
        var claim: OperationClaim?

        init(_ claim: consuming OperationClaim) { self.claim = consume claim }
    }

    init(limit: Int = 8) { state = OperationState(limit: limit) }

    /// As a daemon leaves it that stops.
    deinit {
        for id in claims.keys { _ = suspend(id) }
        precondition(state.activeCount == 0, "a game is still claimed")
    }

    func claim(_ snapshot: OperationSnapshot) { claims[snapshot.id] = Slot(state.claim(snapshot)) }

    func end(_ id: OperationID, _ end: OperationEnd) {
        guard let claim = take(id) else { return }
        _ = state.end(claim, end, at: "now")
        state.release(claim)
    }

    func suspend(_ id: OperationID) -> OperationSnapshot? {
        guard let claim = take(id) else { return nil }
        return state.suspend(claim)
    }

    private func take(_ id: OperationID) -> OperationClaim? { claims.removeValue(forKey: id)?.claim.take() }

    subscript(_ id: OperationID) -> OperationSnapshot? { state[id] }
    var count: Int { state.snapshots.count }
    func set(limit: Int) { state.limit = limit }
    func hold(_ isHeld: Bool) { state.isHeld = isHeld }
    func admit() -> [OperationID] { state.admit() }
    func order(_ id: OperationID) -> OperationState.Order { state.order(id) }
    func pause(_ id: OperationID) -> OperationState.PauseAnswer { state.pause(id) }
    func resume(_ id: OperationID) -> Bool { state.resume(id) }
    func cancel(_ id: OperationID) -> Bool { state.cancel(id) }

    func progress(_ id: OperationID, _ progress: OperationProgress, now: Instant) -> OperationSnapshot? {
        state.progress(id, progress, now: now)
    }

    /// What becomes of it, in a word.
    func returned(_ id: OperationID, _ end: OperationEnd, isStopping: Bool = false) -> String {
        switch state.returned(id, end, isStopping: isStopping) {
        case .ends(.finished): "finished"
        case .ends(.cancelled): "cancelled"
        case .ends: "other end"
        case .parks: "parks"
        case .suspends: "suspends"
        }
    }
}

@Suite struct `The operation state` {
    private func begin(
        _ number: Int64, _ game: String? = nil, _ kind: OperationKind = .download
    ) throws -> OperationSnapshot {
        OperationSnapshot(
            id: OperationID(rawValue: number), game: try #require(GameID(game ?? "game\(number)")), kind: kind,
            brief: OperationBrief(version: try #require(GameVersion("1"))), started: "2026-01-01T00:00:00Z")
    }

    private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
    private func id(_ number: Int64) -> OperationID { OperationID(rawValue: number) }
    private let downloading = OperationProgress(phase: .downloading, bytesDone: 1, bytesTotal: 10)

    /// One operation at work for each number.
    private func working(_ numbers: ClosedRange<Int64>, limit: Int = 8) throws -> Stage {
        let state = Stage(limit: limit)
        for number in numbers { state.claim(try begin(number)) }
        _ = state.admit()
        return state
    }

    @Test func `holds one operation per game until it is released`() throws {
        var state = OperationState()
        let first = try begin(1, "quake")
        let claim = state.claim(first)
        #expect(state.running(first.game)?.id == first.id)
        let ended = state.end(claim, .finished("installed"), at: "2026-01-01T00:00:01Z")
        #expect(ended.standing == .finished)
        #expect(state.running(first.game) != nil, "the claim stays while the library settles")
        state.release(claim)
        #expect(state.running(first.game) == nil)
        #expect(state[first.id]?.outcome == "installed")
    }

    @Test func `is left by the daemon when a claim is lost`() async throws {
        await #expect(processExitsWith: .failure) {
            var state = OperationState()
            guard let game = GameID("quake"), let version = GameVersion("1") else { return }
            _ = state.claim(
                OperationSnapshot(
                    id: OperationID(rawValue: 1), game: game, kind: .download, brief: OperationBrief(version: version),
                    started: ""))
        }
    }

    // MARK: - The queue

    @Test func `lets as many work as the limit says, the oldest first`() throws {
        let state = Stage(limit: 2)
        for number in [3, 1, 2] as [Int64] { state.claim(try begin(number)) }
        #expect(state.admit() == [id(1), id(2)])
        #expect(state.admit().isEmpty)
        #expect(state.order(id(3)) == .wait)
        #expect(state[id(3)]?.phase == .queued)
        state.end(id(1), .finished("done"))
        #expect(state.admit() == [id(3)])
    }

    @Test func `gives the place of one that waits for a source to another`() throws {
        let state = Stage(limit: 1)
        for number in 1...3 as ClosedRange<Int64> { state.claim(try begin(number)) }
        #expect(state.admit() == [id(1)])
        _ = state.progress(id(1), OperationProgress(phase: .waitingForSource), now: at(0))
        #expect(state.admit() == [id(2)])
        _ = state.progress(id(1), downloading, now: at(1))
        state.end(id(2), .cancelled)
        #expect(state.admit().isEmpty, "it has its place again")
    }

    @Test func `begins nothing while it is held, nor beyond a lower limit`() throws {
        let state = Stage(limit: 2)
        state.hold(true)
        for number in 1...3 as ClosedRange<Int64> { state.claim(try begin(number)) }
        #expect(state.admit().isEmpty)
        state.hold(false)
        #expect(state.admit().count == 2)
        state.set(limit: 1)
        state.end(id(1), .cancelled)
        #expect(state.admit().isEmpty)
        state.set(limit: 2)
        #expect(state.admit() == [id(3)])
    }

    // MARK: - Pause, resume, cancel

    @Test func `pauses what waits at once and what works when its body lets go`() throws {
        let state = try working(1...1)
        state.claim(try begin(2))
        #expect(state.pause(id(2)) == .paused)
        #expect(state.pause(id(1)) == .stopping)
        #expect(state.order(id(1)) == .work, "until its body has returned")
        #expect(state.returned(id(1), .cancelled) == "parks")
        for number in [1, 2] as [Int64] {
            #expect(state[id(number)]?.standing == .paused)
            #expect(state.order(id(number)) == .wait)
        }
        #expect(state.admit().isEmpty)
        #expect(state.resume(id(1)))
        #expect(!state.resume(id(1)), "it is not paused any more")
        #expect(state.admit() == [id(1)])
    }

    @Test func `lets a body that ended before it heard of the pause end`() throws {
        let state = try working(1...1)
        #expect(state.pause(id(1)) == .stopping)
        #expect(state.returned(id(1), .finished("downloaded")) == "finished")
    }

    @Test func `queues again what was resumed before it had paused`() throws {
        let state = try working(1...1)
        #expect(state.pause(id(1)) == .stopping)
        #expect(state.resume(id(1)))
        #expect(state.returned(id(1), .cancelled) == "parks")
        #expect(state[id(1)]?.standing == .running)
        #expect(state.admit() == [id(1)])
    }

    @Test func `does not pause an install`() throws {
        let state = Stage()
        state.claim(try begin(1, nil, .install))
        #expect(state.pause(id(1)) == .cannot)
        state.claim(try begin(2))
        _ = state.admit()
        _ = state.progress(id(2), OperationProgress(phase: .installing), now: at(0))
        #expect(state.pause(id(2)) == .cannot)
    }

    @Test func `cancels what is queued, paused or at work, once`() throws {
        let state = try working(1...1, limit: 1)
        for number in [2, 3] as [Int64] { state.claim(try begin(number)) }
        #expect(state.pause(id(3)) == .paused)
        for number in 1...3 as ClosedRange<Int64> {
            #expect(state.cancel(id(number)))
            #expect(!state.cancel(id(number)))
            #expect(state.order(id(number)) == .cancel)
            #expect(state.pause(id(number)) == .ended)
            #expect(!state.resume(id(number)))
        }
        #expect(state.admit().isEmpty)
        for number in 1...3 as ClosedRange<Int64> {
            #expect(state.returned(id(number), .cancelled, isStopping: true) == "cancelled")
            state.end(id(number), .cancelled)
        }
    }

    @Test func `leaves for the next life what the stop cuts short`() throws {
        let state = try working(1...1)
        #expect(state.returned(id(1), .cancelled, isStopping: true) == "suspends")
        #expect(state.suspend(id(1))?.standing == .running)
        #expect(state[id(1)] == nil)
    }

    // MARK: - Progress

    @Test func `tells progress at most every tenth of a second, and every new phase`() throws {
        let state = try working(1...1)
        #expect(state.progress(id(1), downloading, now: at(0)) != nil)
        #expect(state.progress(id(1), downloading, now: at(99)) == nil)
        #expect(state.progress(id(1), downloading, now: at(100)) != nil)
        #expect(state.progress(id(1), OperationProgress(phase: .installing), now: at(101)) != nil)
    }

    @Test func `takes the rate over a second`() throws {
        let state = try working(1...1)
        _ = state.progress(id(1), OperationProgress(phase: .downloading, bytesDone: 1_000), now: at(0))
        let later = state.progress(id(1), OperationProgress(phase: .downloading, bytesDone: 5_000), now: at(2_000))
        #expect(later?.rate == 2_000)
    }

    @Test func `ignores progress of an operation that does not work`() throws {
        let state = try working(1...1)
        state.claim(try begin(2))
        #expect(state.progress(id(2), downloading, now: at(0)) == nil)
        state.end(id(1), .cancelled)
        #expect(state.progress(id(1), downloading, now: at(0)) == nil)
    }

    @Test func `keeps as many ended operations as the limit says`() throws {
        let state = Stage()
        for number in 1...Int64(Limits.operationsRetained + 1) {
            state.claim(try begin(number, "quake"))
            state.end(id(number), .cancelled)
        }
        #expect(state.count == Limits.operationsRetained)
        #expect(state[id(1)] == nil)
        #expect(state[id(2)] != nil)
    }
}
