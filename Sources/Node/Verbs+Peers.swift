import Control
import Linux
import Model
import Peers
import Runtime

extension Node {
    /// The linked, and those that are remembered.
    func peerList() async -> JSONValue {
        let now = house.time.now
        let linked = await house.peers.snapshot()
        let gone = await house.peers.remembered().filter { peer in !linked.contains { $0.peer == peer.peer } }
        let rows = linked.map { ($0.peer, $0.json(now: now)) } + gone.map { ($0.peer, $0.json) }
        return ["peers": .array(rows.sorted { $0.0 < $1.0 }.map(\.1))]
    }

    func peerForget(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let peer = try await meant(parameters)
        guard await !house.peers.isBlocked(peer) else {
            throw Failure(
                .notAllowed, "The peer \(peer.short) is blocked, and forgetting it would let it in again.",
                subject: peer.hex, hint: "Lift the block first: lanspreadctl peer unblock \(peer.short)")
        }
        await house.peers.forget(peer)
        return ["peer": .string(peer.hex)]
    }

    func peerBlock(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let peer = try await meant(parameters)
        let isBlocked = parameters["blocked"]?.bool ?? true
        guard await house.peers.setBlocked(peer, isBlocked) else {
            throw Failure(.noSuchPeer, "The peer \(peer.short) has just been forgotten.", subject: peer.hex)
        }
        return ["peer": .string(peer.hex), "blocked": .bool(isBlocked)]
    }

    private func meant(_ parameters: JSONValue) async throws(Failure) -> PeerID {
        let linked = await house.peers.snapshot().map { ($0.peer, $0.name) }
        let remembered = await house.peers.remembered().map { ($0.peer, $0.name) }
        return try PeerArgument.resolve(
            try ControlArguments(parameters).text("peer"),
            among: Dictionary(linked + remembered, uniquingKeysWith: { now, _ in now }).map { ($0.key, $0.value) })
    }

    func peerConnect(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let text = parameters["address"]?.string ?? ""
        guard let address = SocketAddress(text) else {
            throw Failure(
                .usage, "\(Text.escaped(text)) is not an address and a port.", subject: text,
                hint: "Write it as 192.168.1.20:47600 or [fe80::1%eth0]:47600.")
        }
        do {
            return ["peer": .string(try await house.peers.connect(to: address).hex)]
        } catch {
            throw error.failure(text)
        }
    }

    func peerWait(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let wanted = Int(clamping: parameters["count"]?.int ?? 0)
        let timeout = parameters["timeout"]?.seconds ?? .seconds(60)
        let peers = house.peers
        // Cancelled means that the time is over, or that the caller has left; either way the count decides.
        await house.wait(until: house.time.now + timeout) { try? await peers.wait(forPeers: wanted) }
        let count = await peers.snapshot().count
        guard count >= wanted else {
            throw Failure(
                .timeout, "\(count) of \(wanted) peers are connected after \(timeout.components.seconds) s.",
                hint: "See the peers with: lanspreadctl peers", retryable: true)
        }
        return ["peers": .count(count)]
    }
}

extension PeerSnapshot {
    func json(now: Instant) -> JSONValue {
        [
            "peer": .string(peer.hex), "name": .string(name), "address": .string(address.description),
            "state": .string(state.rawValue), "games": .count(games.count),
            "connected_seconds": .int((now - since).components.seconds),
            "last_seen": .string(Timestamp.text(Machine.wallClockSeconds() - (now - heard).components.seconds)),
        ]
    }
}

extension RememberedPeer {
    /// As a row of `peer.list`; it is not linked.
    var json: JSONValue {
        [
            "peer": .string(peer.hex), "name": .string(name), "address": .string(address.description),
            "state": .string(isBlocked ? "blocked" : "offline"), "games": 0, "connected_seconds": .null,
            "last_seen": .string(Timestamp.text(seen)),
        ]
    }
}
