/// The test waited longer than it may.
package struct DeadlinePassed: Error, CustomStringConvertible {
    package let description: String
}

/// Runs a body that must be done in time; later it is cancelled and the test fails. One for a whole test.
package func within<Value: Sendable>(
    _ limit: Duration = .seconds(10), _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw DeadlinePassed(description: "not done within \(limit)")
        }
        guard let value = try await group.next() else { throw CancellationError() }
        group.cancelAll()
        return value
    }
}
