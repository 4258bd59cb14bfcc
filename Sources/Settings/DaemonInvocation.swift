import Glibc

/// What a command line of lanspreadd asks for.
package enum DaemonInvocation: Sendable {
    case help(String)
    case version
    /// Only say whether the configuration is sound.
    case check(DaemonSettings, [SettingsWarning])
    case run(DaemonSettings, [SettingsWarning])

    package static let defaultFile = "/etc/lanspread/lanspreadd.conf"

    /// Reads the command line and the files that it names; the same call again is a reload.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - defaultFile: read, with the `conf.d/*.conf` beside it, unless `--config` names another one.
    package static func parse(
        arguments: [String], environment: [String: String], defaultFile: String = DaemonInvocation.defaultFile
    ) throws(SettingsError) -> DaemonInvocation {
        let line = try DaemonArguments(arguments)
        if line.wantsHelp { return .help(DaemonArguments.help) }
        if line.wantsVersion { return .version }
        var loader = SettingsLoader(environment: environment)
        if let file = line.configuration {
            try loader.take(IniFile(path: file))
        } else {
            for file in try SettingsLoader.files(defaultFile) { try loader.take(file) }
        }
        try loader.take(line.values)
        return line.wantsCheck ? .check(loader.settings, loader.warnings) : .run(loader.settings, loader.warnings)
    }
}

/// Puts the layers on top of each other.
struct SettingsLoader {
    private(set) var settings: DaemonSettings
    private(set) var warnings: [SettingsWarning] = []
    /// Lists that the files have begun: the first value of a layer replaces those of the layer below.
    private var begun: Set<SettingKey> = []

    init(environment: [String: String]) {
        settings = DaemonSettings(environment: environment)
    }

    /// The default file, which may be missing, and the pieces beside it in byte order of their names.
    static func files(_ path: String) throws(SettingsError) -> [IniFile] {
        var files: [IniFile] = []
        if access(path, F_OK) == 0 { files.append(try IniFile(path: path)) }
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        for name in try names(in: directory + "/conf.d") {
            files.append(try IniFile(path: "\(directory)/conf.d/\(name)"))
        }
        return files
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

    mutating func take(_ file: IniFile) throws(SettingsError) {
        for line in file.lines {
            guard line.section == SettingKey.section else {
                let known = "Only [\(SettingKey.section)] is known."
                warn(file, line, "The section [\(line.section)] of \(line.key) is passed over. \(known)")
                continue
            }
            guard let key = SettingKey(rawValue: line.key) else {
                let near = Spelling.nearest(to: line.key, of: SettingKey.allCases.map(\.rawValue))
                let question = near.map { " Did you mean \($0)?" } ?? ""
                warn(file, line, "The key \(line.key) is unknown and passed over.\(question)")
                continue
            }
            do {
                let origin = SettingOrigin.file(file.path, line: line.line)
                // As in systemd's files: an empty value forgets what was said before.
                let adds = begun.contains(key) && !line.value.isEmpty
                try settings.set(key, to: line.value, from: origin, adds: adds)
                begun.insert(key)
            } catch {
                throw .invalid(
                    file: file.path, line: line.line, reason: error.sentence(line.key, line.value))
            }
        }
    }

    private mutating func warn(_ file: IniFile, _ line: IniLine, _ sentence: String) {
        warnings.append(SettingsWarning(file: file.path, line: line.line, sentence: sentence))
    }

    mutating func take(_ flags: [DaemonArguments.Value]) throws(SettingsError) {
        begun = []
        for value in flags {
            do {
                try settings.set(
                    value.key, to: value.text, from: .flag(value.flag), adds: begun.contains(value.key))
                begun.insert(value.key)
            } catch {
                throw .usage(error.sentence(value.flag, value.text))
            }
        }
    }
}
