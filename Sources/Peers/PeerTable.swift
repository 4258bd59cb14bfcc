import Crypto
package import Linux
package import Model
import PeerLink
package import Quic
package import Runtime
import Wire

/// The peers this host is linked with: adopts connections, says hello, keeps one link to each, mirrors their libraries.
///
/// It dials when it is told to and never by itself; `Discovery` decides whom, `Liveness` decides who is gone.
package actor PeerTable {
    /// A link that a dial has greeted, or a connection that somebody dialled to us, on its way to `run`.
    private enum Arrival {
        case accepted(QuicConnection)
        case greeted(PeerLink)
        /// Not a link, but it has to be watched as long as the table lives.
        case cloned
    }

    /// What a link needs beside its entry: the handle, and the signal that our library is to be sent.
    struct Handle {
        let link: PeerLink
        let dirty: AsyncStream<Void>.Continuation
        let dirtySignals: AsyncStream<Void>
        /// The peer's mirror is behind and its whole library has to be asked for.
        let behind: AsyncStream<Void>.Continuation
        let behindSignals: AsyncStream<Void>
        /// What the peer has kept of our library, as both hellos agree.
        let known: LibraryImage?
        /// Whether it told us of its peers.
        var hasTold = false
        /// Why this host ends the link, for those who are told that the peer is gone.
        var reason: String?
    }

    package nonisolated let own: PeerID
    package nonisolated let name: String

    // Seen by this type's other files, and by nobody else.
    var state: PeerTableState
    var handles: [UInt64: Handle] = [:]
    /// Of linked peers, until `Liveness` takes them.
    var doubts: Set<PeerID> = []
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var nextWatcher: UInt64 = 0
    /// So few that looking for those who left is not worth it.
    static let watchersFew = 64
    /// When there are so many, those who left are sought; twice the ones that stayed, so that seeking stays cheap.
    var watchersKept = PeerTable.watchersFew
    var tellTold: AsyncStream<[SocketAddress]>.Continuation?
    private var arrivals: AsyncStream<Arrival>.Continuation?
    /// Our library as it was last told to anybody, and its digest when a hello has named it.
    var image: LibraryImage?
    /// Messages about our library that were given to a link.
    var libraryMessages = 0
    /// When a host with our identity was seen last.
    var cloneSeen: Instant?
    var imageDigest: (revision: UInt64, digest: Digest)?
    let quic: QuicServer
    let ports: PeersPorts
    let time: any TimeSource
    let log: Log
    package nonisolated let limit: Int

    /// - Parameters:
    ///   - identity: who this host is to its peers, as in the QUIC server's key.
    ///   - limit: how many peers may be linked at once. The QUIC server needs room for some more, or those beyond the
    ///     limit would not be told why they are turned away.
    package init(
        identity: PeerID, name: String, limit: Int = Limits.connections, quic: QuicServer, ports: PeersPorts,
        time: any TimeSource, random: RandomSource, log: Log
    ) {
        guard let instance = Instance(random.bytes(Instance.byteCount)) else {
            preconditionFailure("a random source gives as many bytes as it is asked for")
        }
        own = identity
        self.name = name
        self.quic = quic
        self.ports = ports
        self.time = time
        self.log = log
        self.limit = limit
        state = PeerTableState(own: identity, instance: instance, limit: limit)
    }

    // MARK: - Life

    /// Takes connections and keeps links until it is cancelled, or until the QUIC server stops.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        state.clear()
        forgetClone()
        // Before the first connection: whoever is blocked stays out from the first moment on.
        state.book.load(await ports.memory.load())
        let (stream, arrivals) = AsyncStream.makeStream(
            of: Arrival.self, bufferingPolicy: .bufferingOldest(Limits.connections))
        self.arrivals = arrivals
        defer { end() }
        up()
        await withDiscardingTaskGroup { group in
            group.addTask { [quic] in
                for await connection in quic.accepted {
                    if case .dropped = arrivals.yield(.accepted(connection)) { connection.close(code: CloseCode.full) }
                }
                arrivals.finish()
            }
            for await arrival in stream {
                switch arrival {
                case .accepted(let connection): group.addTask { await self.welcome(connection) }
                case .greeted(let link): group.addTask { await self.live(link) }
                case .cloned: group.addTask { await self.awaitCloneGone() }
                }
            }
            group.cancelAll()
        }
        await saveBook()
        if Task.isCancelled { throw CancellationError() }
        throw PeersError.stopped
    }

    /// For as long as the table lives; a second life begins without it.
    func watchClone() { _ = arrivals?.yield(.cloned) }

    private func end() {
        arrivals?.finish()
        arrivals = nil
        for handle in handles.values { handle.link.close() }
        handles.removeAll()
        state.clear()
        changed()
    }

    // MARK: - Dialling

    /// Dials, says hello and returns who it was, once the peer is in the table.
    ///
    /// - Parameter isConfigured: the administrator wrote this very address.
    /// - Throws: `.addressRefused` before a packet is sent to an address that is no LAN's, unless it is configured.
    @discardableResult
    package func connect(to address: SocketAddress, isConfigured: Bool = false) async throws(PeersError) -> PeerID {
        guard isConfigured || address.isLoopback || address.isPrivateOrLinkLocal else {
            throw .addressRefused(address)
        }
        guard arrivals != nil else { throw .stopped }
        let connection: QuicConnection
        do throws(QuicError) {
            connection = try await quic.connect(to: address)
        } catch {
            if case .connectionLost(.closedThere(let code)) = error, let reason = PeersError(closeCode: code) {
                throw reason
            }
            throw error == .tooManyConnections ? .full : .unreachable(address, error)
        }
        guard let link = link(over: connection) else { throw .unreachable(address, .refused) }
        guard !state.book.isBlocked(link.peer) else {
            link.close(code: CloseCode.blocked)
            throw .blocked(link.peer)
        }
        let greeting = await greeting(link.peer)
        guard state.beginGreeting(link.peer) else {
            link.close(code: CloseCode.duplicate)
            return try await linked(link.peer)
        }
        defer { state.endGreeting(link.peer) }
        do throws(LinkError) {
            _ = try await link.greet(greeting.hello) { await self.judge(link, $0, greeting) }
        } catch {
            forget(link, because: "its greeting failed")
            return try await settle(link, error)
        }
        if case .enqueued = arrivals?.yield(.greeted(link)) { return link.peer }
        link.close()
        forget(link, because: "this host stops")
        throw .stopped
    }

    /// What a failed greeting means, by who gave up and with which code.
    private func settle(_ link: PeerLink, _ error: LinkError) async throws(PeersError) -> PeerID {
        var code: UInt64?
        if case .turnedAway(let ours) = error { code = ours }
        if error == .lost, case .connectionLost(.closedThere(let theirs)) = await link.waitUntilClosed() {
            code = theirs
        }
        if code == CloseCode.duplicate { return try await linked(link.peer) }
        // The other side was the first to notice.
        if code == CloseCode.clonedIdentity, link.peer == own { noteClone(at: link.remote) }
        throw code.flatMap { PeersError(closeCode: $0) } ?? .handshake(error)
    }

    /// Waits until the other of two dials has brought the peer into the table; not for ever.
    private func linked(_ peer: PeerID) async throws(PeersError) -> PeerID {
        let changes = changes()
        let time = self.time
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await time.sleep(for: Limits.handshakeDeadline) }
            group.addTask {
                if await self.isLinked(peer) { return }
                for await _ in changes where await self.isLinked(peer) { return }
            }
            await group.next()
            group.cancelAll()
        }
        guard isLinked(peer) else { throw .handshake(.tooSlow(after: Limits.handshakeDeadline)) }
        return peer
    }
}
