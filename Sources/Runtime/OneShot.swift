import Linux

/// A value that is given once and can be awaited before or after; the first giver wins.
///
/// Its law: whoever waits is resumed exactly once, on every path. So nothing else in the daemon stores a continuation.
package final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Value, Never>])
        case given(Value)
    }

    private let state = Locked(State.waiting([]))

    package init() {}

    /// Returns whether this value is the one that counts.
    @discardableResult
    package func give(_ value: Value) -> Bool {
        let waiting: [CheckedContinuation<Value, Never>]? = state.withLock { state in
            guard case .waiting(let continuations) = state else { return nil }
            state = .given(value)
            return continuations
        }
        guard let waiting else { return false }
        for continuation in waiting { continuation.resume(returning: value) }
        return true
    }

    /// The value, if it was given.
    package var value: Value? {
        state.withLock { state in
            if case .given(let value) = state { value } else { nil }
        }
    }

    /// Waits for the value, however long, also in a cancelled task.
    package func take() async -> Value {
        await withCheckedContinuation { continuation in
            let given: Value? = state.withLock { state in
                switch state {
                case .given(let value): return value
                case .waiting(let continuations):
                    state = .waiting(continuations + [continuation])
                    return nil
                }
            }
            if let given { continuation.resume(returning: given) }
        }
    }

    /// Waits for the value; a cancelled task gives `cancelled` itself, to all who wait, unless another was faster. For
    /// a value with one taker: the giver then learns from `give` that nobody wants it any more.
    package func take(orGive cancelled: Value) async -> Value {
        await withTaskCancellationHandler {
            await take()
        } onCancel: {
            give(cancelled)
        }
    }
}

extension OneShot where Value == Void {
    @discardableResult
    package func give() -> Bool { give(()) }
}

/// A door that many may wait at; a cancelled one leaves without disturbing the others.
package final class AsyncGate: Sendable {
    private struct State {
        var isOpen: Bool
        var nextID: UInt64 = 0
        var waiting: [UInt64: OneShot<Bool>] = [:]
    }

    private let state: Locked<State>

    package init(isOpen: Bool = false) {
        state = Locked(State(isOpen: isOpen))
    }

    package var isOpen: Bool { state.withLock { $0.isOpen } }

    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting.removeAll() }
            return state.waiting.values.map { $0 }
        }
        for shot in waiting { shot.give(true) }
    }

    /// Those who come from now on wait.
    package func close() {
        state.withLock { $0.isOpen = false }
    }

    /// Returns once the door was open, even if it was closed again since.
    package func wait() async throws(CancellationError) {
        let shot = OneShot<Bool>()
        let id: UInt64? = state.withLock { state in
            if state.isOpen { return nil }
            state.nextID += 1
            state.waiting[state.nextID] = shot
            return state.nextID
        }
        guard let id else {
            if Task.isCancelled { throw CancellationError() }
            return
        }
        let isOpen = await shot.take(orGive: false)
        if isOpen { return }
        state.withLock { _ = $0.waiting.removeValue(forKey: id) }
        throw CancellationError()
    }
}
