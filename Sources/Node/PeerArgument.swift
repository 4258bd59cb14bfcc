import Control
import Model

/// Which peer a person means: by its identity, the beginning of one identity only, or the whole name of one peer only.
enum PeerArgument {
    /// Fewer digits are typed by mistake, or are a name.
    static let digitsLeast = 4

    /// - Throws: `no_such_peer`, with what to type instead.
    static func resolve(_ text: String, among peers: [(peer: PeerID, name: String)]) throws(Failure) -> PeerID {
        let byName = peers.filter { $0.name == Text.escaped(text) }
        let digits = text.lowercased()
        let isPrefix = digits.utf8.count >= digitsLeast && digits.allSatisfy { $0.isHexDigit && $0.isASCII }
        let byIdentity = isPrefix ? peers.filter { $0.peer.hex.hasPrefix(digits) } : []
        // A host may be named as another one's identity begins.
        let meant = Set((byName + byIdentity).map(\.peer))
        if let peer = meant.first, meant.count == 1 { return peer }
        let shown = Text.escaped(text)
        guard !meant.isEmpty else {
            throw Failure(
                .noSuchPeer, "No peer \(shown) is known.", subject: text,
                hint: "See the peers with: lanspreadctl peer list")
        }
        let some = meant.sorted().prefix(4).map(\.short).joined(separator: ", ")
        throw Failure(
            .noSuchPeer, "Several peers are meant by \(shown): \(some)\(meant.count > 4 ? " and others" : "").",
            subject: text, hint: "Type more of the identity, as shown by: lanspreadctl peer list")
    }
}
