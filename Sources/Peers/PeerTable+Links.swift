import Linux
import Model
import PeerLink
import Quic
import Runtime
import Wire

/// Links from the greeting to the end.
extension PeerTable {
    func welcome(_ connection: QuicConnection) async {
        guard let link = link(over: connection) else { return connection.close(code: CloseCode.malformed) }
        guard !state.book.isBlocked(link.peer) else { return link.close(code: CloseCode.blocked) }
        guard !state.isBanned(link.peer, now: time.now) else { return link.close(code: CloseCode.banned) }
        guard !state.isFlapping(link.peer, now: time.now) else { return link.close(code: CloseCode.flapping) }
        let greeting = await greeting(link.peer)
        do throws(LinkError) {
            _ = try await link.greet(greeting.hello) { await self.judge(link, $0, greeting) }
        } catch {
            forget(link, because: "its greeting failed")
            if case .malformed(let what) = error { complain(link.peer, what) }
            return log.debug("A peer did not get through its greeting.", .peer(link.peer))
        }
        await live(link)
    }

    func link(over connection: QuicConnection) -> PeerLink? {
        PeerLink(connection, requests: ports.requests, time: time, log: log)
    }

    func greeting(_ peer: PeerID) async -> Greeting {
        let library = await library()
        let port = await quic.listening().first?.port ?? 0
        let kept = state.kept(of: peer)
        let hello = Hello(
            name: name, port: port, revision: library.revision, digest: digest(of: library), instance: state.instance,
            known: kept?.digest)
        return Greeting(hello: hello, library: library, kept: kept?.mirror)
    }

    /// Decides on a hello; nil admits the link and makes it the peer's.
    func judge(_ link: PeerLink, _ hello: Hello, _ greeting: Greeting) -> UInt64? {
        let address = link.isDialled ? link.remote : link.remote.withPort(hello.port)
        let wasLinked = isLinked(link.peer)
        let verdict = state.judge(
            link.peer, link: link.id, isDialled: link.isDialled, hello: hello, address: address, now: time.now,
            standing: greeting.standing(for: hello))
        switch verdict {
        case .refuse(let code):
            if code == CloseCode.duplicate { doubtMoved(link, hello) }
            explain(code, link)
            return code
        case .admit(let replaced):
            if greeting.hasDrifted(from: hello) {
                log.notice(
                    "What was known of a peer's library had drifted from it; it is told anew.", kind: "mirror_drifted",
                    .peer(link.peer))
            }
            if let replaced { handles[replaced]?.link.close(code: CloseCode.duplicate) }
            let (signals, dirty) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            dirty.yield()
            let (gaps, behind) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            handles[link.id] = Handle(
                link: link, dirty: dirty, dirtySignals: signals, behind: behind, behindSignals: gaps,
                known: greeting.known(to: hello))
            guard let snapshot = state.entries[link.peer]?.snapshot(of: link.peer) else { return nil }
            if wasLinked {
                ports.publish(.changed(snapshot))
            } else {
                log.info(
                    "\(snapshot.name) appeared.", kind: "peer_appeared", .peer(link.peer), .field("address", address))
                ports.publish(.appeared(snapshot))
                if snapshot.hasLibrary { ports.publish(.libraryChanged(link.peer)) }
            }
            changed()
            if state.come(link.peer, now: time.now) {
                log.notice(
                    "\(snapshot.name) is flapping: \(Limits.flaps) connections in a few seconds. It is left alone for "
                        + "\(Limits.flapPause.components.seconds) s.", kind: "peer_flapping", .peer(link.peer))
            }
            return nil
        }
    }

    /// A linked peer comes from another address, in the same life, and has said nothing over its link for a while: it
    /// has moved, most likely, and this side does not know it yet.
    private func doubtMoved(_ link: PeerLink, _ hello: Hello) {
        guard let entry = state.entries[link.peer], entry.instance == hello.instance,
            entry.address.host != link.remote.host, time.now - entry.heard > .seconds(1)
        else { return }
        doubt([link.peer])
    }

    private func explain(_ code: UInt64, _ link: PeerLink) {
        switch code {
        case CloseCode.clonedIdentity: noteClone(at: link.remote)
        case CloseCode.versionMismatch:
            log.notice(
                "A peer speaks another version of the protocol.", kind: "peer_version", .peer(link.peer),
                .field("address", link.remote))
        case CloseCode.full:
            log.warning("A peer was turned away: \(limit) are linked.", kind: "peer_turned_away", .peer(link.peer))
        default: break
        }
    }

    /// The life of an admitted link: messages in, our library out.
    func live(_ link: PeerLink) async {
        guard let handle = handles[link.id] else { return link.close() }
        tellPeers(over: link)
        let reason = await withTaskGroup(of: LinkError?.self) { group in
            group.addTask {
                await link.run { message throws(LinkError) in try await self.received(message, from: link) }
            }
            group.addTask {
                await self.sendLibrary(over: link, knowing: handle.known, whenever: handle.dirtySignals)
                return nil
            }
            group.addTask {
                await self.fetchLibrary(over: link, whenever: handle.behindSignals)
                return nil
            }
            group.addTask {
                await self.see(link)
                return nil
            }
            var reason = LinkError.lost
            for await ended in group {
                guard let ended else { continue }
                reason = ended
                break
            }
            group.cancelAll()
            return reason
        }
        if case .malformed(let what) = reason { complain(link.peer, what) }
        let explanation = await explanation(of: reason, link)
        noteSeen(link)
        forget(link, because: explanation)
        // A table that stops writes all of it down at once.
        if !Task.isCancelled { await saveBook() }
    }

    private func explanation(of reason: LinkError, _ link: PeerLink) async -> String {
        if let known = handles[link.id]?.reason { return known }
        if case .malformed(let what) = reason { return what }
        return switch await link.waitUntilClosed() {
        case .connectionLost(.closedThere(CloseCode.goodbye)): "it said goodbye"
        case .connectionLost(.closedThere(CloseCode.banned)): "it does not want us for now"
        case .connectionLost(.closedThere(CloseCode.blocked)): "it has blocked this host"
        case .connectionLost(.closedThere): "it closed the link"
        case .connectionLost(.closedHere(CloseCode.tooSlow)): "it took no messages"
        case .connectionLost(.silent): "it does not answer"
        default: "the link broke"
        }
    }

    private func complain(_ peer: PeerID, _ what: String) {
        log.warning("A peer was cut off: \(what).", kind: "peer_malformed", .peer(peer))
    }

    func forget(_ link: PeerLink, because reason: String) {
        if let handle = handles.removeValue(forKey: link.id) {
            handle.dirty.finish()
            handle.behind.finish()
        }
        guard let name = state.entries[link.peer]?.name, state.remove(link.peer, link: link.id) else { return }
        log.info("\(name) is gone: \(reason).", kind: "peer_vanished", .peer(link.peer))
        ports.publish(.vanished(link.peer, reason: reason))
        changed()
    }
}
