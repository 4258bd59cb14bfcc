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
                if change == .gap { handles[link.id]?.behind.yield() }
            case .have(let have):
                ports.publish(.offered(peer, have.game, have.root, chunks: have.chunks))
            case .ping(let nonce): link.post(.pong(nonce: nonce))
            case .pong: break
            case .peers(let addresses): takePeers(addresses, from: link)
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

    /// After a gap, until the mirror has reached what the peer told since: asked for at once, then at leisure, for the
    /// peer may be busy, or lie. Beside the reader, which must not wait: pongs are behind a delta too.
    func fetchLibrary(over link: PeerLink, whenever signals: AsyncStream<Void>) async {
        for await _ in signals {
            var pause = Duration.zero
            while let asked = state.entries[link.peer]?.mirror.missed, state.isCurrent(link.peer, link.id) {
                if pause > .zero, (try? await time.sleep(for: pause)) == nil { return }
                pause = min(max(pause * 2, Limits.dialBackoffFirst), Limits.dialBackoffLast)
                do throws(LinkError) {
                    let (revision, games) = try await link.games()
                    let change = try? state.update(link.peer, link.id) {
                        $0.mirror.take(whole: games, revision: revision, asked: asked)
                    }
                    if change == .changed { tellLibrary(of: link.peer) }
                } catch {
                    if Task.isCancelled || link.isClosed { return }
                    log.debug("A peer did not give its library.", .peer(link.peer))
                }
            }
        }
    }

    // MARK: - Our library

    func library() async -> LibraryImage {
        let (revision, games) = await ports.library()
        if let image, image.revision == revision { return image }
        let made = LibraryImage(revision: revision, games: games)
        // Two that asked at once may come back in any order.
        if made.revision > image?.revision ?? 0 { image = made }
        return made
    }

    func digest(of library: LibraryImage) -> Digest {
        if let imageDigest, imageDigest.revision == library.revision { return imageDigest.digest }
        let digest = library.digest
        imageDigest = (library.revision, digest)
        return digest
    }

    /// Tells our library as often as it changed, and only its last state to a peer that takes it slowly.
    func sendLibrary(
        over link: PeerLink, knowing known: LibraryImage?, whenever signals: AsyncStream<Void>
    ) async {
        var telling = LibraryTelling(known: known)
        for await _ in signals {
            for message in telling.tell(await library()) {
                // Before it goes: the other side may have acted on it before this returns.
                libraryMessages += 1
                do throws(LinkError) {
                    try await link.send(message)
                } catch {
                    return
                }
            }
        }
    }
}
