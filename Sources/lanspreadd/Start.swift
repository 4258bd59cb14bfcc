import Model
import Node
import Runtime

/// The way from settings to a house that can run. It may take long: recovery comes first, and it waits for the disk.
///
/// A stop that is wished for meanwhile is obeyed in order: recovery ends after the game that it is at, and nothing is
/// started. What hangs is left behind, as a kill would leave it: every step on the disk is safe against that.
struct Start: Sendable {
    /// A quarter of a second below what is promised for the whole daemon, as for a stop of all its children.
    static let stopLimit = Duration.milliseconds(4_750)

    let wishes: Wishes
    let report: StatusReport
    let time: any TimeSource
    let log: Log

    /// Returns nil when a stop came first, whatever became of the start by then.
    func run(
        _ build: @escaping @Sendable () async throws(StartFailure) -> Node
    ) async throws(StartFailure) -> Node? {
        let outcome = OneShot<Result<Node, StartFailure>?>()
        // Not part of a group: a group could not be left while the start hangs.
        let building = Task.detached {
            do throws(StartFailure) {
                outcome.give(.success(try await build()))
            } catch {
                outcome.give(.failure(error))
            }
        }
        wishes.obeyed { [report, time, log] number in
            report.stopping()
            building.cancel()
            guard number == 1 else {
                outcome.give(nil)
                return
            }
            Task.detached {
                // Nobody cancels it: the process ends before that, or with it.
                try? await time.sleep(for: Self.stopLimit)
                guard outcome.give(nil) else { return }
                log.error(
                    "The start did not end in its time.", kind: "component_abandoned", .field("component", "start"))
            }
        }
        let result = await outcome.take()
        guard !wishes.isStopWanted else { return nil }
        return try result?.get()
    }
}
