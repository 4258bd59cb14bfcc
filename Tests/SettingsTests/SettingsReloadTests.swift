import Settings
import Testing

@Suite struct `A reload of the settings` {
    private let file = SettingOrigin.file("/etc/a.conf", line: 3)

    @Test func `puts live values into force and names those that wait`() {
        let current = DaemonSettings()
        var next = current
        next.logLevel = Setting("debug", file)
        next.sourceGrace = Setting(.seconds(5), file)
        next.interfaces = Setting(["eth0"], file)
        next.peers = Setting([HostPort(host: "a", port: 1)], file)
        next.listen = Setting([HostPort(host: "127.0.0.1", port: 1)], file)
        next.name = Setting("other", file)
        let reload = SettingsReload(from: current, to: next)
        #expect(reload.changed == [.peer, .interfaces, .sourceGrace, .logLevel])
        #expect(reload.needsRestart == [.listen, .name])
        #expect(reload.inForce.logLevel == next.logLevel)
        #expect(reload.inForce.peers == next.peers)
        #expect(reload.inForce.listen == current.listen)
        #expect(reload.inForce.name == current.name)
        #expect(reload.configured == next)
    }

    @Test func `says again what still waits, and nothing once it is as it was`() {
        let start = DaemonSettings()
        var next = start
        next.connections = Setting(9, file)
        let first = SettingsReload(from: start, to: next)
        let second = SettingsReload(from: first.inForce, to: next)
        #expect(second.changed == [])
        #expect(second.needsRestart == [.connections])
        #expect(SettingsReload(from: second.inForce, to: start).needsRestart == [])
    }

    @Test func `takes a new origin with the same value`() {
        var next = DaemonSettings()
        next.mdns = Setting(true, file)
        let reload = SettingsReload(from: DaemonSettings(), to: next)
        #expect(reload.changed == [] && reload.needsRestart == [])
        #expect(reload.inForce.mdns.origin == file)
    }

    /// A key that is neither in force nor named would be lost in silence.
    @Test(arguments: SettingKey.allCases)
    func `forgets no key`(_ key: SettingKey) {
        let next = Self.different
        let reload = SettingsReload(from: DaemonSettings(), to: next)
        #expect(reload.changed.contains(key) == key.isLive)
        #expect(reload.needsRestart.contains(key) == !key.isLive)
        let wanted = key.isLive ? next : DaemonSettings()
        #expect(Self.value(key, reload.inForce) == Self.value(key, wanted))
        #expect(Self.value(key, next) != Self.value(key, DaemonSettings()), "the test changes it")
    }

    private static func value(_ key: SettingKey, _ settings: DaemonSettings) -> String? {
        settings.described.first { $0.key == key }?.value
    }

    private static var different: DaemonSettings {
        var next = DaemonSettings()
        next.gamesDirectory.value = "/g"
        next.gamesRootsChosen.value = ["/r", "/q"]
        next.stateDirectory.value = "/s"
        next.catalog.value = "/c"
        next.socket.value = "/o"
        next.listen.value = []
        next.name.value = "n n"
        next.peers.value = [HostPort(host: "a", port: 1)]
        next.interfaces.value = ["eth0"]
        next.mdns.value = false
        next.connections.value = 1
        next.operations.value = 7
        next.sourceGrace.value = .zero
        next.logLevel.value = "debug"
        return next
    }
}
