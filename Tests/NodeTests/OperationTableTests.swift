import Control
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
            publish: { event in
                if case .operationFinished = event { trace.record("told") }
            }, timestamp: { "2026-01-01T00:00:00Z" })
    }

    @Test func `lets nobody who waits go before the game is free again`() async throws {
        try await within(.seconds(10)) {
            let (gate, trace) = (AsyncGate(), Trace<String>())
            let table = OperationTable(ports: Self.ports(gate, trace), time: MonotonicTime(), log: .silent)
            let game = try #require(GameID("quake"))
            let up = OneShot<Void>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await table.run { up.give() } }
                await up.take()
                let id = try await table.begin(.install, game) { _, _ in .finished("installed") }
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
                _ = try await table.begin(.install, game) { _, _ in .finished("installed") }
                group.cancelAll()
            }
        }
    }
}
