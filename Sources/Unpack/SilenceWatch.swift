import Runtime
import Synchronization

/// Notices that the helper has been waited for too long. Time that we spend with its words does not count.
final class SilenceWatch: Sendable {
    private struct State {
        var waitingSince: Instant?
        var hasExpired = false
    }

    private let time: any TimeSource
    private let limit: Duration
    private let state = Mutex(State())

    init(time: any TimeSource, limit: Duration) {
        self.time = time
        self.limit = limit
    }

    var hasExpired: Bool { state.withLock { $0.hasExpired } }

    /// We wait for the helper from now on.
    func begin() { state.withLock { $0.waitingSince = time.now } }

    func end() { state.withLock { $0.waitingSince = nil } }

    /// - Returns: true once when the limit has passed, false when this task is cancelled first.
    func expires() async -> Bool {
        while true {
            let since = state.withLock { $0.waitingSince } ?? time.now
            do throws(CancellationError) {
                try await time.sleep(until: since + limit)
            } catch {
                return false
            }
            let isOver = state.withLock { state in
                guard let since = state.waitingSince, time.now >= since + limit else { return false }
                state.hasExpired = true
                return true
            }
            if isOver { return true }
        }
    }
}
