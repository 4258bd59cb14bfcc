/// What a reload does: which values go into force, and which wait for a restart.
///
/// All or nothing: it is made from settings that were read without an error, and applied as a whole.
package struct SettingsReload: Hashable, Sendable {
    /// The settings afterwards. What needs a restart is in them as it was at the start.
    package let inForce: DaemonSettings
    /// As the files and flags have them now, so as they will be after a restart.
    package let configured: DaemonSettings
    /// Keys that have another value from now on.
    package let changed: [SettingKey]
    /// Keys whose new value waits for a restart, also when an earlier reload said so already.
    package let needsRestart: [SettingKey]

    package init(from current: DaemonSettings, to next: DaemonSettings) {
        var settings = current
        var (changed, waiting): ([SettingKey], [SettingKey]) = ([], [])
        for ((key, old, _), (_, new, _)) in zip(current.described, next.described) {
            if old != new, !key.isLive {
                waiting.append(key)
                continue
            }
            if old != new { changed.append(key) }
            // The origin may be another one even where the value is the same.
            settings.take(key, from: next)
        }
        inForce = settings
        configured = next
        self.changed = changed
        needsRestart = waiting
    }
}

extension DaemonSettings {
    fileprivate mutating func take(_ key: SettingKey, from other: DaemonSettings) {
        switch key {
        case .gamesDirectory: gamesDirectory = other.gamesDirectory
        case .gamesRoots: gamesRootsChosen = other.gamesRootsChosen
        case .stateDirectory: stateDirectory = other.stateDirectory
        case .catalog: catalog = other.catalog
        case .socket: socket = other.socket
        case .listen: listen = other.listen
        case .name: name = other.name
        case .peer: peers = other.peers
        case .interfaces: interfaces = other.interfaces
        case .mdns: mdns = other.mdns
        case .connections: connections = other.connections
        case .operations: operations = other.operations
        case .sourceGrace: sourceGrace = other.sourceGrace
        case .logLevel: logLevel = other.logLevel
        }
    }
}
