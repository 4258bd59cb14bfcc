import Control
import Model
import Node
import Runtime
import Settings

/// The one door for reloads: SIGHUP and the verb may come together, and the later one must win.
struct Reloads: Sendable {
    private struct Request: Sendable {
        let answer = OneShot<Result<JSONValue, Failure>>()
    }

    /// Those who wait while one runs, which takes as long as a few files take to be read, or `Limits.reloadDeadline`.
    private static let waiting = 16

    private let requests: AsyncStream<Request>
    private let queue: AsyncStream<Request>.Continuation

    init() {
        (requests, queue) = AsyncStream.makeStream(of: Request.self, bufferingPolicy: .bufferingOldest(Self.waiting))
    }

    /// For who does not wait for the answer: it stands in the log.
    func ask() {
        // Full: a reload that has yet to begin will read the same files.
        queue.yield(Request())
    }

    func askAndWait() async -> Result<JSONValue, Failure> {
        let request = Request()
        guard case .enqueued = queue.yield(request) else {
            return .failure(Failure(.busy, "\(Self.waiting) reloads wait already.", retryable: true))
        }
        return await request.answer.take(orGive: .failure(Failure(.shuttingDown, "The daemon is stopping.")))
    }

    /// Until it is cancelled, once the daemon is ready: the end of a reload says READY=1 again.
    func run(_ node: Node, _ source: SettingsSource, _ report: StatusReport) async {
        for await request in requests {
            report.reloading()
            let result: Result<JSONValue, Failure>
            do throws(Failure) {
                let changes = try await node.reload(source)
                result = .success(changes)
                let waiting = changes["needs_restart"]?.array ?? []
                report.ready(waiting.isEmpty ? nil : "Ready; new settings wait for a restart")
            } catch {
                result = .failure(error)
                let reason = error.kind == .badConfiguration ? "are refused" : "cannot be read"
                report.ready("Ready with the old settings: the new ones \(reason)")
            }
            request.answer.give(result)
        }
    }
}
