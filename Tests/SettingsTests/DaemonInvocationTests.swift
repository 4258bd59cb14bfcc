import Model
import Runtime
import Settings
import TestKit
import Testing

@Suite struct `The settings of the daemon` {
    private let directory: TemporaryDirectory
    private var file: String { directory.path + "/lanspreadd.conf" }

    init() throws { directory = try TemporaryDirectory() }

    private func parse(_ arguments: [String], environment: [String: String] = [:]) throws -> DaemonInvocation {
        try DaemonInvocation.parse(arguments: arguments, environment: environment, defaultFile: file)
    }

    private func settings(
        _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> (DaemonSettings, [SettingsWarning]) {
        guard case .run(let loaded, _) = try parse(arguments, environment: environment) else {
            throw SettingsError.usage("not a run")
        }
        return (loaded.settings, loaded.warnings)
    }

    private func write(_ text: String, to name: String = "lanspreadd.conf") throws {
        try directory.write(name, Array(text.utf8))
    }

    private func rejection(_ arguments: [String] = []) -> SettingsRejection? {
        do {
            _ = try DaemonInvocation.parse(arguments: arguments, environment: [:], defaultFile: file)
            return nil
        } catch {
            return error
        }
    }

    /// The only error of these arguments, or of the file.
    private func error(_ arguments: [String] = []) -> SettingsError? {
        guard let errors = rejection(arguments)?.errors else { return nil }
        #expect(errors.count == 1, "\(errors)")
        return errors.first
    }

    // MARK: - Layers

    @Test func `are built in when nothing is said`() throws {
        let (settings, warnings) = try settings()
        #expect(settings.gamesDirectory == Setting("/srv/lanspread"))
        #expect(settings.stateDirectory == Setting("/var/lib/lanspread"))
        #expect(settings.socket == Setting("/run/lanspread/control.sock"))
        #expect(settings.catalog.value == nil)
        #expect(settings.listen.value.map(\.description) == ["0.0.0.0:47600", "[::]:47600"])
        #expect(settings.peers.value.isEmpty)
        #expect(settings.interfaces.value.isEmpty)
        #expect(settings.connections.value == 256)
        #expect(settings.mdns.value)
        #expect(settings.sourceGrace.value == .seconds(60))
        #expect(settings.logLevel.value == "info")
        #expect(!settings.name.value.isEmpty)
        #expect(warnings.isEmpty)
    }

    @Test func `come from the environment, the file and the flags, the later one winning`() throws {
        try write("[lanspreadd]\nstate_dir = /from/file\ngames_dir = /games\nname = Den\n")
        let environment = ["STATE_DIRECTORY": "/from/systemd:/second"]
        let (settings, _) = try settings(["--name", "Attic"], environment: environment)
        #expect(settings.stateDirectory == Setting("/from/file", .file(file, line: 2)))
        #expect(settings.gamesDirectory == Setting("/games", .file(file, line: 3)))
        #expect(settings.name == Setting("Attic", .flag("--name")))
        try write("")
        let (second, _) = try self.settings(environment: environment)
        #expect(second.stateDirectory == Setting("/from/systemd", .environment("STATE_DIRECTORY")))
    }

    @Test func `take every flag`() throws {
        let (settings, _) = try settings([
            "--games-dir", "games", "--state-dir=/state", "--catalog", "/c.db", "--socket", "/s", "--listen",
            "127.0.0.1:0", "--listen=[::1]:47601", "--name", "A B", "--peer", "host.lan:1", "--peer", "10.0.0.1:2",
            "--interfaces", "eth0", "--interfaces", "en*", "--connections", "12", "--no-mdns", "--source-grace", "0",
            "--log-level", "debug",
        ])
        #expect(settings.gamesDirectory.value == "games")
        #expect(settings.stateDirectory.value == "/state")
        #expect(settings.catalog.value == "/c.db")
        #expect(settings.socket.value == "/s")
        #expect(settings.listen.value.map(\.description) == ["127.0.0.1:0", "[::1]:47601"])
        #expect(settings.name.value == "A B")
        #expect(settings.peers.value.map(\.description) == ["host.lan:1", "10.0.0.1:2"])
        #expect(settings.interfaces.value == ["eth0", "en*"])
        #expect(settings.connections.value == 12)
        #expect(settings.mdns == Setting(false, .flag("--no-mdns")))
        #expect(settings.sourceGrace.value == .zero)
        #expect(settings.logLevel.value == "debug")
    }

    @Test func `read the pieces in order, adding to lists and replacing the rest`() throws {
        try write("[lanspreadd]\npeer = a:1 b:2\nlog_level = error\n")
        try write("[lanspreadd]\npeer = c:3\nlog_level = notice\n", to: "conf.d/10-first.conf")
        try write("[lanspreadd]\nlog_level = debug\n", to: "conf.d/20-second.conf")
        try write("[lanspreadd]\nlog_level = warning\n", to: "conf.d/30-no.conf.bak")
        let (settings, _) = try settings()
        #expect(settings.peers.value.map(\.description) == ["a:1", "b:2", "c:3"])
        #expect(settings.logLevel == Setting("debug", .file(directory.path + "/conf.d/20-second.conf", line: 2)))
        try write("[lanspreadd]\npeer =\npeer = d:4\n", to: "conf.d/40-reset.conf")
        #expect(try self.settings().0.peers.value.map(\.description) == ["d:4"])
        #expect(try self.settings(["--peer", "e:5"]).0.peers.value.map(\.description) == ["e:5"])
    }

    @Test func `read only the file that the command line names`() throws {
        try write("[lanspreadd]\nname = default\n")
        try write("[lanspreadd]\nname = other\n", to: "other.conf")
        #expect(try settings(["--config", directory.path + "/other.conf"]).0.name.value == "other")
        let missing = directory.path + "/missing.conf"
        #expect(error(["--config", missing]) == .unreadable(file: missing, code: 2))
    }

    // MARK: - Mistakes

    @Test func `warn of unknown keys and sections with their place and a suggestion`() throws {
        try write("# comment\n[lanspreadd]\n\ngame_dir = /x\ncolour = red\n[other]\nname = y\n")
        let warnings = try settings().1
        #expect(warnings.map(\.line) == [4, 5, 7])
        #expect(warnings[0].text == "\(file):4: The key game_dir is unknown and passed over. Did you mean games_dir?")
        #expect(warnings[1].sentence == "The key colour is unknown and passed over.")
        #expect(warnings[2].sentence.contains("[other]"))
    }

    @Test(arguments: [
        ("games_dir = relative", "an absolute path"), ("listen = 1.2.3.4", "an address and a port"),
        ("listen = games.lan:1", "a numeric address"), ("listen = [fe80::1%]:1", "a numeric address"),
        ("interfaces = eth0 eth/1", "names of interfaces"), ("interfaces = e*h", "names of interfaces"),
        ("interfaces = interface1234567", "names of interfaces"), ("connections = 0", "from 1 to 256"),
        ("connections = 257", "from 1 to 256"), ("connections = many", "from 1 to 256"),
        ("peer = [::1", "an address and a port"), ("mdns = maybe", "yes or no"), ("source_grace = -1", "from 0 to"),
        ("source_grace = 99999999999999999999", "from 0 to"), ("log_level = loud", "one of error"),
        ("name = \u{1b}[31m", "without control characters"), ("socket = /" + String(repeating: "s", count: 120), "107"),
    ])
    func `refuse a bad value with its file and line`(line: String, expected: String) throws {
        try write("[lanspreadd]\n\(line)\n")
        let sentence = error()?.sentence ?? ""
        #expect(sentence.hasPrefix("\(file):2: "))
        #expect(sentence.contains(expected))
        #expect(!sentence.contains("\u{1b}"))
    }

    @Test func `refuse more peers than the limit`() throws {
        let most = (0..<Limits.staticPeers).map { "h\($0):1" }
        #expect(try settings(most.flatMap { ["--peer", $0] }).0.peers.value.count == Limits.staticPeers)
        #expect(error((most + ["one.more:1"]).flatMap { ["--peer", $0] })?.sentence.contains("at most") == true)
    }

    @Test func `refuse more interfaces than the limit`() throws {
        let most = (0..<Limits.interfaces).map { "eth\($0)" }.joined(separator: " ")
        #expect(try settings(["--interfaces", most]).0.interfaces.value.count == Limits.interfaces)
        #expect(error(["--interfaces", most + " one"])?.sentence.contains("at most") == true)
    }

    @Test func `say everything that is wrong at once`() throws {
        try write("[lanspreadd]\nmdns = maybe\ngame_dir = /x\nnonsense\nlog_level = loud\n")
        try write("[lanspreadd]\nconnections = none\n", to: "conf.d/10-more.conf")
        let rejection = try #require(self.rejection(["--source-grace", "soon"]))
        let places = rejection.errors.map { $0.sentence.prefix { $0 != " " } }
        let piece = directory.path + "/conf.d/10-more.conf"
        #expect(places == ["\(file):4:", "\(file):2:", "\(file):5:", "\(piece):2:", "--source-grace"])
        #expect(rejection.warnings.map(\.line) == [3])
        #expect(rejection.exitStatus == 64)
    }

    @Test func `end the daemon with 78, and with 64 for its command line`() throws {
        try write("[lanspreadd]\nmdns = maybe\n")
        #expect(rejection()?.exitStatus == 78)
        #expect(rejection(["--frob"])?.exitStatus == 64)
        #expect(rejection(["--config", directory.path + "/missing"])?.exitStatus == 78)
    }

    // MARK: - Manners

    @Test func `may be indented, continued and hold what looks like a comment`() throws {
        try write(
            """
            ; a comment
              [lanspreadd]
              log_level = debug
              # another one
              name = Den ; Attic # 2
            peer = a:1 \\
              # a comment within
              b:2 \\
              c:3
            source_grace = 7\r
            """)
        let (settings, warnings) = try settings()
        #expect(settings.logLevel == Setting("debug", .file(file, line: 3)))
        #expect(settings.name.value == "Den ; Attic # 2")
        #expect(settings.peers.value.map(\.description) == ["a:1", "b:2", "c:3"])
        #expect(settings.peers.origin == .file(file, line: 6))
        #expect(settings.sourceGrace == Setting(.seconds(7), .file(file, line: 10)))
        #expect(warnings.isEmpty)
    }

    @Test func `may be longer than inih's line`() throws {
        let path = "/" + String(repeating: "d/", count: 400)
        try write("# \(String(repeating: "comment ", count: 100))\n[lanspreadd]\ngames_dir = \(path)\nname = x\n")
        let (settings, _) = try settings()
        #expect(settings.gamesDirectory == Setting(path, .file(file, line: 3)))
        #expect(settings.name.value == "x")
    }

    @Test func `outside of a section are passed over with a warning`() throws {
        try write("name = x\n[lanspreadd]\n")
        let (settings, warnings) = try settings()
        #expect(settings.name.origin == .builtIn)
        let remedy = "Write [lanspreadd] above it."
        #expect(warnings.map(\.text) == ["\(file):1: The key name stands in no section and is passed over. \(remedy)"])
    }

    @Test func `are parted by an equals sign`() throws {
        try write("[lanspreadd]\nname: x\n")
        #expect(error() == .invalid(file: file, line: 2, reason: "The line is neither [section] nor key = value."))
    }

    @Test func `refuse lines that are no settings or no text`() throws {
        try write("[lanspreadd]\nname = x\nnonsense\n")
        #expect(error() == .invalid(file: file, line: 3, reason: "The line is neither [section] nor key = value."))
        try write("[lanspreadd]\nname = \(String(repeating: "x", count: 4_000))\n")
        #expect(error()?.sentence.contains("a name of 1 to") == true)
        try directory.write("lanspreadd.conf", Array("[lanspreadd]\nname = ".utf8) + [0xff, 0xfe, 0x0a])
        #expect(error() == .invalid(file: file, line: 2, reason: "The line is not UTF-8."))
        try directory.write("lanspreadd.conf", [0x5b, 0x00, 0x5d])
        #expect(error() == .invalid(file: file, line: 0, reason: "It holds a zero byte."))
        try directory.write("lanspreadd.conf", [UInt8](repeating: 0x0a, count: Limits.configurationBytes + 1))
        #expect(error()?.sentence.contains("more than") == true)
    }

    @Test func `survive any bytes`() throws {
        let random = TestSeed.random
        let alphabet = Array("[]=;#: \n\t\"\\aé\r".utf8) + Array("[lanspreadd]\nlisten = ".utf8)
        for _ in 0..<300 {
            let count = Int(random.uint64() % 400)
            try directory.write("lanspreadd.conf", random.bytes(count).map { alphabet[Int($0) % alphabet.count] })
            _ = rejection()
        }
    }

    @Test func `refuse a wrong command line with a suggestion`() {
        #expect(error(["--game-dir", "/x"]) == .usage("--game-dir is no option. Did you mean --games-dir?"))
        #expect(error(["games"]) == .usage("games is no option."))
        #expect(error(["--name"]) == .usage("--name needs a value."))
        #expect(error(["--no-mdns=yes"]) == .usage("--no-mdns takes no value."))
        #expect(error(["--log-level", "loud"])?.sentence.hasPrefix("--log-level = loud is refused:") == true)
    }

    // MARK: - Other questions

    @Test func `answer help with every flag, version and check`() throws {
        guard case .help(let text) = try parse(["-h"]) else {
            Issue.record("no help")
            return
        }
        let flags = [
            "--config", "--check-config", "--games-dir", "--state-dir", "--catalog", "--socket", "--listen", "--name",
            "--peer", "--interfaces", "--no-mdns", "--connections", "--source-grace", "--log-level", "--help",
            "--version",
        ]
        for flag in flags { #expect(text.contains("  \(flag)"), "\(flag)") }
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
        guard case .version = try parse(["--version"]) else {
            Issue.record("no version")
            return
        }
        guard case .check = try parse(["--check-config"]) else {
            Issue.record("no check")
            return
        }
    }

    @Test func `are described with their origins`() throws {
        try write("[lanspreadd]\nmdns = off\n")
        let described = try settings(["--peer", "a:1"]).0.described
        #expect(described.map(\.key) == SettingKey.allCases)
        let mdns = try #require(described.first { $0.key == .mdns })
        #expect(mdns.value == "no")
        #expect(mdns.origin.description == "\(file):2")
        #expect(described.first { $0.key == .peer }?.origin.description == "--peer")
        #expect(described.first { $0.key == .catalog }?.origin.description == "built in")
    }
}
