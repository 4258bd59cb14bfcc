import Linux
import Model
import Runtime

/// Another host that bears this host's identity: a disk was copied. Each of the two takes the other for nobody, and all
/// others take the two for one that moves about; only a person can mend it.
extension PeerTable {
    private static let remedy = "Give one of the two another identity with, on it: lanspreadctl identity renew"

    func noteClone(at address: SocketAddress) {
        let isNew = cloneSeen == nil
        cloneSeen = time.now
        log.error(
            "Another host bears this host's identity: one of the two state directories is a copy. \(PeerTable.remedy)",
            kind: "identity_cloned", .field("address", address.host))
        guard isNew else { return }
        ports.degraded(
            "Another host, at \(address.host), bears this host's identity, since one of the two state directories is a "
                + "copy. \(PeerTable.remedy)")
        watchClone()
    }

    /// Returns when no clone was seen for a while.
    func awaitCloneGone() async {
        while let seen = cloneSeen {
            let end = seen + Limits.cloneMemory
            if time.now >= end { break }
            guard (try? await time.sleep(until: end)) != nil else { return }
        }
        forgetClone()
    }

    func forgetClone() {
        guard cloneSeen != nil else { return }
        cloneSeen = nil
        ports.degraded(nil)
    }
}
