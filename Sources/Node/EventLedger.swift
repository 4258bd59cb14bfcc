import Control
import Model
import Supervision

/// Every row of `game.list`, as one reading of the house gave it.
struct GameTable: Sendable {
    /// Readings are numbered when they begin: one that began earlier never overwrites one that began later.
    let reading: UInt64
    /// The library's count of what it shows; another number means that this host's part has changed.
    let library: UInt64
    /// Ordered by the ids.
    let rows: [JSONValue]
}

/// The events of this run of the daemon in order, and the state that they add up to.
///
/// Pure: `EventBus` owns the only copy. A snapshot is the fold of every event up to its number, so a subscriber that
/// takes the snapshot and then the events after it misses nothing and gets nothing twice.
struct EventLedger {
    private var retained = EventBacklog(limit: Limits.eventsRetained, rowsLimit: Limits.eventsRetainedRows)
    private(set) var number: UInt64 = 0

    private var games: [JSONValue] = []
    private var lastReading: UInt64 = 0
    private var readings: UInt64 = 0
    private var libraryTold: UInt64?
    private var operations: [OperationID: JSONValue] = [:]
    private var peers: [PeerID: JSONValue] = [:]
    private var components: [String: JSONValue] = [:]
    private var transfers = 0

    mutating func append(_ event: NodeEvent) -> ControlEvent {
        fold(event)
        return tell(event.name, event.fields)
    }

    // MARK: - Games

    /// The number for a reading that begins now.
    mutating func beginReading() -> UInt64 {
        readings += 1
        return readings
    }

    /// What this host has may have changed. Empty when the table says what the last one said: a scan and the end of an
    /// operation both tell it, and only a change is an event.
    mutating func append(_ table: GameTable, isAskedFor: Bool = false) -> [ControlEvent] {
        guard let changed = take(table) else {
            // A later reading was told already; whoever asked is answered with that.
            return isAskedFor ? [tell(EventName.localLibraryChanged, ["games": .array(games)])] : []
        }
        let isNew = table.library != libraryTold || changed.hasRemovals || !changed.rows.isEmpty
        return isAskedFor || isNew ? [tellLibrary(table)] : []
    }

    /// What peers have may have changed. The event carries the rows that are others now.
    ///
    /// - Parameter causes: the peers; true: it told another library, which is told even when no row changes.
    mutating func append(_ table: GameTable, causes: [PeerID: Bool]) -> [ControlEvent] {
        var events: [ControlEvent] = []
        var changed: [JSONValue] = []
        if let news = take(table) {
            // The reading has also seen something of this host that nobody told yet, or a game that is gone, which no
            // row can say: the whole of it goes first.
            if table.library != libraryTold || news.hasRemovals {
                events.append(tellLibrary(table))
            } else {
                changed = news.rows
            }
        }
        for (peer, hasNewLibrary) in causes.sorted(by: { $0.key < $1.key }) where hasNewLibrary || !changed.isEmpty {
            let fields: [String: JSONValue] = ["peer": .string(peer.hex), "games": .array(changed)]
            events.append(tell(EventName.remoteLibraryChanged, fields))
            changed = []
        }
        return events
    }

    private mutating func tellLibrary(_ table: GameTable) -> ControlEvent {
        libraryTold = table.library
        return tell(EventName.localLibraryChanged, ["games": .array(games)])
    }

    /// Returns the rows that are others than before, and whether one of before is there no more: its game has left the
    /// catalog. Nil for a reading that a later one has overtaken.
    ///
    /// A row that is as before is the very same value: what a thousand retained events have in common exists once.
    private mutating func take(_ table: GameTable) -> (rows: [JSONValue], hasRemovals: Bool)? {
        guard table.reading > lastReading else { return nil }
        lastReading = table.reading
        var rows: [JSONValue] = []
        rows.reserveCapacity(table.rows.count)
        var changed: [JSONValue] = []
        var hasRemovals = false
        var old = games[...]
        for row in table.rows {
            let id = row["game"]?.string ?? ""
            while let first = old.first, first["game"]?.string ?? "" < id {
                old.removeFirst()
                hasRemovals = true
            }
            let before = old.first.flatMap { $0["game"]?.string == id ? $0 : nil }
            if before != nil { old.removeFirst() }
            if let before, before == row {
                rows.append(before)
            } else {
                rows.append(row)
                changed.append(row)
            }
        }
        games = rows
        return (changed, hasRemovals || !old.isEmpty)
    }

    // MARK: - Subscribing

    var snapshot: JSONValue {
        [
            "games": .array(games),
            "operations": .array(operations.sorted { $0.key < $1.key }.map(\.value)),
            "peers": .array(peers.sorted { $0.key < $1.key }.map(\.value)),
            "components": .array(components.sorted { $0.key < $1.key }.map(\.value)),
            "outbound_transfers": .count(transfers),
        ]
    }

    /// The events after `position`, or nil when some of them are not kept any more.
    func events(after position: UInt64) -> [ControlEvent]? {
        guard position <= number else { return nil }
        let missed = retained.events.filter { $0.number > position }
        return UInt64(missed.count) == number - position ? missed : nil
    }

    private mutating func tell(_ name: String, _ fields: [String: JSONValue]) -> ControlEvent {
        number += 1
        let event = ControlEvent(number: number, name: name, fields: fields)
        retained.append(event)
        return event
    }

    private mutating func fold(_ event: NodeEvent) {
        switch event {
        case .activeOperationsChanged(let active):
            operations = Dictionary(active.map { ($0.id, $0.json) }, uniquingKeysWith: { _, last in last })
        case .operationStarted(let operation), .operationProgress(let operation):
            operations[operation.id] = operation.json
        case .operationFinished(let operation), .operationFailed(let operation), .allPeersGone(let operation):
            operations[operation.id] = nil
        case .peerAppeared(let peer, let json): peers[peer] = json
        case .peerVanished(let peer, _): peers[peer] = nil
        case .componentChanged(let status): components[status.name] = status.json
        case .outboundTransfersChanged(let count): transfers = count
        case .localReady, .runtimeFailed: break
        }
    }
}

/// The last events, as many as fit: bounded by their number, and by the rows that they hold together.
struct EventBacklog {
    let limit: Int
    let rowsLimit: Int
    private(set) var events: ArraySlice<ControlEvent> = []
    private(set) var rows = 0

    init(limit: Int, rowsLimit: Int) {
        precondition(limit > 0 && rowsLimit > 0, "a backlog that holds nothing is none")
        self.limit = limit
        self.rowsLimit = rowsLimit
    }

    /// The event itself may be heavier than all that may be kept; then nothing is, and whoever comes back begins anew.
    mutating func append(_ event: ControlEvent) {
        events.append(event)
        rows += event.rows
        while events.count > limit || rows > rowsLimit, let oldest = events.popFirst() { rows -= oldest.rows }
    }
}
