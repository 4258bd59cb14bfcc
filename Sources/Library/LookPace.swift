import Model
package import Runtime

/// When a change is looked at: soon, but a game of many files that is being copied must not keep a disk busy with
/// looking at it.
package struct LookPace {
    /// The disk rests until then.
    private var rested: Instant?

    package init() {}

    package mutating func looked(from begin: Instant, until end: Instant) {
        rested = end + min((end - begin) * 4, Limits.watchRestLast)
    }

    /// A rest that is over is charged to nobody.
    package func next(after change: Instant) -> Instant {
        let soon = change + Limits.watchQuiet
        return rested.map { max(soon, $0) } ?? soon
    }
}
