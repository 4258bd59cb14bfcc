import Control
import Model
import Runtime
import Synchronization

/// The right to change one game, from the state that gave it. It cannot be copied, and the daemon stops when it is
/// lost: a game would stay busy for ever.
struct OperationClaim: ~Copyable, Sendable {
    let id: OperationID

    fileprivate init(_ id: OperationID) { self.id = id }

    fileprivate consuming func giveBack() -> OperationID {
        let id = id
        discard self
        return id
    }

    deinit { OperationClaim.lost(id) }

    private static func lost(_ id: OperationID) { preconditionFailure("the claim of operation \(id) was lost") }
}

/// Carries a claim to the task that will hold it; taken once.
final class OperationTicket: Sendable {
    private let claim: Mutex<OperationClaim?>

    init(_ claim: consuming OperationClaim) { self.claim = Mutex(claim) }

    func take() -> OperationClaim? {
        claim.withLock { claim in
            let taken = claim.take()
            return taken
        }
    }
}

/// Which operations wait, run and are paused, which have ended, and what each one says about itself.
///
/// At most one a game, and at most `limit` at work; one that waits for a source leaves its place to others. Pure:
/// `OperationTable` owns the only copy and does the waiting.
struct OperationState {
    /// What an operation does next, asked again whenever something about it has changed.
    enum Order: Hashable { case wait, work, cancel }

    /// What becomes of an operation whose body has returned.
    enum Turn {
        case ends(OperationEnd)
        case parks
        /// The daemon stops: it goes on in the next life.
        case suspends
    }

    enum PauseAnswer: Hashable {
        case paused
        /// As soon as its body has let go.
        case stopping
        case cannot
        case ended
    }

    private enum Place { case queued, working, paused }
    private enum Wish { case none, pause, cancel }

    private struct Active {
        var place: Place
        var wish = Wish.none
        /// Asked to go on before it had paused.
        var resumes = false
        var pace = OperationPace()
    }

    /// How many may be at work.
    var limit: Int
    /// Nothing begins: there is no catalog or no games directory.
    var isHeld = false

    private var records: [OperationID: OperationSnapshot] = [:]
    private var claimed: [GameID: OperationID] = [:]
    private var active: [OperationID: Active] = [:]
    /// Ended ones, oldest first, bounded by `Limits.operationsRetained`.
    private var ended: [OperationID] = []

    init(limit: Int = Limits.operationsWorking) { self.limit = limit }

    // MARK: - What is

    var activeCount: Int { claimed.count }

    subscript(_ id: OperationID) -> OperationSnapshot? { records[id] }

    /// The active ones and the last that ended, by number.
    var snapshots: [OperationSnapshot] { records.values.sorted { $0.id < $1.id } }
    var activeSnapshots: [OperationSnapshot] { snapshots.filter { !$0.standing.hasEnded } }

    func running(_ game: GameID) -> OperationSnapshot? { claimed[game].flatMap { records[$0] } }

    // MARK: - Claim and release

    mutating func claim(_ snapshot: OperationSnapshot) -> OperationClaim {
        precondition(claimed[snapshot.game] == nil, "\(snapshot.game) has an operation already")
        var snapshot = snapshot
        snapshot.phase = .queued
        claimed[snapshot.game] = snapshot.id
        records[snapshot.id] = snapshot
        active[snapshot.id] = Active(place: snapshot.standing == .paused ? .paused : .queued)
        return OperationClaim(snapshot.id)
    }

    /// The claim stays until `release`: the library is settled in between.
    mutating func end(_ claim: borrowing OperationClaim, _ end: OperationEnd, at time: String) -> OperationSnapshot {
        guard var record = records[claim.id], active.removeValue(forKey: claim.id) != nil else {
            preconditionFailure("operation \(claim.id) ended twice")
        }
        record.close(end, at: time)
        records[claim.id] = record
        return record
    }

    mutating func release(_ claim: consuming OperationClaim) {
        let id = claim.giveBack()
        guard let record = records[id], record.standing.hasEnded, claimed[record.game] == id else {
            preconditionFailure("operation \(id) has no claim, or not ended")
        }
        claimed[record.game] = nil
        retain(record)
    }

    /// The daemon stops before the operation has ended: it is forgotten here and goes on in the daemon's next life.
    mutating func suspend(_ claim: consuming OperationClaim) -> OperationSnapshot {
        let id = claim.giveBack()
        guard let record = records.removeValue(forKey: id), claimed[record.game] == id else {
            preconditionFailure("operation \(id) has no claim")
        }
        claimed[record.game] = nil
        active[id] = nil
        return record
    }

    /// One that ended in an earlier life.
    mutating func retain(_ record: OperationSnapshot) {
        records[record.id] = record
        ended.append(record.id)
        while ended.count > Limits.operationsRetained { records[ended.removeFirst()] = nil }
    }

    // MARK: - The queue

    /// Gives free places to those that wait, the oldest first; returns who has got one.
    mutating func admit() -> [OperationID] {
        guard !isHeld else { return [] }
        var free = limit - active.count { $0.value.place == .working && records[$0.key]?.phase != .waitingForSource }
        var admitted: [OperationID] = []
        for id in active.keys.sorted() where free > 0 && active[id]?.place == .queued && active[id]?.wish == Wish.none {
            active[id]?.place = .working
            let kind = records[id]?.kind
            records[id]?.phase = kind == .install ? .installing : .preparing
            admitted.append(id)
            free -= 1
        }
        return admitted
    }

    func order(_ id: OperationID) -> Order {
        guard let active = active[id] else { return .wait }
        if active.wish == .cancel { return .cancel }
        return active.place == .working ? .work : .wait
    }

    /// Whether its body is to let go, for whatever reason.
    func isRecalled(_ id: OperationID) -> Bool { active[id].map { $0.wish != .none } ?? true }

    /// The body of the operation has returned with `end`.
    mutating func returned(_ id: OperationID, _ end: OperationEnd, isStopping: Bool) -> Turn {
        guard let wish = active[id]?.wish, case .cancelled = end else { return .ends(end) }
        switch wish {
        case .cancel: return .ends(.cancelled)
        case .pause:
            park(id)
            return .parks
        case .none: return isStopping ? .suspends : .ends(.cancelled)
        }
    }

    private mutating func park(_ id: OperationID) {
        guard let resumes = active[id]?.resumes else { return }
        active[id] = Active(place: resumes ? .queued : .paused)
        records[id]?.phase = .queued
        records[id]?.rate = 0
        records[id]?.sources = 0
        records[id]?.standing = resumes ? .running : .paused
    }

    // MARK: - Wishes

    /// False: it has ended, or ends already.
    mutating func cancel(_ id: OperationID) -> Bool {
        guard let wish = active[id]?.wish else { return false }
        active[id]?.wish = .cancel
        return wish != .cancel
    }

    mutating func pause(_ id: OperationID) -> PauseAnswer {
        guard let found = active[id], found.wish != .cancel, let record = records[id] else { return .ended }
        guard record.canPause else { return .cannot }
        switch found.place {
        case .paused: return .paused
        case .queued:
            park(id)
            return .paused
        case .working:
            active[id]?.wish = .pause
            active[id]?.resumes = false
            return .stopping
        }
    }

    /// False: it is neither paused nor about to be.
    mutating func resume(_ id: OperationID) -> Bool {
        guard let found = active[id], found.wish != .cancel else { return false }
        if found.wish == .pause {
            active[id]?.resumes = true
            return true
        }
        guard found.place == .paused else { return false }
        active[id]?.place = .queued
        records[id]?.standing = .running
        return true
    }

    // MARK: - Progress

    /// Returns the snapshot when it is time to tell it.
    mutating func progress(_ id: OperationID, _ progress: OperationProgress, now: Instant) -> OperationSnapshot? {
        guard var record = records[id], active[id]?.place == .working else { return nil }
        let isNewPhase = record.phase != progress.phase
        record.phase = progress.phase
        record.bytesDone = progress.bytesDone
        record.bytesTotal = progress.bytesTotal
        record.sources = progress.sources
        record.root = progress.root ?? record.root
        let isDue = active[id]?.pace.take(&record, isNewPhase: isNewPhase, now: now) ?? false
        records[id] = record
        return isDue ? record : nil
    }
}

/// When the progress of one operation is told, and how fast it goes.
private struct OperationPace {
    /// Two progress events of one operation are at least so far apart: ten redraws a second are enough for an eye.
    private static let progressInterval = Duration.milliseconds(100)
    /// The rate is taken over at least so long, so that a chunk more or less does not make it jump.
    private static let rateWindow = Duration.seconds(1)

    private var lastEvent: Instant?
    private var windowStart: Instant?
    private var windowBytes: UInt64 = 0

    /// Sets the rate; true when it is time to tell.
    mutating func take(_ record: inout OperationSnapshot, isNewPhase: Bool, now: Instant) -> Bool {
        if let start = windowStart, !isNewPhase {
            if now - start >= OperationPace.rateWindow {
                record.rate = OperationPace.rate(of: record.bytesDone &- windowBytes, in: now - start)
                (windowStart, windowBytes) = (now, record.bytesDone)
            }
        } else {
            (windowStart, windowBytes) = (now, record.bytesDone)
            record.rate = 0
        }
        let isDue = isNewPhase || (lastEvent.map { now - $0 >= OperationPace.progressInterval } ?? true)
        if isDue { lastEvent = now }
        return isDue
    }

    private static func rate(of bytes: UInt64, in span: Duration) -> UInt64 {
        let seconds = Double(span.components.seconds) + Double(span.components.attoseconds) / 1e18
        guard seconds > 0 else { return 0 }
        return UInt64(exactly: (Double(bytes) / seconds).rounded()) ?? 0
    }
}
