package import Model

/// What a peer asks for, one bidirectional stream each; the first frame of that stream.
package enum RequestHeader: Hashable, Sendable {
    case listGames
    case getGame(GameID)
    /// Without a root: whichever the other side has of its catalog's version.
    case getManifest(GameID, Root?)
    case getChunks(ChunkRequest)
    /// A later version's request: refused as `unknown`.
    case other
}

/// Chunks of one root, in order: `first` and the ones that follow it.
package struct ChunkRequest: Sendable, Hashable {
    package let game: GameID
    package let root: Root
    package let first: Int
    /// 1 to `Limits.chunksPerRequest`.
    package let count: Int

    package init(game: GameID, root: Root, first: Int, count: Int) {
        self.game = game
        self.root = root
        self.first = first
        self.count = count
    }
}

/// A peer's polite no; the raw value is the word on the wire.
package enum PeerRefusal: String, Error, Hashable, Sendable, CaseIterable {
    /// Enough is being served; ask again later, or another.
    case busy
    /// The game is being changed.
    case closed
    /// Not here, not in this root, or not to be served; also every word of a later version.
    case unknown
    case versionMismatch = "version_mismatch"
}

/// The 16 bytes in front of every reply: kind, seven zeros, and how many bytes follow, big-endian.
package struct ReplyHeader: Hashable, Sendable {
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// `{"refusal": word}`.
        case refusal = 1
        case json = 2
        /// A manifest's canonical bytes, or chunks one after the other.
        case bytes = 3
    }

    package static let byteCount = 16

    package let kind: Kind
    package let length: UInt64

    package init(kind: Kind, length: UInt64) {
        self.kind = kind
        self.length = length
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.append(kind.rawValue)
        writer.append([UInt8](repeating: 0, count: 7))
        writer.append(length)
        return writer.bytes
    }

    /// Refuses a reply that claims more than its kind may have; `bytesLimit` is what the caller asked for.
    package static func decode(_ bytes: [UInt8], bytesLimit: Int) throws(WireFault) -> ReplyHeader {
        var reader = ByteReader(bytes)
        guard let kind = reader.uint8().flatMap(Kind.init), let reserved = reader.bytes(7),
            reserved.allSatisfy({ $0 == 0 }), let length = reader.uint64(), reader.isAtEnd
        else { throw .unknownReply }
        let limit =
            switch kind {
            case .refusal: Limits.refusalBytes
            case .json: Limits.listReplyBytes
            case .bytes: bytesLimit
            }
        guard length <= UInt64(limit) else { throw .tooLong(bytes: length, limit: limit) }
        return ReplyHeader(kind: kind, length: length)
    }
}

/// Application codes of RESET_STREAM and STOP_SENDING.
package enum StreamCode {
    package static let cancelled: UInt64 = 1
    package static let busy: UInt64 = 2
    package static let malformed: UInt64 = 3
    package static let tooSlow: UInt64 = 4
    package static let failed: UInt64 = 5
}

/// Application codes of CONNECTION_CLOSE.
package enum CloseCode {
    package static let stopping: UInt64 = 0
    package static let goodbye: UInt64 = 1
    /// Another connection between the same two peers stays.
    package static let duplicate: UInt64 = 2
    package static let malformed: UInt64 = 3
    package static let versionMismatch: UInt64 = 4
    package static let ownIdentity: UInt64 = 5
    package static let banned: UInt64 = 6
    package static let full: UInt64 = 7
    package static let silent: UInt64 = 8
    package static let tooSlow: UInt64 = 9
    /// The dialler bears our identity and is not us: one of the two disks is a copy.
    package static let clonedIdentity: UInt64 = 10
    /// The operator of the closing host wants nothing to do with the peer.
    package static let blocked: UInt64 = 11
    /// The peer comes and goes too often; it may come again in a moment.
    package static let flapping: UInt64 = 12
}
