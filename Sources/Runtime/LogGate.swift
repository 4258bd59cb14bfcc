/// Which records are written at once, and which are only counted: nothing that happens again and again, however it
/// takes turns with other things, may fill a journal.
///
/// The law: a record that is held back is counted, and its count is written when its component says something else, at
/// the latest with the first record after its minute. So the last line of each kind is true, and at most one minute and
/// one record late.
struct LogGate {
    private struct Entry {
        /// When the minute of this record began.
        var begun: Instant
        /// How often it was written in that minute.
        var writes: Int
        /// How often it came since it was last written.
        var held = 0
        /// Its place among all records, for the order of the counts.
        var order: UInt64
    }

    private struct Budget {
        var begun: Instant
        var writes = 0
        var left = 0
    }

    /// A record that comes for hours is still seen to be coming.
    static let window = Duration.seconds(60)
    /// So often in a minute is a record written that takes turns with others: a peer that came, went and came again is
    /// told as it was, one that flaps is counted.
    static let writesPerWindow = 3
    /// Different records that are remembered: every peer of a large LAN, coming and going.
    static let records = 512
    /// Ten a second from one component, for a minute: more than a day of a LAN brings, and less than a disk notices.
    /// Errors are always written.
    static let writesPerComponent = 600

    private var entries: [LogRecord: Entry] = [:]
    /// The last record of each component that was written. Components are ours, so this is bounded by the code.
    private var last: [String: LogRecord] = [:]
    private var budgets: [String: Budget] = [:]
    private var next = Instant.never
    private var order: UInt64 = 0

    /// What is to be written now that `record` came, in this order.
    mutating func admit(_ record: LogRecord, now: Instant) -> [LogRecord] {
        order += 1
        var output = sweep(now: now, but: record)
        if var entry = entries[record] {
            entry.order = order
            if now - entry.begun >= Self.window {
                let count = entry.held + 1
                entry = Entry(begun: now, writes: Self.writesPerWindow, order: order)
                output += spend(record.counted(count), now)
            } else if last[record.component] == record || entry.writes >= Self.writesPerWindow {
                entry.held += 1
            } else {
                entry.writes += 1
                let count = entry.held + 1
                entry.held = 0
                output += release(record.component, now) + spend(count > 1 ? record.counted(count) : record, now)
                last[record.component] = record
            }
            entries[record] = entry
        } else {
            if entries.count >= Self.records { output += evict(now) }
            output += release(record.component, now) + spend(record, now)
            entries[record] = Entry(begun: now, writes: 1, order: order)
            last[record.component] = record
        }
        next = min(next, (entries[record]?.begun ?? now) + Self.window)
        return output
    }

    /// The counts whose minute has passed.
    mutating func settle(now: Instant) -> [LogRecord] { sweep(now: now, but: nil) }

    /// Every count that is held back; at the end.
    mutating func flush(now: Instant) -> [LogRecord] {
        let held = entries.filter { $0.value.held > 0 }.sorted { $0.value.order < $1.value.order }
        entries.removeAll()
        last.removeAll()
        next = .never
        return held.map { $0.key.counted($0.value.held) } + budgets.keys.sorted().compactMap { renew($0, now) }
    }

    // MARK: - Counts

    /// The component says something else: the count of what it repeated comes first, unless that one flaps.
    private mutating func release(_ component: String, _ now: Instant) -> [LogRecord] {
        guard let before = last[component], var entry = entries[before], entry.held > 0 else { return [] }
        guard entry.writes < Self.writesPerWindow else { return [] }
        let count = entry.held
        entry.writes += 1
        entry.held = 0
        entries[before] = entry
        return spend(before.counted(count), now)
    }

    private mutating func sweep(now: Instant, but current: LogRecord?) -> [LogRecord] {
        guard now >= next else { return [] }
        var due: [(record: LogRecord, entry: Entry)] = []
        for (record, entry) in entries where now - entry.begun >= Self.window {
            if entry.held > 0 {
                // Its own count is written by who asks.
                if record == current { continue }
                due.append((record, entry))
                // One line a minute, as long as it goes on.
                entries[record] = Entry(begun: now, writes: Self.writesPerWindow, order: entry.order)
            } else {
                entries[record] = nil
                if last[record.component] == record { last[record.component] = nil }
            }
        }
        var output: [LogRecord] = []
        for (component, budget) in budgets where now - budget.begun >= Self.window {
            if let left = renew(component, now) { output.append(left) }
        }
        for (record, entry) in due.sorted(by: { $0.entry.order < $1.entry.order }) {
            output += spend(record.counted(entry.held), now)
        }
        let soonest = (entries.values.map(\.begun) + budgets.values.map(\.begun)).min()
        next = soonest.map { $0 + Self.window } ?? .never
        return output
    }

    private mutating func evict(_ now: Instant) -> [LogRecord] {
        guard let oldest = entries.min(by: { $0.value.order < $1.value.order }) else { return [] }
        entries[oldest.key] = nil
        return oldest.value.held > 0 ? spend(oldest.key.counted(oldest.value.held), now) : []
    }

    // MARK: - Budgets

    /// The record, or nothing when its component has said too much in this minute.
    private mutating func spend(_ record: LogRecord, _ now: Instant) -> [LogRecord] {
        guard record.level != .error, record.level != .debug else { return [record] }
        var output: [LogRecord] = []
        if let budget = budgets[record.component], now - budget.begun >= Self.window {
            output += [renew(record.component, now)].compactMap(\.self)
        }
        var budget = budgets[record.component] ?? Budget(begun: now)
        if budget.writes < Self.writesPerComponent {
            budget.writes += 1
            output.append(record)
        } else {
            budget.left += 1
        }
        budgets[record.component] = budget
        return output
    }

    private mutating func renew(_ component: String, _ now: Instant) -> LogRecord? {
        guard let budget = budgets.removeValue(forKey: component), budget.left > 0 else { return nil }
        return LogRecord(
            level: .warning, component: component, sentence: "Records were left out: too many in a minute.",
            kind: "records_left_out", fields: [.field("count", budget.left)])
    }
}

extension LogRecord {
    fileprivate func counted(_ count: Int) -> LogRecord {
        LogRecord(
            level: level, component: component, sentence: sentence, kind: kind,
            fields: fields + [.field("repeated", count)])
    }
}
