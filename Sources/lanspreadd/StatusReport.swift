import Control
import Model
import Node
import Runtime
import Synchronization
import Systemd

/// All that systemd is told of our life, through one door, which keeps the order: READY=1, then reloads, each from
/// RELOADING=1 to READY=1, then STOPPING=1 as the last word.
///
/// It also keeps systemd's line about us current: only when it reads differently, and at most once a second. Nothing
/// runs while nothing happens: the clock is looked at after a change only.
final class StatusReport: Sendable {
    private struct State {
        var line = StatusLine(.null)
        var hasCatalog: @Sendable () -> Bool = { true }
    }

    private struct Door {
        var sent = ""
        var isStopping = false
    }

    private static let pause = Duration.seconds(1)

    private let state = Mutex(State())
    /// Held while a word is on its way: who decides that it may be said also says it first.
    private let door = Mutex(Door())

    /// Once there is a house that knows.
    func ask(hasCatalog: @escaping @Sendable () -> Bool) {
        state.withLock { $0.hasCatalog = hasCatalog }
    }

    /// From the moment when everything is up; returns when the events end or the task is cancelled.
    func run(_ events: EventBus) async {
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup { group in
            group.addTask { [self] in
                await follow(events) { change.yield() }
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

    // MARK: - The words

    /// Everything works; or it does again, after a reload.
    ///
    /// - Parameter line: what there is to say instead of the line about the daemon.
    func ready(_ line: String? = nil) {
        let text = line ?? text
        say { _ in ServiceManager.ready(status: text) }
    }

    /// `ready` ends it.
    func reloading() {
        say { _ in ServiceManager.reloading() }
    }

    /// The last word, once.
    func stopping() {
        say { door in
            door.isStopping = true
            ServiceManager.stopping(status: "Stopping")
        }
    }

    private func say(_ word: (inout Door) -> Void) {
        door.withLock { door in
            if !door.isStopping { word(&door) }
        }
    }

    // MARK: - The line

    private var text: String {
        let (line, hasCatalog) = state.withLock { ($0.line.text, $0.hasCatalog) }
        return line + (hasCatalog() ? "" : ", no catalog")
    }

    private func follow(_ events: EventBus, _ changed: () -> Void) async {
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
        say { door in
            if door.sent == text { return }
            door.sent = text
            ServiceManager.status(text)
        }
    }
}
