import Model

/// The events that wait for one subscriber: at most `limit`, and at most `rowsLimit` rows of lists in them, then one
/// gap record in place of all that were lost.
///
/// The law: what is taken out has consecutive numbers, but for gaps that say from where to where.
package struct EventQueue: Sendable {
    package let limit: Int
    package let rowsLimit: Int
    private var rows = 0
    private var waiting: ArraySlice<ControlEvent> = []
    private var lost: ClosedRange<UInt64>?

    /// The backlog (what a returning subscriber missed) does not count against the limit; what is kept bounds it.
    package init(
        limit: Int = Limits.eventQueue, rowsLimit: Int = Limits.eventQueueRows, backlog: [ControlEvent] = []
    ) {
        precondition(limit > 0 && rowsLimit > 0, "a queue that holds nothing is a gap")
        self.limit = limit
        self.rowsLimit = rowsLimit
        waiting = backlog[...]
    }

    package var count: Int { waiting.count }

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
        if let event = waiting.popFirst() {
            rows = max(0, rows - event.rows)
            return event
        }
        guard let gap = lost else { return nil }
        lost = nil
        return ControlEvent(
            number: gap.upperBound, name: EventName.gap,
            fields: ["from": .bytes(gap.lowerBound), "to": .bytes(gap.upperBound)])
    }
}
