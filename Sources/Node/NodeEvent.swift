import Control
package import Model
package import Supervision

/// A fact for subscribers, before it has its number. What changes in the list of games is told by a `GameTable`.
package enum NodeEvent: Sendable {
    case localReady
    case activeOperationsChanged([OperationSnapshot])
    case operationStarted(OperationSnapshot)
    case operationProgress(OperationSnapshot)
    case operationFinished(OperationSnapshot)
    case operationFailed(OperationSnapshot)
    case allPeersGone(OperationSnapshot)
    case peerAppeared(PeerID, JSONValue)
    case peerVanished(PeerID, reason: String)
    case outboundTransfersChanged(Int)
    case componentChanged(ComponentStatus)
    case runtimeFailed(component: String, reason: String)

    var name: String {
        switch self {
        case .localReady: EventName.localReady
        case .activeOperationsChanged: EventName.activeOperationsChanged
        case .operationStarted: EventName.operationStarted
        case .operationProgress: EventName.operationProgress
        case .operationFinished: EventName.operationFinished
        case .operationFailed: EventName.operationFailed
        case .allPeersGone: EventName.allPeersGone
        case .peerAppeared: EventName.peerAppeared
        case .peerVanished: EventName.peerVanished
        case .outboundTransfersChanged: EventName.outboundTransfersChanged
        case .componentChanged: EventName.componentChanged
        case .runtimeFailed: EventName.runtimeFailed
        }
    }

    var fields: [String: JSONValue] {
        switch self {
        case .localReady: [:]
        case .activeOperationsChanged(let operations): ["operations": .array(operations.map(\.json))]
        case .operationStarted(let operation), .operationProgress(let operation), .operationFinished(let operation),
            .operationFailed(let operation), .allPeersGone(let operation):
            ["operation": operation.json]
        case .peerAppeared(_, let peer): ["peer": peer]
        case .peerVanished(let peer, let reason): ["peer": .string(peer.hex), "reason": .string(reason)]
        case .outboundTransfersChanged(let count): ["count": .count(count)]
        case .componentChanged(let status): ["component": status.json]
        case .runtimeFailed(let component, let reason):
            ["component": .string(component), "reason": .string(reason)]
        }
    }
}

extension OperationSnapshot {
    package var json: JSONValue {
        [
            "operation_id": .int(id.rawValue), "game": .string(game.text), "kind": .string(kind.rawValue),
            "phase": .string(phase.rawValue), "state": .string(standing.rawValue), "bytes_done": .bytes(bytesDone),
            "bytes_total": .bytes(bytesTotal), "rate": .bytes(rate), "sources": .count(sources),
            "started": .string(started), "ended": .optional(ended), "failure": failure?.json ?? .null,
            "outcome": .optional(outcome),
        ]
    }
}

extension ComponentStatus {
    package var json: JSONValue {
        [
            "name": .string(name), "policy": .string(policy.rawValue), "state": .string(state.rawValue),
            "restarts": .count(restarts), "reason": .optional(reason), "last_reason": .optional(lastReason),
        ]
    }
}
