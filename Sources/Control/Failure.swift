package import Model

/// What went wrong, in the form that crosses the process border: a word for scripts and a sentence for people.
///
/// Inside the daemon every target throws its own error; one place (Node) describes it as a Failure.
package struct Failure: Error, Hashable, Sendable {
    package let kind: Kind
    /// What could not be done, because of what; a whole sentence in the present tense.
    package let sentence: String
    /// The game, peer or path that it is about, verbatim.
    package let subject: String?
    /// The next thing to do or to type.
    package let hint: String?
    /// Whether the same call may succeed later without anybody changing anything.
    package let retryable: Bool

    package init(
        _ kind: Kind, _ sentence: String, subject: String? = nil, hint: String? = nil, retryable: Bool = false
    ) {
        self.kind = kind
        self.sentence = sentence
        self.subject = subject
        self.hint = hint
        self.retryable = retryable
    }
}

extension Failure {
    /// A stable word. A struct and not an enum: a lanspreadctl older than its daemon keeps the words it does not know.
    package struct Kind: Hashable, Sendable, CustomStringConvertible {
        package let word: String

        package init(_ word: String) { self.word = word }
        package var description: String { word }
    }
}

extension Failure.Kind {
    package static let noSuchGame = Self("no_such_game")
    package static let noSuchPeer = Self("no_such_peer")
    package static let noSuchOperation = Self("no_such_operation")
    package static let noSource = Self("no_source")
    package static let allPeersGone = Self("all_peers_gone")
    package static let diskFull = Self("disk_full")
    package static let verificationFailed = Self("verification_failed")
    package static let cancelled = Self("cancelled")
    package static let usage = Self("usage")
    package static let noSuchMethod = Self("no_such_method")
    package static let malformed = Self("malformed")
    package static let unreachable = Self("unreachable")
    package static let busy = Self("busy")
    package static let notAllowed = Self("not_allowed")
    package static let badConfiguration = Self("bad_configuration")
    package static let noCatalog = Self("no_catalog")
    package static let timeout = Self("timeout")
    package static let ambiguousRoot = Self("ambiguous_root")
    package static let catalogChanged = Self("catalog_changed")
    package static let notDownloaded = Self("not_downloaded")
    package static let alreadyInstalled = Self("already_installed")
    package static let archiveRefused = Self("archive_refused")
    package static let foreignFile = Self("foreign_file")
    package static let gamesDirectoryUnavailable = Self("games_directory_unavailable")
    package static let connectionRefused = Self("connection_refused")
    package static let shuttingDown = Self("shutting_down")
    package static let interrupted = Self("interrupted")
    package static let notPausable = Self("not_pausable")
    package static let internalFault = Self("internal_fault")

    /// One line of the table that JSON-RPC numbers, exit codes and the manual come from.
    package struct Entry: Sendable {
        package let kind: Failure.Kind
        /// Stable: a number is never given to another kind. JSON-RPC's reserved numbers only for its own meanings.
        package let code: Int64
        package let exit: ExitCode
        package let meaning: String
    }

    package static let table: [Entry] = [
        Entry(kind: .malformed, code: -32700, exit: .failed, meaning: "The line is not a JSON-RPC request."),
        Entry(kind: .noSuchMethod, code: -32601, exit: .usage, meaning: "The daemon does not know this method."),
        Entry(kind: .usage, code: -32602, exit: .usage, meaning: "A parameter is missing, unknown or of another type."),
        Entry(kind: .internalFault, code: -32603, exit: .failed, meaning: "Something is wrong in lanspread itself."),
        Entry(kind: .noSuchGame, code: 1, exit: .noSuch, meaning: "The catalog has no game of this name."),
        Entry(kind: .noSuchPeer, code: 2, exit: .noSuch, meaning: "No such peer is known."),
        Entry(kind: .noSuchOperation, code: 3, exit: .noSuch, meaning: "No operation has this number."),
        Entry(kind: .noSource, code: 4, exit: .noSource, meaning: "No peer has the wanted version or delivers it."),
        Entry(kind: .allPeersGone, code: 5, exit: .noSource, meaning: "Every source left while the download ran."),
        Entry(kind: .diskFull, code: 6, exit: .noSpace, meaning: "The disk has too little room."),
        Entry(kind: .verificationFailed, code: 7, exit: .verificationFailed, meaning: "Bytes are not what they claim."),
        Entry(kind: .cancelled, code: 8, exit: .cancelled, meaning: "The operation was cancelled."),
        Entry(kind: .unreachable, code: 9, exit: .unreachable, meaning: "The daemon or the address does not answer."),
        Entry(kind: .busy, code: 10, exit: .busy, meaning: "The game has an operation, or a limit is reached."),
        Entry(
            kind: .notAllowed, code: 11, exit: .notAllowed,
            meaning: "This user, this path or this peer is not permitted."),
        Entry(kind: .badConfiguration, code: 12, exit: .badConfiguration, meaning: "A setting is wrong."),
        Entry(kind: .noCatalog, code: 13, exit: .badConfiguration, meaning: "The daemon has no catalog."),
        Entry(kind: .timeout, code: 14, exit: .timeout, meaning: "It took longer than was asked for."),
        Entry(kind: .ambiguousRoot, code: 15, exit: .failed, meaning: "The peers disagree about the content."),
        Entry(kind: .catalogChanged, code: 16, exit: .failed, meaning: "The catalog changed its version meanwhile."),
        Entry(kind: .notDownloaded, code: 17, exit: .failed, meaning: "The game is not downloaded."),
        Entry(kind: .alreadyInstalled, code: 18, exit: .failed, meaning: "The game is installed already."),
        Entry(kind: .archiveRefused, code: 20, exit: .failed, meaning: "The archive is broken or unsafe."),
        Entry(kind: .foreignFile, code: 21, exit: .failed, meaning: "A file that is not ours is in the way."),
        Entry(
            kind: .gamesDirectoryUnavailable, code: 22, exit: .failed,
            meaning: "The games directory is not there, or cannot be written."),
        Entry(kind: .connectionRefused, code: 23, exit: .failed, meaning: "The peer refused the connection."),
        Entry(kind: .shuttingDown, code: 24, exit: .busy, meaning: "The daemon is stopping."),
        Entry(kind: .interrupted, code: 25, exit: .failed, meaning: "A restart of the daemon cut the operation short."),
        Entry(
            kind: .notPausable, code: 26, exit: .busy,
            meaning: "The operation cannot be paused or resumed as it is now."),
    ]

    /// The number of a kind that this table does not know.
    package static let unknownCode: Int64 = 99

    package var entry: Entry? { Self.table.first { $0.kind == self } }
    package var code: Int64 { entry?.code ?? Self.unknownCode }
}

/// What lanspreadctl ends with; the only translator from a failure to an exit status.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case done = 0
    case failed = 1
    /// Some of several failed.
    case someFailed = 2
    /// `status` alone, as the LSB wants it.
    case notRunning = 3
    case noSuch = 10
    case noSource = 11
    case noSpace = 12
    case verificationFailed = 13
    case cancelled = 14
    case usage = 64
    case unreachable = 69
    case busy = 75
    case notAllowed = 77
    case badConfiguration = 78
    case timeout = 124
    case interrupted = 130

    package static func of(_ kind: Failure.Kind) -> ExitCode { kind.entry?.exit ?? .failed }

    package var meaning: String {
        switch self {
        case .done: "done"
        case .failed: "failed"
        case .someFailed: "some of several failed"
        case .notRunning: "the daemon is not running (`status` alone)"
        case .noSuch: "no such game, peer or operation"
        case .noSource: "no source"
        case .noSpace: "not enough space"
        case .verificationFailed: "verification failed"
        case .cancelled: "cancelled"
        case .usage: "usage"
        case .unreachable: "the daemon cannot be reached"
        case .busy: "busy"
        case .notAllowed: "not allowed"
        case .badConfiguration: "bad configuration"
        case .timeout: "timeout"
        case .interrupted: "interrupted"
        }
    }
}

extension Failure {
    /// As it stands in an operation and in an error's `data`.
    package var json: JSONValue {
        [
            "kind": .string(kind.word), "sentence": .string(sentence), "subject": .optional(subject),
            "hint": .optional(hint), "retryable": .bool(retryable),
        ]
    }

    /// Nil unless there is at least a kind and a sentence.
    package init?(json: JSONValue) {
        guard let word = json["kind"]?.string, let sentence = json["sentence"]?.string else { return nil }
        self.init(
            Kind(word), sentence, subject: json["subject"]?.string, hint: json["hint"]?.string,
            retryable: json["retryable"]?.bool ?? false)
    }
}
