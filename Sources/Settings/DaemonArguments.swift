import Model

/// The command line of lanspreadd, read but not yet judged.
struct DaemonArguments: Sendable {
    struct Value: Hashable, Sendable {
        let key: SettingKey
        let flag: String
        let text: String
    }

    private(set) var configuration: String?
    private(set) var wantsCheck = false
    private(set) var wantsHelp = false
    private(set) var wantsVersion = false
    /// In the order in which they stand.
    private(set) var values: [Value] = []

    static let help = """
        lanspreadd --games-dir /srv/lanspread --catalog /etc/lanspread/game.db

        Usage: lanspreadd [OPTION]...

        Spreads games between the machines of a LAN. It stays in the foreground; lanspreadctl talks to it.

          --config FILE         settings (\(DaemonInvocation.defaultFile) and conf.d/*.conf beside it)
          --check-config        say whether the settings are sound, and leave
          --games-dir DIR       where the games are (/srv/lanspread)
          --games-roots DIR     where lanspreadctl games-dir may lead, parted by colons (--games-dir)
          --state-dir DIR       identity, index and history ($STATE_DIRECTORY, else /var/lib/lanspread)
          --catalog GAME_DB     the games that may be spread and their versions (none)
          --socket PATH         where lanspreadctl finds the daemon (/run/lanspread/control.sock)
          --listen ADDR:PORT    a UDP address for peers; repeatable (0.0.0.0:47600 and [::]:47600)
          --name NAME           what peers show (the host's name)
          --peer HOST:PORT      a peer that mDNS does not find; repeatable
          --interfaces NAME     an interface for mDNS, or a beginning with a *; repeatable (all but
                                those of containers, virtual machines and tunnels)
          --no-mdns             neither publish nor browse by mDNS
          --connections NUMBER  peers that may be connected at once (\(Limits.connections))
          --source-grace SECONDS  how long a download waits for a source, 0 not at all (60)
          --log-level LEVEL     error, warning, notice, info or debug (info)
          --version             the version
          --help                this text

        Flags win over the files. lanspreadd(8), lanspreadd.conf(5)

        """

    private static let plain = ["--check-config", "--no-mdns", "--help", "--version"]
    private static let valued: [String: SettingKey] = {
        var flags: [String: SettingKey] = [:]
        for key in SettingKey.allCases {
            if let flag = key.flag { flags[flag] = key }
        }
        return flags
    }()

    init(_ arguments: [String]) throws(SettingsError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-") else { throw .usage("\(argument) is no option.") }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = argument == "-h" ? "--help" : String(parts[0])
            if DaemonArguments.plain.contains(flag) {
                guard parts.count == 1 else { throw .usage("\(flag) takes no value.") }
                takePlain(flag)
                continue
            }
            let key = DaemonArguments.valued[flag]
            guard key != nil || flag == "--config" else { throw .usage(DaemonArguments.unknown(flag)) }
            guard let text = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw .usage("\(flag) needs a value.")
            }
            if let key {
                values.append(Value(key: key, flag: flag, text: text))
            } else {
                configuration = text
            }
        }
    }

    private mutating func takePlain(_ flag: String) {
        switch flag {
        case "--check-config": wantsCheck = true
        case "--no-mdns": values.append(Value(key: .mdns, flag: flag, text: "no"))
        case "--help": wantsHelp = true
        default: wantsVersion = true
        }
    }

    private static func unknown(_ flag: String) -> String {
        let near = Spelling.nearest(to: flag, of: plain + ["--config"] + valued.keys.sorted())
        return "\(flag) is no option." + (near.map { " Did you mean \($0)?" } ?? "")
    }
}

/// What somebody may have meant.
enum Spelling {
    /// The candidate with the fewest letters to change; nil when it is more than a third of the word.
    static func nearest(to word: String, of candidates: [String]) -> String? {
        let distances = candidates.map { ($0, distance(Array(word.utf8), Array($0.utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 * 3 <= max(word.utf8.count, 3) else { return nil }
        return best.0
    }

    /// Levenshtein's, with one row.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // A line of a file is short, and what is much longer than every key is near none.
        guard left.count <= 64 else { return left.count }
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let above = row[column + 1]
                let change = diagonal + (letter == right[column] ? 0 : 1)
                row[column + 1] = min(change, above + 1, row[column] + 1)
                diagonal = above
            }
        }
        return row[right.count]
    }
}
