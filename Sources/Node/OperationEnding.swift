import Control
import Model
import Runtime

extension OperationSnapshot {
    /// The terminal event; a cancelled operation has done what it was asked to.
    var ending: NodeEvent {
        switch standing {
        case .running, .paused, .finished, .cancelled: .operationFinished(self)
        case .failed: .operationFailed(self)
        case .allPeersGone: .allPeersGone(self)
        }
    }
}

extension Log {
    /// The one line about an end; what failed is ended here, so it is here that it is told.
    func end(of operation: OperationSnapshot) {
        var fields: [LogField] = [
            .operation(operation.id), .game(operation.game), .field("kind", operation.kind.rawValue),
        ]
        switch operation.standing {
        case .running, .paused, .finished:
            fields.append(.field("outcome", operation.outcome ?? "done"))
            write(.notice, "An operation finished.", kind: "operation_finished", fields)
        case .failed:
            write(.warning, operation.failure?.sentence ?? "An operation failed.", kind: "operation_failed", fields)
        case .cancelled: write(.notice, "An operation was cancelled.", kind: "operation_cancelled", fields)
        case .allPeersGone:
            if let why = operation.outcome { fields.append(.field("why", why)) }
            write(.warning, "An operation ended because no source is left.", kind: "all_peers_gone", fields)
        }
    }
}
