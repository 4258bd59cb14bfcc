import Model
import PeerLink
import Runtime
import Wire

/// What linked peers say, and our library to them.
extension PeerTable {
    /// One message of a link; the next one is not read before this returns. A replaced link is listened to no more.
    func received(_ message: PeerMessage, from link: PeerLink) async throws(LinkError) {
        let peer = link.peer
        let now = time.now
        do throws(WireFault) {
            guard try state.update(peer, link.id, { $0.heard = now }) != nil else { return }
            // Liveness sleeps until something is due; a suspicion ends with the first word.
            setSuspect(peer, false)
            switch message {
            case .hello: throw .outOfPlace(message: "second hello")
            case .helloAck: throw .outOfPlace(message: "second hello_ack")
            case .librarySnapshot(let page):
                let change = try state.update(peer, link.id) { entry throws(WireFault) in try entry.mirror.take(page) }
                if change == .changed { tellLibrary(of: peer) }
            case .libraryDelta(let delta):
                let change = try state.update(peer, link.id) { entry throws(WireFault) in try entry.mirror.take(delta) }
                if change == .changed { tellLibrary(of: peer) }
                if change == .gap { await fetchLibrary(over: link, revision: delta.to) }
            case .have(let have):
                ports.publish(.offered(peer, have.game, have.root, chunks: have.chunks))
            case .ping(let nonce): link.post(.pong(nonce: nonce))
            case .pong: break
            case .peers: break
            case .goodbye: link.close(code: CloseCode.goodbye)
            }
        } catch {
            throw .malformed(error.sentence)
        }
        if message == .goodbye { handles[link.id]?.reason = "it said goodbye" }
    }

    private func tellLibrary(of peer: PeerID) {
        ports.publish(.libraryChanged(peer))
        changed()
    }

    /// After a gap. A peer that does not answer keeps its old library; its next delta asks again.
    private func fetchLibrary(over link: PeerLink, revision: UInt64) async {
        let games: [GameSummary]
        do throws(LinkError) {
            games = try await link.games()
        } catch {
            return log.debug("A peer did not give its library.", .peer(link.peer))
        }
        let change = try? state.update(link.peer, link.id) { $0.mirror.take(whole: games, revision: revision) }
        if change == .changed { tellLibrary(of: link.peer) }
    }

    /// Sends our library as often as it changed, and only its last state to a peer that takes it slowly.
    func sendLibrary(over link: PeerLink, whenever signals: AsyncStream<Void>) async {
        var sent: UInt64?
        for await _ in signals {
            let (revision, games) = await ports.library()
            guard revision != sent else { continue }
            sent = revision
            for page in WireCodec.pages(revision: revision, games: games) {
                do throws(LinkError) {
                    try await link.send(.librarySnapshot(page))
                } catch {
                    return
                }
            }
        }
    }
}
