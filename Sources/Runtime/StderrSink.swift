import Linux

/// Lines on standard error: with `<N>` in front where systemd reads them (sd-daemon(3)), else for a person's eyes.
package struct StderrSink: LogSink {
    private let hasPrefix: Bool

    package init() {
        hasPrefix = Self.isJournal
    }

    package init(hasPrefix: Bool) {
        self.hasPrefix = hasPrefix
    }

    /// JOURNAL_STREAM names the file that systemd connected; a shell started below may have changed where stderr goes
    /// and inherits the variable all the same (systemd.exec(5)).
    package static var isJournal: Bool {
        guard let stream = Machine.environment("JOURNAL_STREAM") else { return false }
        guard let status = StandardStream.errorStatus else { return false }
        return stream == "\(status.device):\(status.inode)"
    }

    package func write(_ record: LogRecord) {
        let prefix = hasPrefix ? "<\(record.level.rawValue)>" : ""
        StandardStream.writeError(prefix + LogText.line(record) + "\n")
    }
}
