import Glibc
import Model

/// What a command line of lanspreadd asks for.
package enum DaemonInvocation: Sendable {
    case help(String)
    case version
    /// Only say whether the configuration is sound.
    case check(LoadedSettings)
    /// With what reads all of it again.
    case run(LoadedSettings, SettingsSource)

    package static let defaultFile = "/etc/lanspread/lanspreadd.conf"

    /// Reads the command line and the files that it names.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - defaultFile: read, with the `conf.d/*.conf` beside it, unless `--config` names another one.
    package static func parse(
        arguments: [String], environment: [String: String], defaultFile: String = DaemonInvocation.defaultFile
    ) throws(SettingsRejection) -> DaemonInvocation {
        let line: DaemonArguments
        do {
            line = try DaemonArguments(arguments)
        } catch {
            throw SettingsRejection(errors: [error], warnings: [])
        }
        if line.wantsHelp { return .help(DaemonArguments.help) }
        if line.wantsVersion { return .version }
        let source = SettingsSource(line: line, environment: environment, defaultFile: defaultFile)
        let loaded = try source.load()
        return line.wantsCheck ? .check(loaded) : .run(loaded, source)
    }
}

/// Settings as they were read, and what was passed over meanwhile.
package struct LoadedSettings: Hashable, Sendable {
    package let settings: DaemonSettings
    package let warnings: [SettingsWarning]
}

/// Where the settings come from. Reading again is a reload: the files may say something else then.
package struct SettingsSource: Sendable {
    let line: DaemonArguments
    let environment: [String: String]
    let defaultFile: String

    /// Reads files, so it may block.
    package func load() throws(SettingsRejection) -> LoadedSettings {
        var loader = SettingsLoader(environment: environment)
        if let file = line.configuration {
            loader.read(file)
        } else {
            loader.readDefault(defaultFile)
        }
        loader.take(line.values)
        guard loader.errors.isEmpty else {
            throw SettingsRejection(errors: loader.errors, warnings: loader.warnings)
        }
        return LoadedSettings(settings: loader.settings, warnings: loader.warnings)
    }
}

/// Puts the layers on top of each other.
struct SettingsLoader {
    private(set) var settings: DaemonSettings
    private(set) var warnings: [SettingsWarning] = []
    private(set) var errors: [SettingsError] = []
    /// Lists that the files have begun: the first value of a layer replaces those of the layer below.
    private var begun: Set<SettingKey> = []

    init(environment: [String: String]) {
        settings = DaemonSettings(environment: environment)
    }

    // MARK: - Files

    /// The default file, which may be missing, and the pieces beside it in byte order of their names.
    mutating func readDefault(_ path: String) {
        if access(path, F_OK) == 0 { read(path) }
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        do {
            for name in try SettingsLoader.names(in: directory + "/conf.d") { read("\(directory)/conf.d/\(name)") }
        } catch {
            errors.append(error)
        }
    }

    mutating func read(_ path: String) {
        do {
            take(try IniFile(path: path))
        } catch {
            errors.append(error)
        }
    }

    private static func names(in directory: String) throws(SettingsError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw .unreadable(file: directory, code: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".conf"), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private mutating func take(_ file: IniFile) {
        errors += file.faults
        for line in file.lines {
            guard line.section == SettingKey.section else {
                pass(over: line, in: file)
                continue
            }
            guard let key = SettingKey(rawValue: line.key) else {
                let near = Spelling.nearest(to: line.key, of: SettingKey.allCases.map(\.rawValue))
                let question = near.map { " Did you mean \($0)?" } ?? ""
                warn(file, line, "The key \(Text.escaped(line.key)) is unknown and passed over.\(question)")
                continue
            }
            do {
                let origin = SettingOrigin.file(file.path, line: line.line)
                // As in systemd's files: an empty value forgets what was said before.
                let adds = begun.contains(key) && !line.value.isEmpty
                try settings.set(key, to: line.value, from: origin, adds: adds)
                begun.insert(key)
            } catch {
                errors.append(
                    .invalid(file: file.path, line: line.line, reason: error.sentence(line.key, line.value)))
            }
        }
    }

    private mutating func pass(over line: IniLine, in file: IniFile) {
        let key = Text.escaped(line.key)
        guard !line.section.isEmpty else {
            let remedy = "Write [\(SettingKey.section)] above it."
            return warn(file, line, "The key \(key) stands in no section and is passed over. \(remedy)")
        }
        let known = "Only [\(SettingKey.section)] is known."
        warn(file, line, "The section [\(Text.escaped(line.section))] of \(key) is passed over. \(known)")
    }

    private mutating func warn(_ file: IniFile, _ line: IniLine, _ sentence: String) {
        warnings.append(SettingsWarning(file: file.path, line: line.line, sentence: sentence))
    }

    // MARK: - Flags

    mutating func take(_ flags: [DaemonArguments.Value]) {
        begun = []
        for value in flags {
            do {
                try settings.set(
                    value.key, to: value.text, from: .flag(value.flag), adds: begun.contains(value.key))
                begun.insert(value.key)
            } catch {
                errors.append(.usage(error.sentence(value.flag, value.text)))
            }
        }
    }
}
