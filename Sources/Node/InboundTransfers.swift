import Model
import Synchronization
import Transfer

/// What comes in from whom, per running download; told by the downloads, read by `transfer.list`.
final class InboundTransfers: Sendable {
    struct Row: Sendable {
        let operation: OperationID
        let game: GameID
        let root: Root
        let peer: PeerID
        let flow: TransferFlow
    }

    private let downloads = Mutex<[OperationID: [Row]]>([:])

    func set(_ operation: OperationID, _ game: GameID, _ root: Root, _ flows: [PeerID: TransferFlow]) {
        let rows = flows.map { Row(operation: operation, game: game, root: root, peer: $0.key, flow: $0.value) }
        downloads.withLock { $0[operation] = rows }
    }

    func end(_ operation: OperationID) { downloads.withLock { $0[operation] = nil } }

    var rows: [Row] { downloads.withLock { $0.values.flatMap { $0 } } }
}
