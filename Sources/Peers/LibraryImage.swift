import Crypto
import Model
import Wire

/// Our library at one revision, as peers may know it. Links that were told the same share one.
struct LibraryImage: Sendable {
    let revision: UInt64
    let games: [GameID: GameSummary]

    /// What is beyond a library's limit is told to nobody; it would be beyond a catalog's limit first.
    init(revision: UInt64, games: [GameSummary]) {
        self.revision = revision
        let told = games.sorted { $0.game < $1.game }.prefix(Limits.libraryEntries)
        self.games = Dictionary(told.map { ($0.game, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Half a millisecond for fifty games: made for hellos, not for every change.
    var digest: Digest { LibraryImage.digest(of: games) }

    static func digest(of games: [GameID: GameSummary]) -> Digest {
        SHA256.hash(WireCodec.digestInput(Array(games.values)))
    }
}

/// What one peer was told of our library, and what it has to be told next.
struct LibraryTelling {
    private var told: LibraryImage?

    /// - Parameter known: what the peer has kept of an earlier link, as both hellos agree.
    init(known: LibraryImage?) { told = known }

    /// The messages that bring the peer to `image`: none, one delta, or the pages of the whole library when the change
    /// does not fit a message.
    mutating func tell(_ image: LibraryImage) -> [PeerMessage] {
        guard let before = told else { return whole(image) }
        guard image.revision > before.revision else {
            return image.revision == before.revision ? [] : whole(image)
        }
        guard image.games != before.games else { return [] }
        guard
            let delta = WireCodec.delta(
                from: (before.revision, before.games), to: (image.revision, image.games))
        else { return whole(image) }
        told = image
        return [.libraryDelta(delta)]
    }

    private mutating func whole(_ image: LibraryImage) -> [PeerMessage] {
        told = image
        let games = image.games.values.sorted { $0.game < $1.game }
        return WireCodec.pages(revision: image.revision, games: games).map { .librarySnapshot($0) }
    }
}

/// What a greeting has said for us, until it is known what the peer says.
struct Greeting: Sendable {
    let hello: Hello
    let library: LibraryImage
    /// Whose digest the hello names as known.
    let kept: LibraryMirror?

    /// What the peer needs not be told again.
    func known(to peer: Hello) -> LibraryImage? { peer.known == hello.digest ? library : nil }

    /// The peer tells the revision that is mirrored here, and another content: something went wrong, here or there.
    func hasDrifted(from peer: Hello) -> Bool {
        guard let kept else { return false }
        return kept.teller == peer.instance && kept.revision == peer.revision && hello.known != peer.digest
    }

    /// The mirror that stands, when the peer's library is what was kept of it.
    func standing(for peer: Hello) -> LibraryMirror? {
        guard var mirror = kept, hello.known == peer.digest else { return nil }
        mirror.confirm(revision: peer.revision)
        return mirror
    }
}
