import Linux

/// A moment on the monotonic clock; it stands still while the machine sleeps and says nothing about the date.
package struct Instant: Comparable, Hashable, Sendable {
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Further than any process lives: a deadline that never comes.
    package static let never = Instant(nanoseconds: .max)

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Stops at the ends of the clock instead of trapping; a deadline may be added to anything.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        let step = duration.wholeNanoseconds
        // A duration that was cut is longer than any clock runs.
        if step == .max { return .never }
        let (sum, isTooFar) =
            step >= 0
            ? instant.nanoseconds.addingReportingOverflow(step.magnitude)
            : instant.nanoseconds.subtractingReportingOverflow(step.magnitude)
        return Instant(nanoseconds: isTooFar ? (step >= 0 ? .max : 0) : sum)
    }

    package static func - (instant: Instant, duration: Duration) -> Instant {
        instant + (Duration.zero - duration)
    }

    package static func - (later: Instant, earlier: Instant) -> Duration {
        later >= earlier
            ? .nanoseconds(Int64(clamping: later.nanoseconds - earlier.nanoseconds))
            : .zero - .nanoseconds(Int64(clamping: earlier.nanoseconds - later.nanoseconds))
    }
}

extension Duration {
    /// Cut at the ends of `Int64`, which are 292 years away.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, isTooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooFarAgain) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isTooFar || isTooFarAgain ? (seconds < 0 ? .min : .max) : sum
    }
}

/// Where time comes from: the machine, or a test that turns it by hand.
package protocol TimeSource: Sendable {
    var now: Instant { get }
    /// Returns at once when the instant has passed.
    func sleep(until instant: Instant) async throws(CancellationError)
}

extension TimeSource {
    package func sleep(for duration: Duration) async throws(CancellationError) {
        try await sleep(until: now + duration)
    }
}

package struct MonotonicTime: TimeSource {
    package init() {}

    package var now: Instant { Instant(nanoseconds: Machine.monotonicNanoseconds()) }

    package func sleep(until instant: Instant) async throws(CancellationError) {
        while true {
            // A sleep may end early: what counts is this clock, not the one that the sleep used.
            let rest = instant - now
            if rest <= .zero { break }
            do {
                try await Task.sleep(for: rest)
            } catch {
                throw CancellationError()
            }
        }
        if Task.isCancelled { throw CancellationError() }
    }
}
