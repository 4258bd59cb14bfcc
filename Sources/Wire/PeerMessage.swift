package import Model

/// What peers say on the control stream.
///
/// A value of it is always sound: the codec refuses what breaks a rule, so nobody above checks a length again.
package enum PeerMessage: Hashable, Sendable {
    /// The dialler's first message.
    case hello(Hello)
    /// The acceptor's answer to `hello`, and its first message.
    case helloAck(Hello)
    case librarySnapshot(LibraryPage)
    case libraryDelta(LibraryDelta)
    case have(Have)
    case ping(nonce: UInt64)
    case pong(nonce: UInt64)
    /// Addresses of other peers, as text; whoever takes them checks them before it dials.
    case peers([String])
    /// The last message of a host that stops in order.
    case goodbye
}

/// Who speaks, in which version, and what its library is at this moment.
package struct Hello: Hashable, Sendable {
    /// The major version is in the ALPN as well; a peer with another one is shown as incompatible.
    package static let currentProtocol = 1
    /// A peer of another major version does not get past the TLS handshake.
    package static let alpn = "lanspread/\(currentProtocol)"

    package let protocolVersion: Int
    /// Peers may choose any name; two peers can bear the same one, so it is never used to find a peer.
    package let name: String
    /// Where the speaker takes connections, since an accepted connection shows a port of the moment only.
    package let port: UInt16
    package let revision: UInt64
    /// SHA-256 over the library's entries as `docs/protocol.md` says; two equal digests need no second snapshot.
    package let digest: Digest
    package let instance: Instance
    /// The digest of what the speaker has kept of the listener's library, if anything: when it is the listener's own
    /// digest, no snapshot follows.
    package let known: Digest?
    /// Words that add to the version; unknown ones are ignored.
    package let features: [String]

    package init(
        protocolVersion: Int = Hello.currentProtocol, name: String, port: UInt16, revision: UInt64, digest: Digest,
        instance: Instance, known: Digest? = nil, features: [String] = []
    ) {
        self.protocolVersion = protocolVersion
        self.name = name
        self.port = port
        self.revision = revision
        self.digest = digest
        self.instance = instance
        self.known = known
        self.features = features
    }
}

/// 16 random bytes that a daemon draws at its start: our own identity with another instance is a cloned disk.
package struct Instance: Hashable, Sendable {
    package static let byteCount = 16

    package let bytes: [UInt8]

    /// Nil unless `bytes` has exactly 16 of them.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Instance.byteCount else { return nil }
        self.bytes = bytes
    }
}

/// One page of a library, in order from page 0; the last one is `page == pages - 1`.
package struct LibraryPage: Hashable, Sendable {
    package let revision: UInt64
    package let page: Int
    package let pages: Int
    package let games: [GameSummary]

    package init(revision: UInt64, page: Int, pages: Int, games: [GameSummary]) {
        self.revision = revision
        self.page = page
        self.pages = pages
        self.games = games
    }

    package var isLast: Bool { page == pages - 1 }
}

/// What changed between two revisions; applying it twice is applying it once, and a gap asks for the whole library.
package struct LibraryDelta: Hashable, Sendable {
    package let from: UInt64
    package let to: UInt64
    package let added: [GameSummary]
    package let updated: [GameSummary]
    package let removed: [GameID]

    package init(from: UInt64, to: UInt64, added: [GameSummary], updated: [GameSummary], removed: [GameID]) {
        self.from = from
        self.to = to
        self.added = added
        self.updated = updated
        self.removed = removed
    }
}

/// The verified chunks of a root that the speaker is still filling; replaces what it said of that root before, and no
/// chunks at all take the offer back.
package struct Have: Hashable, Sendable {
    package let game: GameID
    package let root: Root
    /// In order and apart from each other.
    package let chunks: [Range<Int>]

    package init(game: GameID, root: Root, chunks: [Range<Int>]) {
        self.game = game
        self.root = root
        self.chunks = chunks
    }
}
