import Glibc
import Linux
import Systemd
import TestKit
import Testing

/// Serialised: what systemd hands over stands in the environment, which a process has once.
@Suite(.serialized) struct `The service manager` {
    /// A datagram socket in systemd's place.
    private func withManager(_ body: () throws -> Void) throws -> [String] {
        let place = try TemporaryDirectory()
        let path = place.path + "/notify"
        let socket = Descriptor(adopting: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        setenv("NOTIFY_SOCKET", path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        try body()
        try socket.setNonblocking(true)
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while let count = try buffer.withUnsafeMutableBytes({ try socket.read(into: $0) }) {
            messages.append(String(decoding: buffer.prefix(count), as: UTF8.self))
        }
        return messages
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
