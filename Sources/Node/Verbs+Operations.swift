import Control
import Database
import Model
import Runtime

extension Node {
    func operation(_ parameters: JSONValue) async throws(Failure) -> OperationSnapshot {
        let number = parameters["operation_id"]?.int ?? 0
        guard let snapshot = await operations.snapshot(OperationID(rawValue: number)) else {
            throw Failure(
                .noSuchOperation, "There is no operation \(number).", subject: String(number),
                hint: "List the operations with: lanspreadctl operations")
        }
        return snapshot
    }

    func operationCancel(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let found = try await operation(parameters)
        _ = await operations.cancel(found.id)
        return try await operation(parameters).json
    }

    func operationPause(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        try await operations.pause(try await operation(parameters).id)
        return try await operation(parameters).json
    }

    func operationResume(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        try await operations.resume(try await operation(parameters).id)
        return try await operation(parameters).json
    }

    // MARK: - History

    /// Ended operations, newest first.
    func historyList() async -> JSONValue {
        ["operations": .array(await operations.snapshots().filter(\.standing.hasEnded).reversed().map(\.json))]
    }

    func historyGet(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let operation = try await operation(parameters)
        let lines: [OperationLog.Line]
        do {
            lines = try await house.memory.history(of: operation.id)
        } catch {
            throw Failure(.internalFault, "The history cannot be read: \(error.sentence)")
        }
        var fields = operation.json.object ?? [:]
        fields["lines"] = .array(
            lines.map { ["time": .string($0.time), "level": .string($0.level), "text": .string($0.text)] })
        return .object(fields)
    }

    // MARK: - Waiting

    /// The deadline is the call's own: the operation goes on when the caller has waited long enough.
    func operationWait(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let id = try await operation(parameters).id
        guard let timeout = parameters["timeout"]?.seconds else {
            return try await ended(await operations.wait(id), id)
        }
        let table = operations
        await house.wait(until: house.time.now + timeout) { _ = await table.wait(id) }
        let snapshot = await operations.snapshot(id)
        guard let snapshot, snapshot.standing.hasEnded else {
            throw Failure(
                .timeout, "Operation \(id) has not ended after \(timeout.components.seconds) s.",
                subject: String(id.rawValue), hint: "It goes on; see it with: lanspreadctl operations", retryable: true)
        }
        return snapshot.json
    }

    private func ended(_ snapshot: OperationSnapshot?, _ id: OperationID) async throws(Failure) -> JSONValue {
        guard let snapshot else {
            throw Failure(.noSuchOperation, "Operation \(id) is not kept any more.", subject: String(id.rawValue))
        }
        return snapshot.json
    }
}
