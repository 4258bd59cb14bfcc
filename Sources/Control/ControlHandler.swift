package import Model

/// What answers control calls: Node. ControlServer knows nothing else of the house.
package protocol ControlHandler: Sendable {
    /// `parameters` passed `method.check`: every required one is there, defaults are filled in, types are right.
    ///
    /// It is never called for the methods that the server answers itself (`events.subscribe`, `rpc.version`,
    /// `rpc.discover`). The task is cancelled when the client leaves.
    func call(
        _ method: ControlMethod, _ parameters: JSONValue, from client: ControlClient
    ) async throws(Failure) -> JSONValue

    /// A snapshot with its number, and every event after it.
    func subscribe(since: EventPosition?) async throws(Failure) -> EventSubscription
}

/// Who sits at the other end of the socket, by SO_PEERCRED.
package struct ControlClient: Hashable, Sendable, CustomStringConvertible {
    package let pid: Int32
    package let uid: UInt32
    package let gid: UInt32

    package init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    package var description: String { "pid \(pid), uid \(uid), gid \(gid)" }
}

/// A numbered fact for subscribers.
package struct ControlEvent: Hashable, Sendable {
    package let number: UInt64
    package let name: String
    /// Neither `number` nor `event`: these two are the frame's.
    package let fields: [String: JSONValue]

    package init(number: UInt64, name: String, fields: [String: JSONValue] = [:]) {
        self.number = number
        self.name = name
        self.fields = fields
    }

    /// Stands in the place of events that a subscriber does not get.
    package static func gap(_ numbers: ClosedRange<UInt64>) -> ControlEvent {
        ControlEvent(
            number: numbers.upperBound, name: EventName.gap,
            fields: ["from": .bytes(numbers.lowerBound), "to": .bytes(numbers.upperBound)])
    }

    /// What it weighs: itself, and each row of the lists that it carries. Events are many or large, never both.
    package var rows: Int { fields.values.reduce(1) { $0 + ($1.array?.count ?? 0) } }
}

/// The names of the events, one word for each.
package enum EventName {
    package static let localReady = "local_ready"
    package static let localLibraryChanged = "local_library_changed"
    package static let activeOperationsChanged = "active_operations_changed"
    package static let operationStarted = "operation_started"
    package static let operationProgress = "operation_progress"
    package static let operationFinished = "operation_finished"
    package static let operationFailed = "operation_failed"
    package static let allPeersGone = "all_peers_gone"
    package static let peerAppeared = "peer_appeared"
    package static let peerVanished = "peer_vanished"
    package static let remoteLibraryChanged = "remote_library_changed"
    package static let outboundTransfersChanged = "outbound_transfers_changed"
    package static let componentChanged = "component_changed"
    package static let runtimeFailed = "runtime_failed"
    package static let gap = "gap"

    package static let all = [
        localReady, localLibraryChanged, activeOperationsChanged, operationStarted, operationProgress,
        operationFinished, operationFailed, allPeersGone, peerAppeared, peerVanished, remoteLibraryChanged,
        outboundTransfersChanged, componentChanged, runtimeFailed, gap,
    ]
}

/// A place in the sequence of events; the epoch is another one after each start of the daemon.
package struct EventPosition: Hashable, Sendable {
    package let epoch: String
    package let number: UInt64

    package init(epoch: String, number: UInt64) {
        self.epoch = epoch
        self.number = number
    }

    package init?(json: JSONValue) {
        guard let epoch = json["epoch"]?.string, let number = json["number"]?.int.flatMap(UInt64.init(exactly:)) else {
            return nil
        }
        self.init(epoch: epoch, number: number)
    }

    package var json: JSONValue { ["epoch": .string(epoch), "number": .bytes(number)] }
}

/// What a subscriber gets: the state at `position`, then every event after it through `feed`.
package struct EventSubscription: Sendable {
    package let position: EventPosition
    /// Null when the missed events after the asked position follow in the feed, so that nothing comes twice.
    package let snapshot: JSONValue
    package let feed: EventFeed

    package init(position: EventPosition, snapshot: JSONValue, feed: EventFeed) {
        self.position = position
        self.snapshot = snapshot
        self.feed = feed
    }
}
