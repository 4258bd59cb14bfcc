package import Linux

/// Why an archive was not unpacked, by what can be done about it.
package enum UnpackError: Error, Hashable, Sendable {
    /// The archive is refused: it is bad, or not for the built-in unpacker. One clause for people, escaped.
    case refused(String)
    /// A signal ended the helper: what a decoder does with an archive made for that.
    case died(signal: Int32)
    /// Its frames or its exit are not those of a helper.
    case misbehaved(String)
    case tooSlow(after: Duration)
    /// The helper cannot be started: the installation is broken, not the archive.
    case notStarted(path: String, LinuxError)
    /// The helper could not lock itself in, so it read nothing.
    case noSandbox(String)
    case pipeFailed(LinuxError)
    /// The caller's task was cancelled; the helper is gone.
    case cancelled

    /// One clause for people, without a full stop.
    package var reason: String {
        switch self {
        case .refused(let clause): clause
        case .died(let signal): "the unpacker died on it (signal \(signal))"
        case .misbehaved(let what): "the unpacker went wrong on it: \(what)"
        case .tooSlow(let limit): "the unpacker said nothing for \(limit.components.seconds) seconds"
        case .notStarted(let path, let error): "the unpacker \(path) does not start: \(error.text)"
        case .noSandbox(let clause): clause
        case .pipeFailed(let error): "talking to the unpacker failed: \(error.text)"
        case .cancelled: "it was cancelled"
        }
    }
}

/// What ended an unpacking: the helper's side, or the caller who was given the entries.
package enum UnpackStop<Failure: Error>: Error {
    case helper(UnpackError)
    case receiver(Failure)
}
