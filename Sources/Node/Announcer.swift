import Library
import Model
import Peers
import Runtime

/// Tells subscribers and peers that the library has changed, whoever changed it, and subscribers what peers have.
///
/// Its own child, and not LocalMonitor's work: an operation's end is told even when nothing watches the disk any more.
struct Announcer: Sendable {
    let house: House

    func run(up: @Sendable () -> Void) async throws {
        // Whoever subscribes once the daemon is ready finds the games in the snapshot.
        house.events.publish(await house.gameTable())
        up()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await tellLocal() }
            group.addTask { try await tellRemote() }
            // Neither ends by itself: the first that does ends the child, and the supervisor says what follows.
            try await group.next()
            group.cancelAll()
        }
    }

    private func tellLocal() async {
        var told: LibraryChange?
        for await change in house.library.changes {
            if change.local != told?.local { house.events.publish(await house.gameTable()) }
            if change.revision != told?.revision { await house.peers.libraryChanged() }
            told = change
        }
    }

    private func tellRemote() async throws(CancellationError) {
        for await _ in house.remoteChanges.changed {
            let causes = house.remoteChanges.take()
            guard !causes.isEmpty else { continue }
            let begin = house.time.now
            house.events.publish(await house.gameTable(), causes: causes)
            // 250 peers with full libraries that come and go must not keep a processor busy with counting them.
            try await house.time.sleep(for: max(Limits.remoteChangesPause, (house.time.now - begin) * 4))
        }
    }
}
