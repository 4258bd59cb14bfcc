import CSystemd
package import Linux

/// What the daemon tells systemd and gets from it; without systemd every call does nothing.
package enum ServiceManager {
    // MARK: - Telling

    /// Everything that was promised works now: recovery is done and the sockets listen.
    package static func ready(status: String) {
        send(["READY=1", line("STATUS", status)])
    }

    /// One line for `systemctl status`.
    package static func status(_ text: String) {
        send([line("STATUS", text)])
    }

    /// `ready` ends the reload.
    package static func reloading() {
        // Type=notify-reload wants to know which reload this is (sd_notify(3)).
        send(["RELOADING=1", "MONOTONIC_USEC=\(Machine.monotonicNanoseconds() / 1_000)"])
    }

    package static func stopping(status: String) {
        send(["STOPPING=1", line("STATUS", status)])
    }

    /// Only when the loops and the required children have answered.
    package static func watchdog() {
        send(["WATCHDOG=1"])
    }

    /// A line end would begin another variable.
    private static func line(_ name: String, _ text: String) -> String {
        name + "=" + String(text.map { $0.isNewline ? " " : $0 })
    }

    private static func send(_ lines: [String]) {
        // Nobody can act on a service manager that does not listen: it will time out by its own rules.
        sd_notify(0, lines.joined(separator: "\n"))
    }

    // MARK: - Getting

    /// Within what time systemd wants to hear from us; nil when it does not. Half of it is a good rhythm.
    package static var watchdogLimit: Duration? {
        var microseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(Int64(clamping: microseconds))
    }

    /// Sockets that systemd opened, by the name of their unit (`FileDescriptorName=`). Once: they are ours from then
    /// on, close-on-exec, and children do not see the variables.
    package static func takeListeners() -> [(name: String, socket: Descriptor)] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &names)
        guard count > 0 else { return [] }
        var listeners: [(name: String, socket: Descriptor)] = []
        for index in 0..<count {
            let text = names?[Int(index)]
            let name = text.map { String(cString: $0) } ?? ""
            let socket = Descriptor(adopting: firstListener + index)
            // A loop waits for it, so no call on it may.
            try? socket.setNonblocking(true)
            listeners.append((name, socket))
            CMemory.free(text)
        }
        CMemory.free(names)
        return listeners
    }

    /// SD_LISTEN_FDS_START.
    private static let firstListener: Int32 = 3
}
