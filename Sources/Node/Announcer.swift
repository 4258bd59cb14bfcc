import Library
import Model
import Peers
import Runtime

/// Tells subscribers and peers that the library has changed, whoever changed it.
///
/// Its own child, and not LocalMonitor's work: an operation's end is told even when nothing watches the disk any more.
struct Announcer: Sendable {
    let house: House

    func run(up: @Sendable () -> Void) async throws {
        up()
        var told: LibraryChange?
        house.events.publish(.localLibraryChanged(await house.gameRows().map(\.json)))
        for await change in house.library.changes {
            if change.local != told?.local {
                house.events.publish(.localLibraryChanged(await house.gameRows().map(\.json)))
            }
            if change.revision != told?.revision { await house.peers.libraryChanged() }
            told = change
        }
    }
}
