import Model
import Quic
import Runtime

/// Runs `body` and cancels it when it takes longer than `limit`.
///
/// - Throws: `.tooSlow` then; a body that was cancelled from outside gives `.cancelled` by itself.
func limited<Value: Sendable>(
    to limit: Duration, _ time: any TimeSource, _ body: @escaping @Sendable () async throws(LinkError) -> Value
) async throws(LinkError) -> Value {
    try await racing(body) {
        do {
            try await time.sleep(for: limit)
            return .tooSlow(after: limit)
        } catch {
            return nil
        }
    }
}

/// Runs `body`, which moves bytes over `stream`, and cancels it when they are fewer than the stall limit in one window.
func moving<Value: Sendable>(
    _ stream: QuicStream, _ time: any TimeSource, _ body: @escaping @Sendable () async throws(LinkError) -> Value
) async throws(LinkError) -> Value {
    try await racing(body) {
        var before = stream.bytesMoved
        do {
            while true {
                try await time.sleep(for: Limits.stallWindow)
                let now = stream.bytesMoved
                if now - before < UInt64(Limits.stallBytes) { return .tooSlow(after: Limits.stallWindow) }
                before = now
            }
        } catch {
            return nil
        }
    }
}

private func racing<Value: Sendable>(
    _ body: @escaping @Sendable () async throws(LinkError) -> Value,
    against watch: @escaping @Sendable () async -> LinkError?
) async throws(LinkError) -> Value {
    let outcome = await withTaskGroup(of: Result<Value, LinkError>?.self) { group in
        group.addTask {
            do throws(LinkError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        group.addTask { await watch().map { .failure($0) } }
        while let ended = await group.next() {
            guard let ended else { continue }
            group.cancelAll()
            // Both are waited for: nobody uses the stream or a block any more when this returns.
            while await group.next() != nil {}
            return ended
        }
        return Result<Value, LinkError>.failure(.cancelled)
    }
    return try outcome.get()
}
