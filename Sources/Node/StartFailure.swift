import Model

/// Why the daemon did not start: the sentence for people and the exit status for systemd.
package struct StartFailure: Error, Sendable {
    package enum Exit: Int32, Sendable {
        /// Cannot bind, or another instance holds the lock.
        case unavailable = 69
        case inputOutput = 74
        case notAllowed = 77
        case configuration = 78
    }

    package let exit: Exit
    package let sentence: String
    package let hint: String?

    package init(_ exit: Exit, _ sentence: String, hint: String? = nil) {
        self.exit = exit
        self.sentence = sentence
        self.hint = hint
    }
}
