import Control
import Model

/// An operation as lanspreadctl shows it.
struct OperationView {
    let number: Int64
    let game: String
    let kind: String
    let phase: String
    let state: String
    let done: Int64
    let total: Int64
    let rate: Int64
    let sources: Int64
    let outcome: String?
    let failure: Failure?
    let json: JSONValue

    /// Nil when it is no operation.
    init?(_ json: JSONValue) {
        guard let number = json["operation_id"]?.int, let state = json["state"]?.string else { return nil }
        self.json = json
        self.number = number
        self.state = state
        game = json.shown("game")
        kind = json.shown("kind")
        phase = json["phase"]?.string ?? ""
        done = max(0, json["bytes_done"]?.int ?? 0)
        total = max(0, json["bytes_total"]?.int ?? 0)
        rate = max(0, json["rate"]?.int ?? 0)
        sources = max(0, json["sources"]?.int ?? 0)
        outcome = json["outcome"]?.string.map { Text.escaped($0, limit: 1_024) }
        failure = json["failure"].flatMap { Failure(json: $0) }
    }

    var isPaused: Bool { state == "paused" }
    var isEnded: Bool { state != "running" && !isPaused }

    /// 0 to 100; nil while the size is not known.
    var percent: Int? {
        total > 0 ? Int(min(done, total) / max(1, total / 100)).clamped(to: 0...(done < total ? 99 : 100)) : nil
    }

    var phaseText: String {
        if isPaused { return "paused" }
        return switch phase {
        case "waiting_for_source": "waiting for a source"
        case "downloading", "installing": phase
        default: Text.escaped(phase.replacing("_", with: " "))
        }
    }

    var stateText: String { state == "all_peers_gone" ? "all peers gone" : Text.escaped(state) }

    /// Seconds to the end of this phase at this rate.
    var secondsLeft: Int64? {
        guard rate > 0, total > done, phase != "waiting_for_source" else { return nil }
        return (total - done) / rate + 1
    }

    var exitCode: ExitCode {
        switch state {
        case "finished": .done
        case "cancelled": .cancelled
        case "all_peers_gone": .noSource
        default: failure.map { ExitCode.of($0.kind) } ?? .failed
        }
    }

    /// The last word about it.
    var ending: String {
        switch state {
        case "finished":
            let size = total > 0 ? " (\(Figures.bytes(total)))" : ""
            return "\(game)\(size): \(outcome ?? (kind == "install" ? "installed" : "downloaded"))"
        case "cancelled": return "\(game): cancelled. What was verified stays for the next download."
        default:
            let hint = failure?.hint.map { " " + $0 } ?? ""
            let sentence = failure.map { $0.sentence + hint } ?? outcome ?? stateText
            return Text.escaped(sentence, limit: 4_096)
        }
    }
}

extension Int {
    func clamped(to range: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, range.lowerBound), range.upperBound) }
}
