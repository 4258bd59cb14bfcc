import Control
import Linux
import Model
import Peers
import Runtime

extension Node {
    func peerList() async -> JSONValue {
        ["peers": .array(await house.peers.snapshot().map { $0.json(now: house.time.now) })]
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
        ]
    }
}
