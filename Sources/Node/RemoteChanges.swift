import Model
import Synchronization

/// Peers whose libraries, or whose being there, changed since somebody looked; changes that come together are one.
package final class RemoteChanges: Sendable {
    private let pending = Mutex<[PeerID: Bool]>([:])
    /// Yields after a change; for one consumer.
    let changed: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    init() {
        (changed, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Any thread, never waits. As many peers wait at once as may be linked in one pause of the consumer.
    func note(_ peer: PeerID, hasNewLibrary: Bool) {
        pending.withLock { $0[peer] = hasNewLibrary || $0[peer] == true }
        bell.yield()
    }

    /// What has come since the last call, and true for those that told another library.
    func take() -> [PeerID: Bool] {
        pending.withLock { pending in
            defer { pending = [:] }
            return pending
        }
    }
}
