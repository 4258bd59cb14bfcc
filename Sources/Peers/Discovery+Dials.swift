import Linux
import Model
import Runtime

/// One dial, of an address or of a name.
extension Discovery {
    func dial(_ target: DialTarget) async {
        let isStatic = plan.isStatic(target)
        var outcome = Outcome.failed(isLasting: false)
        switch target {
        case .address(let address): outcome = await dial(address, isConfigured: isStatic)
        case .name(let name, let port):
            for address in await addresses(of: name, port) {
                outcome = await dial(address, isConfigured: false)
                if case .reached = outcome { break }
            }
        }
        switch outcome {
        case .reached(let peer): plan.reached(target, peer, now: time.now)
        // A name leads elsewhere tomorrow.
        case .failed(let isLasting): plan.failed(target, isLasting: isLasting && !target.isName, now: time.now)
        }
        wake()
    }

    private enum Outcome {
        case reached(PeerID)
        case failed(isLasting: Bool)
    }

    private func dial(_ address: SocketAddress, isConfigured: Bool) async -> Outcome {
        do throws(PeersError) {
            return .reached(try await table.connect(to: address, isConfigured: isConfigured))
        } catch {
            log.debug("A dial failed.", .field("address", address), .field("reason", "\(error)"))
            return .failed(isLasting: error.isLasting)
        }
    }

    /// Only those of a LAN: a name is whatever the resolver says, and a number is what the administrator wrote.
    private func addresses(of name: String, _ port: UInt16) async -> [SocketAddress] {
        let found = OneShot<[SocketAddress]>()
        disk.begin { found.give(SocketAddress.resolve(host: name, port: port)) }
        // Whoever stops does not wait for a resolver.
        let addresses = await found.take(orGive: [])
        let near = addresses.filter { $0.isLoopback || $0.isPrivateOrLinkLocal }
        let reason: String? =
            addresses.isEmpty ? "the name is not known" : near.isEmpty ? "none of its addresses is in a LAN" : nil
        if let reason { note("The static peer \(name):\(port) is not dialled: \(reason).", about: name) }
        if reason == nil { noted.remove(name) }
        return Array(near.prefix(Limits.addressesPerName))
    }

    /// Once, until it is different: it is tried again and again.
    private func note(_ sentence: String, about name: String) {
        guard !Task.isCancelled, noted.insert(name).inserted else { return }
        log.warning(sentence, kind: "static_peer_ignored")
    }
}
