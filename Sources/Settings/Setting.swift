/// Where a value comes from; a person who wonders about a setting asks this first.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    case builtIn
    case environment(String)
    case file(String, line: Int)
    case flag(String)

    package var description: String {
        switch self {
        case .builtIn: "built in"
        case .environment(let name): "$\(name)"
        case .file(let path, let line): "\(path):\(line)"
        case .flag(let name): name
        }
    }
}

/// A value and where it comes from; of a list, where its last element does.
package struct Setting<Value: Hashable & Sendable>: Hashable, Sendable {
    package var value: Value
    package var origin: SettingOrigin

    package init(_ value: Value, _ origin: SettingOrigin = .builtIn) {
        self.value = value
        self.origin = origin
    }
}

/// The settings by the names that the configuration file has for them.
package enum SettingKey: String, CaseIterable, Sendable {
    case gamesDirectory = "games_dir"
    case gamesRoots = "games_roots"
    case stateDirectory = "state_dir"
    case catalog
    case socket
    case listen
    case name
    case peer
    case interfaces
    case mdns
    case connections
    case operations
    case sourceGrace = "source_grace"
    case logLevel = "log_level"
}

extension SettingKey {
    /// The one section of the file.
    package static let section = "lanspreadd"

    /// Whether a reload puts a new value into force. The others are bound to what is open: sockets, directories, hellos
    /// that were said, the size of tables.
    package var isLive: Bool {
        switch self {
        case .gamesRoots, .catalog, .peer, .interfaces, .operations, .sourceGrace, .logLevel: true
        default: false
        }
    }

    /// Nil where the flag does not carry the value: `--no-mdns` does not.
    var flag: String? {
        self == .mdns ? nil : "--" + rawValue.replacing("_", with: "-")
    }
}

/// Something that was passed over, and that somebody will want to know.
package struct SettingsWarning: Hashable, Sendable {
    package let file: String
    package let line: Int
    package let sentence: String

    package var text: String { "\(file):\(line): \(sentence)" }
}

/// Everything for which the settings were not taken, so that nobody mends one thing at a time; never without an error.
package struct SettingsRejection: Error, Hashable, Sendable {
    package let errors: [SettingsError]
    package let warnings: [SettingsWarning]

    /// What lanspreadd ends with.
    package var exitStatus: Int32 {
        errors.contains { if case .usage = $0 { true } else { false } } ? 64 : 78
    }
}

/// One thing for which the settings were not taken.
package enum SettingsError: Error, Hashable, Sendable {
    /// The command line is wrong.
    case usage(String)
    /// The file is there, but cannot be read; `code` is the errno.
    case unreadable(file: String, code: Int32)
    /// A value or a line of a file or of the environment; the line is 0 where there is none.
    case invalid(file: String, line: Int, reason: String)

    package var sentence: String {
        switch self {
        case .usage(let reason): "\(reason) See lanspreadd --help."
        case .unreadable(let file, let code): "\(file) cannot be read: \(IniFile.text(code))."
        case .invalid(let file, 0, let reason): "\(file): \(reason)"
        case .invalid(let file, let line, let reason): "\(file):\(line): \(reason)"
        }
    }
}
