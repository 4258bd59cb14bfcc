import Model

/// The events that wait for one subscriber: at most `limit`, and at most `rowsLimit` rows of lists in them, then one
/// gap record in place of all that were lost.
///
/// The law: what is taken out has consecutive numbers, but for gaps that say from where to where.
package struct EventQueue: Sendable {
    package let limit: Int
    package let rowsLimit: Int
    /// What a returning subscriber missed; it comes first.
    private var backlog: ArraySlice<ControlEvent>
    /// In `waiting`.
    private var rows = 0
    private var waiting: ArraySlice<ControlEvent> = []
    private var lost: ClosedRange<UInt64>?

    /// The backlog counts against no limit of the queue: what the ledger keeps bounds it, and its events are the
    /// ledger's own.
    package init(
        limit: Int = Limits.eventQueue, rowsLimit: Int = Limits.eventQueueRows, backlog: [ControlEvent] = []
    ) {
        precondition(limit > 0 && rowsLimit > 0, "a queue that holds nothing is a gap")
        self.limit = limit
        self.rowsLimit = rowsLimit
        self.backlog = backlog[...]
    }

    package var count: Int { backlog.count + waiting.count }

    /// Once something is lost, everything is until the queue has run empty: one gap, not many.
    package mutating func offer(_ event: ControlEvent) {
        if let gap = lost {
            lost = gap.lowerBound...max(gap.lowerBound, event.number)
        } else if waiting.count >= limit || (rows + event.rows > rowsLimit && !waiting.isEmpty) {
            // One event always fits: a list that is longer than all the room would else never be told.
            lost = event.number...event.number
        } else {
            waiting.append(event)
            rows += event.rows
        }
    }

    package mutating func take() -> ControlEvent? {
        if let event = backlog.popFirst() { return event }
        if let event = waiting.popFirst() {
            rows -= event.rows
            return event
        }
        guard let gap = lost else { return nil }
        lost = nil
        return .gap(gap)
    }
}
