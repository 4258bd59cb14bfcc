import Model
import Runtime

/// How many dials may run, and begin within a minute, by what speaks for them.
///
/// Whoever floods us with sightings, or with addresses of made-up peers, gets a share; what is left stays for peers
/// that are known.
struct DialBudget {
    /// The lower, the earlier it is dialled.
    enum Kind: Int, CaseIterable {
        /// Configured, or reached before.
        case known
        /// Anybody's word, but somebody on this network says it now.
        case sighted
        /// Remembered from another day, or told by a peer.
        case guessed

        var runningLimit: Int {
            switch self {
            case .known: Limits.dials
            case .sighted: Limits.dialsSighted
            case .guessed: Limits.dialsGuessed
            }
        }

        var perMinuteLimit: Int {
            switch self {
            case .known: Limits.dialsPerMinute
            case .sighted: Limits.dialsPerMinuteSighted
            case .guessed: Limits.dialsPerMinuteGuessed
            }
        }
    }

    private static let minute = Duration.seconds(60)

    private var running: [Kind: Int] = [:]
    /// Those of the last minute, the earliest first.
    private var begun: [(kind: Kind, at: Instant)] = []

    /// When one more may begin as far as the minute is concerned; nil while too many run, until one of them ends.
    func opening(_ kind: Kind, now: Instant) -> Instant? {
        guard running.values.reduce(0, +) < Limits.dials, running[kind, default: 0] < kind.runningLimit else {
            return nil
        }
        let ofKind = begun.filter { $0.kind == kind }
        return max(full(begun, Limits.dialsPerMinute, now), full(ofKind, kind.perMinuteLimit, now))
    }

    /// The instant at which fewer than `limit` lie within a minute.
    private func full(_ begun: [(kind: Kind, at: Instant)], _ limit: Int, _ now: Instant) -> Instant {
        begun.count < limit ? now : max(now, begun[begun.count - limit].at + DialBudget.minute)
    }

    mutating func begin(_ kind: Kind, now: Instant) {
        begun.removeAll { $0.at + DialBudget.minute <= now }
        begun.append((kind, now))
        running[kind, default: 0] += 1
    }

    mutating func end(_ kind: Kind) {
        guard let count = running[kind], count > 0 else { preconditionFailure("a dial ended twice") }
        running[kind] = count - 1
    }
}
