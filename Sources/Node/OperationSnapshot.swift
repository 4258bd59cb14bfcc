package import Control
package import Model

package enum OperationKind: String, Sendable {
    case download, install
}

package enum OperationPhase: String, Sendable {
    /// It waits for its turn: as many operations run as may.
    case queued
    /// It looks at what is here and who has what is not.
    case preparing
    case waitingForSource = "waiting_for_source"
    case downloading, installing, done
}

package enum OperationStanding: String, Sendable {
    case running, paused, finished, failed, cancelled
    case allPeersGone = "all_peers_gone"

    package var hasEnded: Bool { self != .running && self != .paused }
}

/// How the body of an operation ended.
package enum OperationEnd: Sendable {
    /// With the sentence that people read: "installed", "downloaded, not installed".
    case finished(String)
    case failed(Failure)
    case cancelled
    /// With what each peer has instead, where that is known.
    case allPeersGone(String?)
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
    /// Of a download: the content that it is about, once that is chosen; it stays the same over a pause and a restart.
    package var root: Root?
    package var phase = OperationPhase.queued
    package var standing = OperationStanding.running
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

    package init(id: OperationID, game: GameID, kind: OperationKind, brief: OperationBrief, started: String) {
        self.id = id
        self.game = game
        self.kind = kind
        self.brief = brief
        self.started = started
    }

    /// An install cannot: half a tree is of no use to anybody.
    var canPause: Bool { kind == .download && phase != .installing && phase != .done }

    mutating func close(_ end: OperationEnd, at time: String) {
        ended = time
        rate = 0
        switch end {
        case .finished(let outcome):
            standing = .finished
            phase = .done
            self.outcome = outcome
        case .failed(let failure):
            standing = .failed
            self.failure = failure
        case .cancelled: standing = .cancelled
        case .allPeersGone(let why):
            standing = .allPeersGone
            outcome = why
        }
    }
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
