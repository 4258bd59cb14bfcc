import Runtime

/// One caller that waits for the loop; whoever finishes it first decides.
final class Pending<Value: Sendable>: Waiter {
    typealias Outcome = Result<Value, QuicError>

    private let shot = OneShot<Outcome>()

    var isFinished: Bool { shot.value != nil }

    /// Returns false when it was finished before; then nobody sees this outcome.
    @discardableResult
    func finish(_ outcome: Outcome) -> Bool { shot.give(outcome) }

    @discardableResult
    func fail(_ error: QuicError) -> Bool { shot.give(.failure(error)) }

    /// - Parameter onCancel: makes sure that it is finished soon, after the last byte was written to the caller's
    ///   memory.
    func value(onCancel: @escaping @Sendable () -> Void) async throws(QuicError) -> Value {
        let outcome = await withTaskCancellationHandler {
            await shot.take()
        } onCancel: {
            onCancel()
        }
        return try outcome.get()
    }
}

/// A `Pending` of which only the failure matters.
protocol Waiter: AnyObject, Sendable {
    @discardableResult
    func fail(_ error: QuicError) -> Bool
}
