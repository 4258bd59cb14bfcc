import Control
import Database
import Model
import Runtime
import TestKit
import Testing

@testable import Node

@Suite struct `The operation table` {
    /// Ports that number operations and hold up the record of an end until `gate` opens.
    private static func ports(_ gate: AsyncGate, _ trace: Trace<String>) -> OperationPorts {
        OperationPorts(
            nextID: { OperationID(rawValue: Int64(trace.events.count { $0 == "begin" }) + 1) },
            activate: { _ in trace.record("begin") }, settle: { _ in trace.record("settle") },
            deactivate: { _ in trace.record("visible") },
            record: { snapshot in
                guard snapshot.standing != .running else { return }
                trace.record("record")
                try? await gate.wait()
            },
            unfinished: { [] },
            publish: { event in
                if case .operationFinished = event { trace.record("told") }
            }, timestamp: { "2026-01-01T00:00:00Z" })
    }

    @Test func `lets nobody who waits go before the game is free again`() async throws {
        try await within(.seconds(10)) {
            let (gate, trace) = (AsyncGate(), Trace<String>())
            let table = OperationTable(ports: Self.ports(gate, trace), time: MonotonicTime(), log: .silent)
            let game = try #require(GameID("quake"))
            let brief = OperationBrief(version: try #require(GameVersion("1")))
            let up = OneShot<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await table.run { up.give() } }
                await up.take()
                let id = try await table.begin(.install, game, brief) { _, _ in .finished("installed") }
                await trace.wait(for: "record")
                group.addTask {
                    #expect(await table.wait(id)?.standing == .finished)
                    trace.record("waited")
                }
                // One who has left already holds up nobody.
                await withTaskGroup { left in
                    left.addTask { _ = await table.wait(id) }
                    left.cancelAll()
                }
                gate.open()
                await trace.wait(for: "waited")
                #expect(trace.events == ["begin", "settle", "record", "visible", "told", "waited"])
                _ = try await table.begin(.install, game, brief) { _, _ in .finished("installed") }
                group.cancelAll()
            }
        }
    }

    /// Ports over a list that stands for the database: what was recorded last of each operation.
    private static func ports(
        _ records: Trace<OperationSnapshot>, _ told: Trace<String>, unfinished: [UnfinishedOperation] = []
    ) -> OperationPorts {
        OperationPorts(
            nextID: { OperationID(rawValue: 7) }, activate: { _ in }, settle: { _ in }, deactivate: { _ in },
            record: { records.record($0) }, unfinished: { unfinished },
            publish: { told.record($0.name) }, timestamp: { "2026-01-01T00:00:00Z" })
    }

    @Test(arguments: [false, true])
    func `that stops leaves an operation unfinished, unless somebody cancelled it`(_ isCancelled: Bool) async throws {
        try await within(.seconds(10)) {
            let (records, told, running) = (Trace<OperationSnapshot>(), Trace<String>(), AsyncGate())
            let table = OperationTable(ports: Self.ports(records, told), time: MonotonicTime(), log: .silent)
            let (game, up) = (try #require(GameID("quake")), OneShot<Void>())
            let brief = OperationBrief(version: try #require(GameVersion("1")))
            let asked = AsyncGate()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await table.run { up.give() } }
                await up.take()
                let id = try await table.begin(.download, game, brief) { _, _ in
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
                try await running.wait()
                if isCancelled { #expect(await table.cancel(id)) }
                group.cancelAll()
                asked.open()
            }
            #expect(records.events.last?.standing == (isCancelled ? .cancelled : .running))
            #expect(told.events.contains(EventName.operationFinished) == isCancelled)
            #expect(await table.activeCount == 0)
        }
    }

    @Test func `goes on with what was unfinished before anybody can ask, and reports what cannot`() async throws {
        try await within(.seconds(10)) {
            let (records, told, going) = (Trace<OperationSnapshot>(), Trace<String>(), AsyncGate())
            let version = try #require(GameVersion("1"))
            func left(_ number: Int64, _ game: String, _ kind: OperationKind) throws -> OperationSnapshot {
                OperationSnapshot(
                    id: OperationID(rawValue: number), game: try #require(GameID(game)), kind: kind,
                    brief: OperationBrief(version: version), phase: .waitingForSource, started: "2026-01-01T00:00:00Z")
            }
            let body: OperationTable.Body = { _, _ in
                going.open()
                return .finished("downloaded")
            }
            let unfinished = [
                UnfinishedOperation(snapshot: try left(3, "quake", .download), body: body),
                UnfinishedOperation(snapshot: try left(4, "doom", .install), body: nil),
                // Two of one game: only the older one has the claim.
                UnfinishedOperation(snapshot: try left(5, "quake", .download), body: body),
            ]
            let table = OperationTable(
                ports: Self.ports(records, told, unfinished: unfinished), time: MonotonicTime(), log: .silent)
            let atUp = Trace<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await table.run { atUp.record(told.events.count) } }
                await atUp.wait(count: 1)
                #expect(atUp.events[0] >= 2, "the games are claimed when the table is up")
                try await going.wait()
                let finished = await table.wait(OperationID(rawValue: 3))
                #expect(finished?.standing == .finished)
                let reported = await table.snapshot(OperationID(rawValue: 4))
                #expect(reported?.failure?.kind == .interrupted)
                #expect(await table.snapshot(OperationID(rawValue: 5)) == nil)
                group.cancelAll()
            }
        }
    }

    @Test func `remembers what an operation was asked for`() throws {
        var brief = OperationBrief(version: try #require(GameVersion("20240131")))
        brief.installs = false
        brief.overwrites = true
        brief.root = Root(hex: String(repeating: "0f", count: 32))
        var snapshot = OperationSnapshot(
            id: OperationID(rawValue: 42), game: try #require(GameID("quake")), kind: .download, brief: brief,
            phase: .downloading, started: "2026-01-01T00:00:00Z")
        snapshot.bytesDone = 17
        let again = try #require(OperationSnapshot(snapshot.record))
        #expect(again.brief == brief)
        #expect(again.id == snapshot.id)
        #expect(again.started == snapshot.started)
        #expect(again.bytesDone == 17)
        #expect(!snapshot.record.hasEnded)
        let broken = OperationRecord(
            id: snapshot.id, game: snapshot.game, kind: "download", hasEnded: false, detail: Array("{}".utf8))
        #expect(OperationSnapshot(broken) == nil)
    }
}
