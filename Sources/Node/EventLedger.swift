import Control
import Model
import Supervision

/// The events of this run of the daemon in order, and the state that they add up to.
///
/// Pure: `EventBus` owns the only copy. A snapshot is the fold of every event up to its number, so a subscriber that
/// takes the snapshot and then the events after it misses nothing and gets nothing twice.
struct EventLedger {
    private var retained: ArraySlice<ControlEvent> = []
    private(set) var number: UInt64 = 0

    private var games: JSONValue = .array([])
    private var operations: [OperationID: JSONValue] = [:]
    private var peers: [PeerID: JSONValue] = [:]
    private var components: [String: JSONValue] = [:]
    private var transfers = 0

    /// Nil for a snapshot of the library that says what the last one said: the scan and the end of an operation both
    /// tell it, and only a change is an event.
    mutating func append(_ event: NodeEvent) -> ControlEvent? {
        if case .localLibraryChanged(let list) = event, games == .array(list) { return nil }
        number += 1
        fold(event)
        let numbered = ControlEvent(number: number, name: event.name, fields: event.fields)
        retained.append(numbered)
        if retained.count > Limits.eventsRetained { retained.removeFirst() }
        return numbered
    }

    var snapshot: JSONValue {
        [
            "games": games,
            "operations": .array(operations.sorted { $0.key < $1.key }.map(\.value)),
            "peers": .array(peers.sorted { $0.key < $1.key }.map(\.value)),
            "components": .array(components.sorted { $0.key < $1.key }.map(\.value)),
            "outbound_transfers": .count(transfers),
        ]
    }

    /// The events after `position`, or nil when some of them are not kept any more.
    func events(after position: UInt64) -> [ControlEvent]? {
        guard position <= number else { return nil }
        let missed = retained.filter { $0.number > position }
        return UInt64(missed.count) == number - position ? missed : nil
    }

    private mutating func fold(_ event: NodeEvent) {
        switch event {
        case .localLibraryChanged(let list): games = .array(list)
        case .operationStarted(let operation), .operationProgress(let operation):
            operations[operation.id] = operation.json
        case .operationFinished(let operation), .operationFailed(let operation), .allPeersGone(let operation):
            operations[operation.id] = nil
        case .peerAppeared(let peer, let json): peers[peer] = json
        case .peerVanished(let peer, _): peers[peer] = nil
        case .componentChanged(let status): components[status.name] = status.json
        case .outboundTransfersChanged(let count): transfers = count
        case .localReady, .activeOperationsChanged, .remoteLibraryChanged, .runtimeFailed: break
        }
    }
}
