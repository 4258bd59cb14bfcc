import Glibc
import Model

/// Everything about lanspreadd that an administrator can choose.
///
/// Built-in values, then the environment, then the files, then the flags: the later one wins.
package struct DaemonSettings: Hashable, Sendable {
    package var gamesDirectory = Setting("/srv/lanspread")
    /// Directories beneath which another games directory may be chosen while the daemon runs; nil: the configured one.
    package var gamesRootsChosen = Setting<[String]?>(nil)
    package var stateDirectory = Setting("/var/lib/lanspread")
    /// An ETI `game.db`; nil is allowed and shown as degraded.
    package var catalog = Setting<String?>(nil)
    package var socket = Setting("/run/lanspread/control.sock")
    /// Numeric addresses. A family that the kernel does not have is passed over where the socket is opened.
    package var listen = Setting(
        [HostPort(host: "0.0.0.0", port: DaemonSettings.port), HostPort(host: "::", port: DaemonSettings.port)])
    /// What peers show; the host's name unless chosen.
    package var name: Setting<String>
    package var peers = Setting<[HostPort]>([])
    /// Where mDNS announces and looks: names of interfaces, or beginnings of names with a `*` behind them. Empty: all
    /// but those of containers, virtual machines and tunnels.
    package var interfaces = Setting<[String]>([])
    package var mdns = Setting(true)
    /// Peers that may be connected at once.
    package var connections = Setting(Limits.connections)
    /// Operations that may be at work at once; the others wait for their turn.
    package var operations = Setting(Limits.operationsWorking)
    package var sourceGrace = Setting(Limits.sourceGrace)
    package var logLevel = Setting("info")

    /// The UDP port of the protocol.
    package static let port: UInt16 = 47_600
    package static let logLevels = ["error", "warning", "notice", "info", "debug"]
    /// sun_path without its final zero.
    private static let socketPathBytes = 107
    /// A day: whoever waits longer wants to wait for ever, and an operation can be started again.
    private static let sourceGraceSeconds: Int64 = 86_400

    package init(environment: [String: String] = [:]) {
        name = Setting(DaemonSettings.hostName())
        // systemd may give several; the first is the one of the unit's first line.
        if let directory = environment["STATE_DIRECTORY"]?.split(separator: ":").first {
            stateDirectory = Setting(String(directory), .environment("STATE_DIRECTORY"))
        }
    }

    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "lanspread" }
        let bytes = buffer.prefix { $0 != 0 }.prefix(Limits.peerNameBytes).map { UInt8(bitPattern: $0) }
        let name = String(decoding: bytes, as: UTF8.self)
        return isName(name) ? name : "lanspread"
    }

    /// One line of text that every terminal can show.
    private static func isName(_ name: String) -> Bool {
        (1...Limits.peerNameBytes).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    }

    // MARK: - One value

    /// Takes a value as it was written.
    ///
    /// - Parameter adds: whether a list already has values of this layer, which stay.
    /// - Throws: what is expected in its place, as a sentence.
    mutating func set(
        _ key: SettingKey, to text: String, from origin: SettingOrigin, adds: Bool
    ) throws(SettingRefusal) {
        switch key {
        case .gamesDirectory: gamesDirectory = Setting(try path(text, origin), origin)
        case .gamesRoots: gamesRootsChosen = Setting(try gamesRoots(text, origin, adds: adds), origin)
        case .stateDirectory: stateDirectory = Setting(try path(text, origin), origin)
        case .catalog: catalog = Setting(text.isEmpty ? nil : try path(text, origin), origin)
        case .socket:
            let path = try path(text, origin)
            guard path.utf8.count <= DaemonSettings.socketPathBytes else {
                throw .expected("a path of at most \(DaemonSettings.socketPathBytes) bytes")
            }
            socket = Setting(path, origin)
        case .listen:
            let all = try hosts(text)
            guard all.allSatisfy(\.isNumeric) else {
                throw .expected("a numeric address and a port, as 0.0.0.0:47600 or [::]:47600")
            }
            listen = Setting((adds ? listen.value : []) + all, origin)
        case .name:
            if text.isEmpty {
                name = Setting(DaemonSettings.hostName(), origin)
                return
            }
            guard DaemonSettings.isName(text) else {
                throw .expected("a name of 1 to \(Limits.peerNameBytes) bytes without control characters")
            }
            name = Setting(text, origin)
        case .peer:
            let all = (adds ? peers.value : []) + (try hosts(text))
            guard all.count <= Limits.staticPeers else { throw .expected("at most \(Limits.staticPeers) peers") }
            peers = Setting(all, origin)
        case .interfaces:
            let all = (adds ? interfaces.value : []) + (try patterns(text))
            guard all.count <= Limits.interfaces else { throw .expected("at most \(Limits.interfaces) interfaces") }
            interfaces = Setting(all, origin)
        case .mdns: mdns = Setting(try boolean(text), origin)
        case .connections: connections = Setting(try count(text, upTo: Limits.connections), origin)
        case .operations: operations = Setting(try count(text, upTo: Limits.operationsActive), origin)
        case .sourceGrace: sourceGrace = Setting(try seconds(text), origin)
        case .logLevel:
            guard DaemonSettings.logLevels.contains(text) else {
                throw .expected("one of \(DaemonSettings.logLevels.joined(separator: ", "))")
            }
            logLevel = Setting(text, origin)
        }
    }

    /// On the command line a path may be relative, as everywhere; in a file it would depend on who starts the daemon.
    private func path(_ text: String, _ origin: SettingOrigin) throws(SettingRefusal) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else { throw .expected("a path") }
        if case .flag = origin { return text }
        guard text.hasPrefix("/") else { throw .expected("an absolute path") }
        return text
    }

    /// Parted by colons, as a path of directories is everywhere; nothing at all is the default again.
    private func gamesRoots(
        _ text: String, _ origin: SettingOrigin, adds: Bool
    ) throws(SettingRefusal) -> [String]? {
        guard !text.isEmpty else { return nil }
        var roots = adds ? gamesRootsChosen.value ?? [] : []
        for part in text.split(separator: ":", omittingEmptySubsequences: false) {
            guard part.hasPrefix("/"), !part.utf8.contains(0) else {
                throw .expected("absolute paths parted by colons")
            }
            roots.append(String(part))
        }
        guard roots.count <= Limits.gamesRoots else { throw .expected("at most \(Limits.gamesRoots) directories") }
        return roots
    }

    /// As it counts.
    package var gamesRoots: Setting<[String]> {
        Setting(gamesRootsChosen.value ?? [gamesDirectory.value], gamesRootsChosen.origin)
    }

    /// Several in one value are parted by blanks, and none at all empties the list.
    private func hosts(_ text: String) throws(SettingRefusal) -> [HostPort] {
        var hosts: [HostPort] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
            guard let host = HostPort(String(word)) else {
                throw .expected("an address and a port, as 192.168.1.7:47600 or [::1]:47600")
            }
            hosts.append(host)
        }
        return hosts
    }

    /// Names as the kernel admits them: 1 to 15 bytes without a blank, a slash and a colon.
    private func patterns(_ text: String) throws(SettingRefusal) -> [String] {
        var patterns: [String] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
            let name = word.hasSuffix("*") ? word.dropLast() : word
            let isName = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !Array("*/:".utf8).contains($0) }
            guard isName, (1...15).contains(word.utf8.count) else {
                throw .expected("names of interfaces, as eth0, or beginnings of names, as en*")
            }
            patterns.append(String(word))
        }
        return patterns
    }

    private func boolean(_ text: String) throws(SettingRefusal) -> Bool {
        switch text.lowercased() {
        case "yes", "true", "on", "1": return true
        case "no", "false", "off", "0": return false
        default: throw .expected("yes or no")
        }
    }

    private func count(_ text: String, upTo limit: Int) throws(SettingRefusal) -> Int {
        guard let count = Int(text), (1...limit).contains(count) else { throw .expected("a number from 1 to \(limit)") }
        return count
    }

    private func seconds(_ text: String) throws(SettingRefusal) -> Duration {
        let digits = text.hasSuffix("s") ? text.dropLast() : text[...]
        guard let value = Int64(digits), (0...DaemonSettings.sourceGraceSeconds).contains(value) else {
            throw .expected("a number of seconds from 0 to \(DaemonSettings.sourceGraceSeconds)")
        }
        return .seconds(value)
    }

    // MARK: - For people

    /// Every setting with its value as a file would have it, and its origin.
    package var described: [(key: SettingKey, value: String, origin: SettingOrigin)] {
        SettingKey.allCases.map { key in
            switch key {
            case .gamesDirectory: (key, gamesDirectory.value, gamesDirectory.origin)
            case .gamesRoots: (key, (gamesRootsChosen.value ?? []).joined(separator: ":"), gamesRootsChosen.origin)
            case .stateDirectory: (key, stateDirectory.value, stateDirectory.origin)
            case .catalog: (key, catalog.value ?? "", catalog.origin)
            case .socket: (key, socket.value, socket.origin)
            case .listen: (key, listen.value.map(\.description).joined(separator: " "), listen.origin)
            case .name: (key, name.value, name.origin)
            case .peer: (key, peers.value.map(\.description).joined(separator: " "), peers.origin)
            case .interfaces: (key, interfaces.value.joined(separator: " "), interfaces.origin)
            case .mdns: (key, mdns.value ? "yes" : "no", mdns.origin)
            case .connections: (key, String(connections.value), connections.origin)
            case .operations: (key, String(operations.value), operations.origin)
            case .sourceGrace: (key, String(sourceGrace.value.components.seconds), sourceGrace.origin)
            case .logLevel: (key, logLevel.value, logLevel.origin)
            }
        }
    }
}

/// Why one value was not taken; the place is the caller's to add.
enum SettingRefusal: Error {
    case expected(String)

    func sentence(_ key: String, _ text: String) -> String {
        switch self {
        case .expected(let form): "\(key) = \(Text.escaped(text)) is refused: \(form) is expected."
        }
    }
}
