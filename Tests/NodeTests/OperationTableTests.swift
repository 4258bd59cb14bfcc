import Control
import Database
import Model
import Runtime
import Synchronization
import TestKit
import Testing

@testable import Node

/// A table whose neighbours only take notes.
private struct Desk: Sendable {
    /// Steps of an end in their order, and the names of events.
    let trace = Trace<String>()
    let records = Trace<OperationSnapshot>()
    let table: OperationTable
    let isHeld = Shared(false)
    let left = Shared<[OperationSnapshot]>([])

    /// A box that several closures share.
    final class Shared<Value: Sendable>: Sendable {
        private let value: Mutex<Value>
        init(_ value: Value) { self.value = Mutex(value) }
        var current: Value { value.withLock { $0 } }
        func set(_ new: Value) { value.withLock { $0 = new } }
    }

    /// - Parameter record: runs after an end was noted, as the database would take its time.
    init(
        limit: Int = 3, left: [OperationSnapshot] = [], recording: @escaping @Sendable () async -> Void = {},
        at place: @escaping @Sendable (String) async -> Void = { _ in },
        perform: @escaping @Sendable (OperationSnapshot, OperationTable.Report) async -> OperationEnd
    ) {
        let (trace, records, isHeld, numbers) = (trace, records, isHeld, Shared<Int64>(0))
        self.left.set(left)
        let kept = self.left
        let ports = OperationPorts(
            nextID: {
                await place("number")
                numbers.set(numbers.current + 1)
                return OperationID(rawValue: numbers.current)
            },
            activate: { _ in
                trace.record("hidden")
                await place("hiding")
            }, settle: { _ in trace.record("settled") },
            deactivate: { _ in trace.record("visible") },
            record: { snapshot in
                records.record(snapshot)
                guard snapshot.standing.hasEnded else { return await place("record") }
                trace.record("recorded")
                await recording()
            },
            recorded: { kept.current }, isHeld: { isHeld.current }, perform: { await perform($0, $1) },
            publish: { trace.record($0.name) }, timestamp: { "2026-01-01T00:00:00Z" })
        table = OperationTable(ports: ports, limit: limit, time: MonotonicTime(), log: .silent)
    }

    /// Runs the table while `body` runs, then stops it.
    ///
    /// - Parameter stopped: runs after the stop and before the claims are counted.
    func run(
        _ body: @escaping @Sendable (OperationTable) async throws -> Void,
        stopped: @escaping @Sendable () async -> Void = {}
    ) async throws {
        try await within(.seconds(20)) {
            let up = OneShot<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await table.run { up.give() } }
                await up.take()
                try await body(table)
                group.cancelAll()
                try await group.waitForAll()
            }
            await stopped()
            #expect(await table.activeCount == 0, "every claim is given back")
        }
    }

    func begin(_ game: String = "quake", _ kind: OperationKind = .download) async throws -> OperationID {
        try await table.begin(
            kind, try #require(GameID(game)), OperationBrief(version: try #require(GameVersion("1"))))
    }

    static func snapshot(
        _ number: Int64, _ game: String, _ kind: OperationKind = .download, _ phase: OperationPhase = .downloading
    ) throws -> OperationSnapshot {
        var snapshot = OperationSnapshot(
            id: OperationID(rawValue: number), game: try #require(GameID(game)), kind: kind,
            brief: OperationBrief(version: try #require(GameVersion("1"))), started: "2026-01-01T00:00:00Z")
        snapshot.phase = phase
        return snapshot
    }
}

/// Runs until it is cancelled.
private func endlessly() async -> OperationEnd {
    try? await AsyncGate().wait()
    return .cancelled
}

@Suite struct `The operation table` {
    @Test func `tells an end after the settled library, and lets nobody go before the game is free`() async throws {
        let gate = AsyncGate()
        let desk = Desk(recording: { try? await gate.wait() }) { _, _ in .finished("installed") }
        try await desk.run { table in
            let id = try await desk.begin("quake", .install)
            await desk.trace.wait(for: "recorded")
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    #expect(await table.wait(id)?.standing == .finished)
                    desk.trace.record("waited")
                }
                // One who has left already holds up nobody.
                await withTaskGroup { left in
                    left.addTask { _ = await table.wait(id) }
                    left.cancelAll()
                }
                gate.open()
                await desk.trace.wait(for: "waited")
            }
            let end = desk.trace.events.drop { $0 != "settled" }
            let order = [
                "settled", "recorded", EventName.activeOperationsChanged, "visible", EventName.operationFinished,
                "waited",
            ]
            #expect(Array(end) == order)
            _ = try await desk.begin("quake", .install)
        }
    }

    @Test func `refuses a second operation of a game, and says which one is in the way`() async throws {
        let desk = Desk { _, _ in await endlessly() }
        try await desk.run { table in
            let id = try await desk.begin()
            let busy = await #expect(throws: Failure.self) { try await desk.begin("quake", .install) }
            #expect(busy?.kind == .busy)
            #expect(busy?.hint?.contains("lanspreadctl cancel \(id)") == true)
            try await table.pause(id)
            await desk.records.wait { $0.last?.standing == .paused }
            let paused = await #expect(throws: Failure.self) { try await desk.begin() }
            #expect(paused?.hint?.contains("lanspreadctl resume \(id)") == true)
        }
    }

    @Test func `works on as many as may, and begins the next when one ends, pauses or waits`() async throws {
        let begun = Trace<Int64>()
        let desk = Desk(limit: 1) { operation, report in
            begun.record(operation.id.rawValue)
            if operation.id.rawValue == 3 { await report(OperationProgress(phase: .waitingForSource)) }
            return await endlessly()
        }
        try await desk.run { table in
            var ids: [OperationID] = []
            for game in ["quake", "doom", "heretic", "hexen"] { ids.append(try await desk.begin(game)) }
            await begun.wait(count: 1)
            #expect(begun.events == [1])
            #expect(await table.cancel(ids[0]))
            await begun.wait(count: 2)
            try await table.pause(ids[1])
            // The third one waits for a source and leaves its place to the fourth.
            await begun.wait(count: 4)
            #expect(begun.events == [1, 2, 3, 4])
            try await table.resume(ids[1])
            #expect(await table.snapshot(ids[1])?.phase == .queued)
            await table.setLimit(2)
            await begun.wait(count: 5)
            #expect(begun.events.last == 2)
        }
    }

    /// At its number, while its game is hidden, and while its record is written.
    @Test(arguments: ["number", "hiding", "record"])
    func `takes back a begin that the stop overtakes`(_ place: String) async throws {
        let (reached, gate) = (AsyncGate(), AsyncGate())
        let desk = Desk(at: { here in
            guard here == place else { return }
            reached.open()
            try? await gate.wait()
        }) { _, _ in await endlessly() }
        let answer = OneShot<Failure?>()
        try await desk.run { table in
            Task.detached {
                do {
                    _ = try await desk.begin()
                    answer.give(nil)
                } catch {
                    answer.give(error as? Failure)
                }
            }
            try await reached.wait()
        } stopped: {
            gate.open()
            #expect(await answer.take()?.kind == .shuttingDown)
        }
        #expect(desk.records.events.last.map { $0.standing.hasEnded } ?? true, "nothing goes on that was refused")
        let late = await #expect(throws: Failure.self) { try await desk.begin("doom") }
        #expect(late?.kind == .shuttingDown)
    }

    @Test func `begins nothing while what all stand on is changed`() async throws {
        let desk = Desk { _, _ in .finished("done") }
        try await desk.run { table in
            #expect(await table.reserve())
            #expect(await !table.reserve())
            let refused = await #expect(throws: Failure.self) { try await desk.begin() }
            #expect(refused?.kind == .busy && refused?.retryable == true)
            await table.release()
            _ = await table.wait(try await desk.begin())
        }
    }

    @Test(arguments: [false, true])
    func `that stops leaves an operation unfinished, unless somebody cancelled it`(_ isCancelled: Bool) async throws {
        let (running, asked) = (AsyncGate(), AsyncGate())
        let desk = Desk { _, _ in
            running.open()
            try? await AsyncGate().wait()
            // It hears the cancel, and takes its time until the table stops as well.
            await withCheckedContinuation { continuation in
                Task.detached {
                    try? await asked.wait()
                    continuation.resume()
                }
            }
            return .cancelled
        }
        try await desk.run { table in
            let id = try await desk.begin()
            try await running.wait()
            if isCancelled { #expect(await table.cancel(id)) }
            // The body goes on once the table has been told to stop, which is after this.
            Task.detached { asked.open() }
        }
        #expect(desk.records.events.last?.standing == (isCancelled ? .cancelled : .running))
        #expect(desk.trace.events.contains(EventName.operationFinished) == isCancelled)
    }

    // MARK: - Over a restart

    @Test func `goes on with what was left, in the queue, paused or at work, and reports what cannot`() async throws {
        let begun = Trace<Int64>()
        var paused = try Desk.snapshot(6, "hexen")
        paused.standing = .paused
        var ended = try Desk.snapshot(2, "quake")
        ended.close(.failed(Failure(.noSource, "Nobody has it.")), at: "2026-01-01T00:00:00Z")
        let left = [
            ended, try Desk.snapshot(3, "quake"), try Desk.snapshot(4, "doom", .install, .installing),
            // Two of one game: only the older one has the claim.
            try Desk.snapshot(5, "quake"), paused, try Desk.snapshot(7, "heretic", .install, .queued),
        ]
        let desk = Desk(limit: 8, left: left) { operation, _ in
            begun.record(operation.id.rawValue)
            return .finished("done")
        }
        try await desk.run { table in
            await begun.wait(count: 2)
            for number in [3, 7] as [Int64] {
                #expect(await table.wait(OperationID(rawValue: number))?.standing == .finished)
            }
            #expect(Set(begun.events) == [3, 7])
            #expect(await table.wait(OperationID(rawValue: 4))?.failure?.kind == .interrupted)
            #expect(await table.snapshot(OperationID(rawValue: 5))?.failure?.kind == .interrupted)
            #expect(await table.snapshot(OperationID(rawValue: 2))?.failure?.kind == .noSource)
            #expect(await table.snapshot(OperationID(rawValue: 6))?.standing == .paused)
            try await table.resume(OperationID(rawValue: 6))
            #expect(await table.wait(OperationID(rawValue: 6))?.standing == .finished)
        }
    }

    @Test func `begins nothing while there is no catalog, and goes on when there is one`() async throws {
        let desk = Desk(left: [try Desk.snapshot(3, "quake")]) { _, _ in .finished("done") }
        desk.isHeld.set(true)
        try await desk.run { table in
            #expect(await table.snapshot(OperationID(rawValue: 3))?.phase == .queued)
            #expect(await table.activeCount == 1)
            desk.isHeld.set(false)
            // Asked twice, it takes up nothing twice.
            await table.takeUp()
            await table.takeUp()
            #expect(await table.wait(OperationID(rawValue: 3))?.standing == .finished)
        }
    }

    @Test func `remembers what an operation was asked for and how it ended`() throws {
        var brief = OperationBrief(version: try #require(GameVersion("20240131")))
        brief.installs = false
        brief.overwrites = true
        brief.root = Root(hex: String(repeating: "0f", count: 32))
        var snapshot = OperationSnapshot(
            id: OperationID(rawValue: 42), game: try #require(GameID("quake")), kind: .download, brief: brief,
            started: "2026-01-01T00:00:00Z")
        snapshot.phase = .downloading
        snapshot.bytesDone = 17
        snapshot.standing = .paused
        let again = try #require(OperationSnapshot(snapshot.record))
        #expect(again.brief == brief)
        #expect(again.id == snapshot.id)
        #expect(again.started == snapshot.started)
        #expect(again.bytesDone == 17)
        #expect(again.standing == .paused)
        #expect(again.phase == .downloading)
        #expect(!snapshot.record.hasEnded)
        snapshot.close(.failed(Failure(.diskFull, "The disk is full.", hint: "Free some.")), at: "later")
        let ended = try #require(OperationSnapshot(snapshot.record))
        #expect(ended.failure == snapshot.failure)
        #expect(ended.ended == "later")
        #expect(snapshot.record.hasEnded)
        let broken = OperationRecord(
            id: snapshot.id, game: snapshot.game, kind: "download", hasEnded: false, detail: Array("{}".utf8))
        #expect(OperationSnapshot(broken) == nil)
    }
}

@Suite struct `The log of an operation` {
    @Test func `keeps its first and its last lines, and passes every record on`() throws {
        let sink = TraceSink()
        let lines = OperationLog(sink, timestamp: { "now" })
        let log = Log(component: "Test", sink: lines, level: .debug)
        let (one, other) = (OperationID(rawValue: 1), OperationID(rawValue: 2))
        log.notice("Too early.", kind: "ready", .operation(one))
        lines.open(one)
        let count = Limits.historyLinesFirst + Limits.historyLinesLast + 1
        for number in 1...count { log.notice("Line \(number).", kind: "ready", .operation(one)) }
        log.notice("Of another.", kind: "ready", .operation(other))
        log.notice("Of nobody.", kind: "ready")
        log.debug("Not for people.", .operation(one))
        let kept = try #require(lines.lines(of: one))
        #expect(kept.count == count)
        #expect(kept[0].text.hasPrefix("Test  Line 1."))
        #expect(kept[Limits.historyLinesFirst].text == "(1 lines are left out)")
        #expect(kept.last?.text.hasPrefix("Test  Line \(count).") == true)
        #expect(sink.trace.events.count == count + 4)
        #expect(lines.lines(of: other) == nil)
        lines.close(one)
        #expect(lines.lines(of: one) == nil)
    }
}
