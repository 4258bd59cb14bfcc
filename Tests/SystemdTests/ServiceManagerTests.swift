import Glibc
import Systemd
import TestKit
import Testing

/// Serialised: what systemd hands over stands in the environment, which a process has once.
@Suite(.serialized) struct `The service manager` {
    /// What a manager hears while `body` runs.
    private func withManager(_ body: () throws -> Void) throws -> [String] {
        let manager = try NotifySocket()
        setenv("NOTIFY_SOCKET", manager.path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        try body()
        return try manager.messages()
    }

    @Test func `hears that we are ready, how we are, and that we stop`() throws {
        let messages = try withManager {
            ServiceManager.ready(status: "3 games\nREADY=0")
            ServiceManager.status("2 peers")
            ServiceManager.watchdog()
            ServiceManager.stopping(status: "bye")
        }
        #expect(
            messages == [
                "READY=1\nSTATUS=3 games READY=0", "STATUS=2 peers", "WATCHDOG=1", "STOPPING=1\nSTATUS=bye",
            ])
        let reload = try withManager { ServiceManager.reloading() }
        #expect(reload.first?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true)
    }

    @Test func `need not be there`() {
        unsetenv("NOTIFY_SOCKET")
        ServiceManager.ready(status: "")
        #expect(ServiceManager.watchdogLimit == nil)
        #expect(ServiceManager.takeListeners().isEmpty)
    }

    @Test func `says how often it wants to hear from us`() {
        setenv("WATCHDOG_USEC", "30000000", 1)
        setenv("WATCHDOG_PID", String(getpid()), 1)
        #expect(ServiceManager.watchdogLimit == .seconds(30))
        setenv("WATCHDOG_PID", "1", 1)
        #expect(ServiceManager.watchdogLimit == nil)
        unsetenv("WATCHDOG_USEC")
        unsetenv("WATCHDOG_PID")
    }
}
