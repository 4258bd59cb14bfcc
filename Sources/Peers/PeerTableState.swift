import Linux
import Model
import Runtime
import Wire

/// Who is linked with us, and which of two links stays. All of the decision and none of the waiting.
struct PeerTableState {
    /// One peer and the link that counts.
    struct Entry {
        var link: UInt64
        var isDialled: Bool
        var instance: Instance
        var name: String
        var address: SocketAddress
        var since: Instant
        var heard: Instant
        var isSuspect = false
        var mirror = LibraryMirror()

        func snapshot(of peer: PeerID) -> PeerSnapshot {
            PeerSnapshot(
                peer: peer, name: name, address: address, state: isSuspect ? .suspect : .connected,
                games: mirror.sorted, hasLibrary: mirror.isWhole, since: since, heard: heard)
        }
    }

    enum Verdict: Equatable {
        /// `replacing` is the link of the same peer that has to go.
        case admit(replacing: UInt64?)
        case refuse(code: UInt64)
    }

    let own: PeerID
    let instance: Instance
    private(set) var entries: [PeerID: Entry] = [:]
    /// Peers to whom a dial of ours says hello at this moment.
    private var greeted: Set<PeerID> = []
    private var strikes = StrikeState()
    private var attic = MirrorAttic()
    private var flaps = FlapState()
    /// Outlives the lives of the table, as bans do.
    var book = PeerBook()
    private let limit: Int

    /// - Parameter limit: how many peers may be linked at once.
    init(own: PeerID, instance: Instance, limit: Int = Limits.connections) {
        precondition(limit > 0, "a table without room for a peer is a configuration error")
        self.own = own
        self.instance = instance
        self.limit = limit
    }

    // MARK: - Dials

    /// Whether a dial that has learned whom it reached may say hello. One at a time to a peer, and none to a linked
    /// one: the other side takes a second hello in the same direction for our wish to replace the first.
    mutating func beginGreeting(_ peer: PeerID) -> Bool {
        guard entries[peer] == nil else { return false }
        return greeted.insert(peer).inserted
    }

    mutating func endGreeting(_ peer: PeerID) { greeted.remove(peer) }

    // MARK: - Hellos

    /// What becomes of a link whose hello has come. Admitted, it is the peer's link from here on.
    ///
    /// - Parameter standing: the peer's library, when the hello says that it is still the one that was kept.
    mutating func judge(
        _ peer: PeerID, link: UInt64, isDialled: Bool, hello: Hello, address: SocketAddress, now: Instant,
        standing: LibraryMirror? = nil
    ) -> Verdict {
        guard hello.protocolVersion == Hello.currentProtocol else { return .refuse(code: CloseCode.versionMismatch) }
        guard peer != own else {
            return .refuse(code: hello.instance == instance ? CloseCode.ownIdentity : CloseCode.clonedIdentity)
        }
        guard !book.isBlocked(peer) else { return .refuse(code: CloseCode.blocked) }
        guard !strikes.isBanned(peer, now: now) else { return .refuse(code: CloseCode.banned) }
        guard !flaps.isPaused(peer, now: now) else { return .refuse(code: CloseCode.flapping) }
        var entry = Entry(
            link: link, isDialled: isDialled, instance: hello.instance, name: Text.escaped(hello.name),
            address: address, since: now, heard: now)
        guard let old = entries[peer] else {
            guard entries.count < limit else { return .refuse(code: CloseCode.full) }
            // Both dialled at the same moment and ours will stay: theirs need not come to life before.
            guard isDialled || !greeted.contains(peer) || peer < own else {
                return .refuse(code: CloseCode.duplicate)
            }
            _ = attic.take(peer)
            if let standing { entry.mirror = standing }
            entry.mirror.teller = hello.instance
            entries[peer] = entry
            return .admit(replacing: nil)
        }
        guard newStays(old, entry, peer) else { return .refuse(code: CloseCode.duplicate) }
        if old.instance == entry.instance {
            // The same life of the same peer: what it told stays true until it tells it anew.
            entry.since = old.since
            entry.mirror = old.mirror
        }
        if let standing { entry.mirror = standing }
        entry.mirror.teller = hello.instance
        entries[peer] = entry
        return .admit(replacing: old.link)
    }

    /// Of two links between two peers the one dialled by the smaller identity stays; both sides come to the same answer
    /// by themselves.
    private func newStays(_ old: Entry, _ new: Entry, _ peer: PeerID) -> Bool {
        // The peer was started again: its old link leads nowhere, and it cannot know that.
        guard old.instance == new.instance else { return true }
        guard old.isDialled != new.isDialled else { return !new.isDialled }
        return new.isDialled == (own < peer)
    }

    /// What is known of a peer's library, linked or gone, with the digest that a hello names; nil when it is not known
    /// to the end.
    mutating func kept(of peer: PeerID) -> (mirror: LibraryMirror, digest: Digest)? {
        if let mirror = entries[peer]?.mirror, mirror.isWhole, mirror.missed == nil {
            guard let digest = entries[peer]?.mirror.digest() else { return nil }
            return (mirror, digest)
        }
        guard var mirror = attic.take(peer) else { return nil }
        let digest = mirror.digest()
        attic.put(mirror, of: peer)
        return (mirror, digest)
    }

    /// What peers that are gone had of a game when they went, as far as it is kept.
    func absent(having game: GameID) -> [PeerID: GameSummary] { attic.summaries(of: game) }

    // MARK: - Life

    func isCurrent(_ peer: PeerID, _ link: UInt64) -> Bool { entries[peer]?.link == link }

    /// Changes the entry of a link that counts; nil when it no longer does.
    mutating func update<Value>(
        _ peer: PeerID, _ link: UInt64, _ change: (inout Entry) throws(WireFault) -> Value
    ) throws(WireFault) -> Value? {
        guard var entry = entries[peer], entry.link == link else { return nil }
        let value = try change(&entry)
        entries[peer] = entry
        return value
    }

    /// Returns whether the peer is gone with this link: a replaced one changes nothing.
    mutating func remove(_ peer: PeerID, link: UInt64) -> Bool {
        guard isCurrent(peer, link), let entry = entries.removeValue(forKey: peer) else { return false }
        attic.put(entry.mirror, of: peer)
        return true
    }

    mutating func strike(_ peer: PeerID, now: Instant) -> Bool { strikes.strike(peer, now: now) }
    /// Returns whether the peer came and went so often that it is left alone from here on.
    mutating func come(_ peer: PeerID, now: Instant) -> Bool { flaps.come(peer, now: now) }
    func isFlapping(_ peer: PeerID, now: Instant) -> Bool { flaps.isPaused(peer, now: now) }
    func isBanned(_ peer: PeerID, now: Instant) -> Bool { strikes.isBanned(peer, now: now) }

    /// For another life of the table: nobody is linked; bans outlive it.
    mutating func clear() {
        entries = [:]
        greeted = []
    }
}
