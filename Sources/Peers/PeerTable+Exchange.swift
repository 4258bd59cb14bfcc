import Linux
import Model
import PeerLink
import Wire

/// Peers tell each other where their peers are, so that another subnet needs one static peer only.
extension PeerTable {
    /// Addresses that peers tell from now on; the newest few wait to be looked at.
    func told() -> AsyncStream<[SocketAddress]> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: [SocketAddress].self, bufferingPolicy: .bufferingNewest(Limits.toldWaiting))
        tellTold = continuation
        return stream
    }

    /// Once, when a link begins: whoever comes later dials this peer by itself, having been told of it.
    func tellPeers(over link: PeerLink) {
        let others = state.entries.filter { $0.key != link.peer }.values.map(\.address)
        let useful = others.filter { Exchange.isUseful($0, overLoopback: link.remote.isLoopback) }
        guard !useful.isEmpty else { return }
        link.post(.peers(useful.prefix(Limits.peerAddresses).map(\.description)))
    }

    /// The first message of a link counts: a peer that talks on cannot keep us busy with it.
    func takePeers(_ texts: [String], from link: PeerLink) {
        guard handles[link.id]?.hasTold == false else { return }
        handles[link.id]?.hasTold = true
        let addresses = texts.compactMap { SocketAddress($0) }.filter {
            $0.port > 0 && Exchange.isUseful($0, overLoopback: link.remote.isLoopback)
        }
        if !addresses.isEmpty { tellTold?.yield(addresses) }
    }
}

enum Exchange {
    /// Whether an address means the same to both ends of a link: one of a LAN, not bound to an interface; loopback
    /// only between daemons of one host.
    static func isUseful(_ address: SocketAddress, overLoopback: Bool) -> Bool {
        if address.isLoopback { return overLoopback }
        return address.isPrivateOrLinkLocal && !address.isScoped
    }
}
