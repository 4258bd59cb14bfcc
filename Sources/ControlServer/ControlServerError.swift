package import Linux

/// Why the control socket could not be opened, by what the operator does next.
package enum ControlServerError: Error, Hashable, Sendable {
    /// Another daemon answers at this path; it is left alone.
    case alreadyRunning(path: String)
    case cannotListen(path: String, LinuxError)
    /// The listening socket broke while it was open.
    case listenerFailed(path: String)

    package var sentence: String {
        switch self {
        case .alreadyRunning(let path):
            "The control socket \(path) is not opened: another daemon answers there. Stop it, or choose another path "
                + "with --socket."
        case .cannotListen(let path, let error):
            "The control socket \(path) is not opened: \(error.text). Check its directory, or choose another path "
                + "with --socket."
        case .listenerFailed(let path):
            "The control socket \(path) broke and takes no more clients."
        }
    }
}
