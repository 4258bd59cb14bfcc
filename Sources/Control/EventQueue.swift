import Model

/// The events that wait for one subscriber: at most `limit`, then one gap record in place of all that were lost.
///
/// The law: what is taken out has consecutive numbers, but for gaps that say from where to where.
package struct EventQueue: Sendable {
    package let limit: Int
    private var waiting: ArraySlice<ControlEvent> = []
    private var lost: ClosedRange<UInt64>?

    /// The backlog (what a returning subscriber missed) does not count against the limit.
    package init(limit: Int = Limits.eventQueue, backlog: [ControlEvent] = []) {
        precondition(limit > 0, "a queue that holds nothing is a gap")
        self.limit = limit
        waiting = backlog[...]
    }

    package var count: Int { waiting.count }

    /// Once something is lost, everything is until the queue has run empty: one gap, not many.
    package mutating func offer(_ event: ControlEvent) {
        if let gap = lost {
            lost = gap.lowerBound...max(gap.lowerBound, event.number)
        } else if waiting.count >= limit {
            lost = event.number...event.number
        } else {
            waiting.append(event)
        }
    }

    package mutating func take() -> ControlEvent? {
        if let event = waiting.popFirst() { return event }
        guard let gap = lost else { return nil }
        lost = nil
        return ControlEvent(
            number: gap.upperBound, name: EventName.gap,
            fields: ["from": .bytes(gap.lowerBound), "to": .bytes(gap.upperBound)])
    }
}
