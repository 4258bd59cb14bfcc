import Control
import Model
import Node
import Runtime
import Synchronization
import Systemd

/// Keeps systemd's line about us current: only when it reads differently, and at most once a second.
///
/// Nothing runs while nothing happens: the clock is looked at after a change only.
final class StatusReport: Sendable {
    private struct State {
        var line = StatusLine(.null)
        var sent = ""
        var isStopping = false
    }

    private static let pause = Duration.seconds(1)

    private let state = Mutex(State())
    private let events: EventBus
    private let hasCatalog: @Sendable () -> Bool

    init(events: EventBus, hasCatalog: @escaping @Sendable () -> Bool) {
        self.events = events
        self.hasCatalog = hasCatalog
    }

    /// From the moment when everything is up; returns when the events end or the task is cancelled.
    func run() async {
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup { group in
            group.addTask { [self] in
                await follow { change.yield() }
                change.finish()
            }
            group.addTask { [self] in
                for await _ in changes {
                    send()
                    // Cut short only when the daemon ends.
                    try? await MonotonicTime().sleep(for: Self.pause)
                }
            }
        }
    }

    /// What the line says now.
    var text: String { state.withLock { $0.line.text } + (hasCatalog() ? "" : ", no catalog") }

    /// The last word: STOPPING=1, and nothing after it.
    func stopping() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        if isFirst { ServiceManager.stopping(status: "Stopping") }
    }

    private func follow(_ changed: () -> Void) async {
        while !Task.isCancelled {
            let subscription = events.subscribe(since: nil)
            defer { subscription.feed.finish() }
            state.withLock { $0.line = StatusLine(subscription.snapshot) }
            changed()
            var isWhole = true
            while isWhole, let event = await subscription.feed.next() {
                // Some events are lost: begin again with a snapshot.
                isWhole = event.name != EventName.gap
                state.withLock { $0.line.take(event) }
                changed()
            }
            if isWhole { return }
        }
    }

    private func send() {
        let text = text
        let isNew = state.withLock { state in
            guard !state.isStopping, state.sent != text else { return false }
            state.sent = text
            return true
        }
        if isNew { ServiceManager.status(text) }
    }
}
