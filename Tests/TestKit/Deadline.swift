import Runtime

/// The test waited longer than it may.
package struct DeadlinePassed: Error, CustomStringConvertible {
    package let description: String
}

/// Runs a body that must be done in time. Later it is cancelled and the test fails at once, also when the body is deaf
/// to that: a law that is broken often shows as a wait that never ends. One for a whole test.
package func within<Value: Sendable>(
    _ limit: Duration = .seconds(10), _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let outcome = OneShot<Result<Value, any Error>>()
    // Not children of this task: it must be able to leave them behind.
    let work = Task {
        do {
            outcome.give(.success(try await body()))
        } catch {
            outcome.give(.failure(error))
        }
    }
    let alarm = Task {
        try await MonotonicTime().sleep(for: limit)
        outcome.give(.failure(DeadlinePassed(description: "not done within \(limit)")))
    }
    let result = await outcome.take(orGive: .failure(CancellationError()))
    work.cancel()
    alarm.cancel()
    return try result.get()
}
