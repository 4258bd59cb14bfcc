import Control
import Linux
import Model
import Peers
import Runtime
import Transfer

extension Node {
    /// Both ways, one row for each peer and content.
    func transferList() async -> JSONValue {
        let outbound = await house.registry.rows()
        let known = await house.peers.remembered().map { ($0.peer, $0.name) }
        let names = Dictionary(known, uniquingKeysWith: { first, _ in first })
        let now = house.time.now
        let out = outbound.map { row in
            TransferView(
                isOutbound: true, game: row.content.game, root: row.content.root, peer: row.peer, operation: nil,
                flow: row.flow)
        }
        let incoming = house.inbound.rows.map { row in
            TransferView(
                isOutbound: false, game: row.game, root: row.root, peer: row.peer, operation: row.operation,
                flow: row.flow)
        }
        return ["transfers": .array((incoming + out).map { $0.json(name: names[$0.peer], now: now) })]
    }
}

/// One row of `transfer.list`.
private struct TransferView {
    let isOutbound: Bool
    let game: GameID
    let root: Root
    let peer: PeerID
    let operation: OperationID?
    let flow: TransferFlow

    private var direction: String { isOutbound ? "out" : "in" }

    func json(name: String?, now: Instant) -> JSONValue {
        let age = (now - flow.since).components.seconds
        return [
            "transfer": .string("\(direction)/\(game)/\(peer.hex)/\(root.short)"), "direction": .string(direction),
            "game": .string(game.text), "root": .string(root.hex), "peer": .string(peer.hex), "name": .optional(name),
            "operation_id": .optional(operation?.rawValue), "bytes": .bytes(flow.bytes),
            "rate": .bytes(flow.rate(at: now)),
            "since": .string(Timestamp.text(Machine.wallClockSeconds() - age)), "limit": .null,
        ]
    }
}
