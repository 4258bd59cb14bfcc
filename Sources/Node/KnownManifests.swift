import Content
import Model
import PeerLink
import Peers
import Runtime
import Synchronization

/// Asks ready peers for their manifests of a game that is about to be hashed here. What they answer only decides what
/// the files are compared with: a root is ours when every chunk of it was read from our disk.
final class KnownManifests: Sendable {
    private struct State {
        var peers: PeerTable?
        /// Peers that did not answer in time, so that they do not hold up the next game as well.
        var slow: [PeerID: Instant] = [:]
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

    /// The library is built before the peers are.
    func attach(_ peers: PeerTable) { state.withLock { $0.peers = peers } }

    func of(_ game: GameID, _ version: GameVersion) async -> [BuiltManifest] {
        guard let peers = state.withLock({ $0.peers }) else { return [] }
        let now = time.now
        let slow = state.withLock { state in
            state.slow = state.slow.filter { now - $0.value < Limits.banDuration }
            return Set(state.slow.keys)
        }
        var asked: [Root: PeerSource] = [:]
        for source in await peers.sources(game, version: version) where asked.count < Limits.knownManifests {
            if !slow.contains(source.peer), asked[source.root] == nil { asked[source.root] = source }
        }
        guard !asked.isEmpty else { return [] }
        let time = time
        return await withTaskGroup(of: (PeerID, BuiltManifest?)?.self) { group in
            // Cut short when all have answered.
            group.addTask {
                try? await time.sleep(for: Limits.knownManifestDeadline)
                return nil
            }
            for (root, source) in asked {
                group.addTask {
                    guard case .manifest(let bytes)? = try? await source.link.manifest(game, root: root) else {
                        return (source.peer, nil)
                    }
                    let built = try? ManifestBuilder.decode(bytes, game: game, version: version, root: root)
                    return (source.peer, built)
                }
            }
            var late = Set(asked.values.map(\.peer))
            var manifests: [BuiltManifest] = []
            var room = Limits.knownManifestBytes
            for await answer in group {
                guard let (peer, built) = answer else { break }
                late.remove(peer)
                if let built, built.bytes.count <= room {
                    room -= built.bytes.count
                    manifests.append(built)
                }
                if late.isEmpty { break }
            }
            group.cancelAll()
            if !Task.isCancelled, !late.isEmpty {
                let late = late
                state.withLock { state in for peer in late { state.slow[peer] = now } }
            }
            return manifests.sorted { $0.root.hex < $1.root.hex }
        }
    }
}
