import Content
import Control
import Database
import Install
import Linux
import Model
import PeerLink
import Peers
import Quic
import Settings
import Storage
import Transfer

/// The only place where an error of a lower storey becomes a Failure with its sentence.
enum UseCaseError: Error {
    case failed(Failure)
    case cancelled
    case allPeersGone

    var end: OperationEnd {
        switch self {
        case .failed(let failure): .failed(failure)
        case .cancelled: .cancelled
        case .allPeersGone: .allPeersGone(nil)
        }
    }

    static func describe(_ error: any Error, game entry: CatalogEntry) -> UseCaseError {
        switch error {
        case let error as UseCaseError: error
        case is CancellationError: .cancelled
        case let failure as Failure: .failed(failure)
        case let error as DownloadError: describe(error, entry)
        case let error as ContentError: describe(error, entry)
        case let error as InstallError: describe(error, entry)
        case let error as StorageError:
            .failed(Failure(.gamesDirectoryUnavailable, "\(entry.title): \(error.sentence)", subject: entry.game.text))
        default: .failed(Failure(.internalFault, "\(entry.title) met an error without a name: \(error).", subject: nil))
        }
    }

    private static func describe(_ error: DownloadError, _ entry: CatalogEntry) -> UseCaseError {
        switch error {
        case .allPeersGone: .allPeersGone
        case .cancelled: .cancelled
        case .disk(let error): describe(error, entry)
        case .sourcesExhausted:
            .failed(
                Failure(
                    .verificationFailed,
                    "\(entry.title) was not downloaded: no source has sound bytes for a part of it.",
                    subject: entry.game.text,
                    hint: "Try again when another peer has it: lanspreadctl info \(entry.game)",
                    retryable: true))
        case .sourcesBreakOff:
            .failed(
                Failure(
                    .noSource, "\(entry.title) was not downloaded: its sources break off or are too slow.",
                    subject: entry.game.text,
                    hint: "What has landed stays; try again with: lanspreadctl download \(entry.game)",
                    retryable: true))
        }
    }
}

extension UseCaseError {
    private static func describe(_ error: ContentError, _ entry: CatalogEntry) -> UseCaseError {
        let subject = entry.game.text
        let opening = "\(entry.title) was not downloaded:"
        switch error {
        case .cancelled: return .cancelled
        case .diskFull(let needed, let free):
            return .failed(
                Failure(
                    .diskFull, "\(opening) \(mebibytes(needed)) are needed and \(mebibytes(free)) are free.",
                    subject: subject, hint: "Free space under the games directory; what has landed stays."))
        case .foreignFile(let path):
            return .failed(
                Failure(
                    .foreignFile, "\(opening) the file \(path) stands in its directory and is not ours.",
                    subject: subject,
                    hint: "Move it away, or replace it with: lanspreadctl download \(entry.game) --overwrite"))
        case .wrongDigest, .badManifest, .wrongRoot:
            return .failed(
                Failure(.verificationFailed, "\(opening) \(error.sentence).", subject: subject, retryable: true))
        case .storage(.unavailable), .storage(.readOnly):
            return .failed(Failure(.gamesDirectoryUnavailable, "\(opening) \(error.sentence).", subject: subject))
        case .changed, .noFiles, .storage:
            return .failed(Failure(.internalFault, "\(opening) \(error.sentence).", subject: subject))
        }
    }

    private static func describe(_ error: InstallError, _ entry: CatalogEntry) -> UseCaseError {
        let kind: Failure.Kind
        switch error {
        case .cancelled: return .cancelled
        case .superseded: return .failed(.catalogChanged(entry))
        case .alreadyInstalled: kind = .alreadyInstalled
        case .archiveMissing, .archiveAmbiguous, .refused: kind = .archiveRefused
        case .unpackerBroken: kind = .internalFault
        case .diskFull: kind = .diskFull
        case .inTheWay: kind = .foreignFile
        case .storage(_, .unavailable), .storage(_, .readOnly): kind = .gamesDirectoryUnavailable
        case .storage: kind = .internalFault
        }
        return .failed(Failure(kind, error.sentence, subject: entry.game.text))
    }

    private static func mebibytes(_ bytes: UInt64) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
}

// MARK: - Failures of the use cases themselves

extension Failure {
    static let stopping = Failure(.shuttingDown, "The daemon is stopping and begins nothing new.", retryable: true)

    static func noSuchGame(_ game: String, hasCatalog: Bool) -> Failure {
        guard hasCatalog else { return .noCatalog }
        return Failure(
            .noSuchGame, "The catalog has no game \(Text.escaped(game)).", subject: game,
            hint: "List the games with: lanspreadctl list --all")
    }

    static let noCatalog = Failure(
        .noCatalog, "The daemon has no catalog, so it knows no games.",
        hint: "Make one of the games that are here with: lanspreadctl catalog init --from-library; or name a game.db "
            + "as catalog in lanspreadd.conf and type: lanspreadctl reload")

    static func settingsRejected(_ rejection: SettingsRejection) -> Failure {
        let faults = rejection.errors.map(\.sentence).joined(separator: " ")
        return Failure(
            .badConfiguration, "The settings stay as they are: \(faults)",
            hint: "See all of it with: lanspreadd --check-config")
    }

    static let settingsUnread = Failure(
        .timeout,
        "The settings stay as they are: their files are not read within \(Limits.reloadDeadline.components.seconds) s.",
        hint: "See whether the disk that they lie on, or the one of the games, answers.", retryable: true)

    static func identityKept(_ error: StartFailure) -> Failure {
        Failure(
            error.exit == .notAllowed ? .notAllowed : .internalFault, "The identity stays as it is: \(error.sentence)",
            hint: error.hint)
    }

    static func ambiguousRoot(_ entry: CatalogEntry, _ candidates: [RootElection.Candidate]) -> Failure {
        let list = candidates.map { "\($0.root) (\($0.votes))" }.joined(separator: ", ")
        return Failure(
            .ambiguousRoot,
            "\(entry.title) was not downloaded: the peers do not agree on its content. They have: \(list).",
            subject: entry.game.text,
            hint: "Choose one with: lanspreadctl download \(entry.game) --root ROOT")
    }

    static func catalogChanged(_ entry: CatalogEntry) -> Failure {
        Failure(
            .catalogChanged,
            "\(entry.title) was not completed: the catalog does not name version \(entry.version) any more.",
            subject: entry.game.text, hint: "Download it again with: lanspreadctl download \(entry.game)",
            retryable: true)
    }

    static func noManifest(_ entry: CatalogEntry) -> Failure {
        Failure(
            .noSource, "\(entry.title) was not downloaded: no source gave its manifest.", subject: entry.game.text,
            hint: "See who has it with: lanspreadctl info \(entry.game)", retryable: true)
    }

    static func notDownloaded(_ entry: CatalogEntry) -> Failure {
        Failure(
            .notDownloaded, "\(entry.title) is not installed: version \(entry.version) is not downloaded.",
            subject: entry.game.text, hint: "Download it with: lanspreadctl download \(entry.game)")
    }

    static func alreadyInstalled(_ entry: CatalogEntry) -> Failure {
        Failure(.alreadyInstalled, "\(entry.title) is installed already.", subject: entry.game.text)
    }

    /// The second phase failed; the first one's work stays.
    var afterDownload: Failure {
        Failure(
            kind, "Downloaded, not installed. \(sentence)", subject: subject,
            hint: hint ?? subject.map { "Try the install again with: lanspreadctl install \($0)" }, retryable: retryable
        )
    }
}

extension Node {
    /// Why a subsystem's life ended, for the supervisor's record.
    package static func sentence(of error: any Error) -> String {
        switch error {
        case QuicError.function(let function, let code):
            "the socket does not listen, because \(function) says: \(LinuxError(call: function, code: code).text). "
                + "Choose another address with --listen."
        case let error as StorageError: error.sentence
        case let error as DatabaseError: error.sentence
        case is CancellationError: "it was told to stop"
        default: "\(error)"
        }
    }
}

extension PeersError {
    /// What a person who typed an address reads.
    func failure(_ address: String) -> Failure {
        let opening = "\(Text.escaped(address)) was not connected:"
        switch self {
        case .addressRefused:
            return Failure(
                .notAllowed, "\(opening) it is neither a private nor a link-local address.", subject: address,
                hint: "Peers are only dialled in the local network.")
        case .unreachable:
            return Failure(
                .unreachable, "\(opening) no lanspread answers there.", subject: address,
                hint: "See where it listens with, on that host: lanspreadctl status", retryable: true)
        case .handshake:
            return Failure(.connectionRefused, "\(opening) the peer broke off the handshake.", subject: address)
        case .ownAddress: return Failure(.connectionRefused, "\(opening) it is this host itself.", subject: address)
        case .identityCloned:
            return Failure(
                .connectionRefused, "\(opening) that host has this host's identity, so one of them is a copy.",
                subject: address, hint: "Give one of the two another identity with, on it: lanspreadctl identity renew")
        case .versionMismatch:
            return Failure(
                .connectionRefused, "\(opening) it speaks another version of the protocol.", subject: address,
                hint: "Update lanspread on both hosts.")
        case .banned:
            return Failure(
                .connectionRefused, "\(opening) it sent wrong bytes and is left alone for a while.", subject: address,
                retryable: true)
        case .blocked(let peer):
            return Failure(
                .notAllowed, "\(opening) the peer \(peer.short) is blocked on this host.", subject: peer.hex,
                hint: "Let it in again with: lanspreadctl peer unblock \(peer.short)")
        case .blockedThere:
            return Failure(.connectionRefused, "\(opening) that host has blocked this one.", subject: address)
        case .flapping:
            return Failure(
                .busy, "\(opening) too many connections came and went in a few seconds.", subject: address,
                hint: "Try again in \(Limits.flapPause.components.seconds) seconds.", retryable: true)
        case .full:
            return Failure(
                .busy, "\(opening) one of the two hosts has all the peers it may have.", subject: address,
                retryable: true)
        case .stopped: return .stopping
        }
    }
}
