package import Control
package import Model
import Runtime

package enum OperationKind: String, Sendable {
    case download, install
}

package enum OperationPhase: String, Sendable {
    case waitingForSource = "waiting_for_source"
    case downloading, installing, done
}

package enum OperationStanding: String, Sendable {
    case running, finished, failed, cancelled
    case allPeersGone = "all_peers_gone"
}

/// How the body of an operation ended.
package enum OperationEnd: Sendable {
    /// With the sentence that people read: "installed", "downloaded, not installed".
    case finished(String)
    case failed(Failure)
    case cancelled
    case allPeersGone
}

/// What the caller asked for. Kept over a restart: an operation goes on with its version and its root.
package struct OperationBrief: Sendable, Hashable {
    package let version: GameVersion
    /// Of a download: the install follows.
    package var installs = true
    package var overwrites = false
    /// `--root`: decides where the peers do not agree.
    package var root: Root?
}

/// One operation as it stands; a value that travels.
package struct OperationSnapshot: Sendable {
    package let id: OperationID
    package let game: GameID
    package let kind: OperationKind
    package let brief: OperationBrief
    /// Of a download: the content that it is about, once that is chosen; it stays the same over a restart.
    package var root: Root?
    package var phase: OperationPhase
    package var standing: OperationStanding = .running
    package var bytesDone: UInt64 = 0
    package var bytesTotal: UInt64 = 0
    /// Bytes a second, over the last seconds.
    package var rate: UInt64 = 0
    package var sources = 0
    /// RFC 3339, UTC.
    package let started: String
    package var ended: String?
    package var failure: Failure?
    package var outcome: String?
}

/// What a body tells about its progress.
package struct OperationProgress: Sendable {
    package let phase: OperationPhase
    package let bytesDone: UInt64
    package let bytesTotal: UInt64
    package let sources: Int
    /// Told once, when it is chosen.
    package let root: Root?

    package init(
        phase: OperationPhase, bytesDone: UInt64 = 0, bytesTotal: UInt64 = 0, sources: Int = 0, root: Root? = nil
    ) {
        self.phase = phase
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.sources = sources
        self.root = root
    }
}

/// Which operations run, which have ended, and what each one says about itself. At most one per game.
///
/// Pure: `OperationTable` owns the only copy and does the waiting.
struct OperationState {
    /// Two progress events of one operation are at least so far apart: ten redraws a second are enough for an eye.
    static let progressInterval = Duration.milliseconds(100)
    /// The rate is taken over at least so long, so that a chunk more or less does not make it jump.
    private static let rateWindow = Duration.seconds(1)

    private struct Pace {
        var lastEvent: Instant?
        var windowStart: Instant?
        var windowBytes: UInt64 = 0
        var windowPhase: OperationPhase?
    }

    private var records: [OperationID: OperationSnapshot] = [:]
    private var active: [GameID: OperationID] = [:]
    private var paces: [OperationID: Pace] = [:]
    /// Ended ones, oldest first, bounded by `Limits.operationsRetained`.
    private var ended: [OperationID] = []

    var activeCount: Int { active.count }

    subscript(_ id: OperationID) -> OperationSnapshot? { records[id] }

    /// The running ones and the last that ended, by number.
    var snapshots: [OperationSnapshot] { records.values.sorted { $0.id < $1.id } }
    var activeSnapshots: [OperationSnapshot] { snapshots.filter { $0.standing == .running } }

    func running(_ game: GameID) -> OperationSnapshot? { active[game].flatMap { records[$0] } }

    mutating func claim(_ snapshot: OperationSnapshot) {
        precondition(active[snapshot.game] == nil, "\(snapshot.game) has an operation already")
        active[snapshot.game] = snapshot.id
        records[snapshot.id] = snapshot
        paces[snapshot.id] = Pace()
    }

    /// Returns the snapshot when it is time to tell it.
    mutating func progress(_ id: OperationID, _ progress: OperationProgress, now: Instant) -> OperationSnapshot? {
        guard var record = records[id], record.standing == .running, var pace = paces[id] else { return nil }
        let isNewPhase = pace.windowPhase != progress.phase
        if isNewPhase || pace.windowStart == nil {
            pace.windowStart = now
            pace.windowBytes = progress.bytesDone
            pace.windowPhase = progress.phase
            record.rate = 0
        } else if let start = pace.windowStart, now - start >= OperationState.rateWindow {
            record.rate = rate(of: progress.bytesDone &- pace.windowBytes, in: now - start)
            pace.windowStart = now
            pace.windowBytes = progress.bytesDone
        }
        record.phase = progress.phase
        record.bytesDone = progress.bytesDone
        record.bytesTotal = progress.bytesTotal
        record.sources = progress.sources
        record.root = progress.root ?? record.root
        let isDue = pace.lastEvent.map { now - $0 >= OperationState.progressInterval } ?? true
        if isNewPhase || isDue { pace.lastEvent = now }
        records[id] = record
        paces[id] = pace
        return isNewPhase || isDue ? record : nil
    }

    /// The claim stays until `release`: the library is settled in between.
    mutating func end(_ id: OperationID, _ end: OperationEnd, at time: String) -> OperationSnapshot {
        guard var record = records[id], record.standing == .running else {
            preconditionFailure("operation \(id) ended twice")
        }
        record.ended = time
        record.rate = 0
        switch end {
        case .finished(let outcome):
            record.standing = .finished
            record.phase = .done
            record.outcome = outcome
        case .failed(let failure):
            record.standing = .failed
            record.failure = failure
        case .cancelled: record.standing = .cancelled
        case .allPeersGone: record.standing = .allPeersGone
        }
        records[id] = record
        paces[id] = nil
        return record
    }

    /// The daemon stops before the operation has ended: it is forgotten here and goes on in the daemon's next life.
    mutating func suspend(_ id: OperationID) -> OperationSnapshot {
        guard let record = records.removeValue(forKey: id), active[record.game] == id else {
            preconditionFailure("operation \(id) has no claim")
        }
        active[record.game] = nil
        paces[id] = nil
        return record
    }

    mutating func release(_ id: OperationID) {
        guard let record = records[id], active[record.game] == id else {
            preconditionFailure("operation \(id) has no claim")
        }
        active[record.game] = nil
        ended.append(id)
        while ended.count > Limits.operationsRetained { records[ended.removeFirst()] = nil }
    }

    private func rate(of bytes: UInt64, in span: Duration) -> UInt64 {
        let seconds = Double(span.components.seconds) + Double(span.components.attoseconds) / 1e18
        guard seconds > 0 else { return 0 }
        return UInt64(exactly: (Double(bytes) / seconds).rounded()) ?? 0
    }
}
