/// What lanspreadctl can do; help and parsing come from this table, and lanspreadctl(1) is tested to name every verb.
enum Verb: String, CaseIterable {
    case status, list, info, peers, peer, connect
    case waitPeers = "wait-peers"
    case download, install, operations, transfers, cancel, pause, resume, history, rescan
    case gamesDir = "games-dir"
    case catalog, events, logs, config, reload, identity, shutdown, help, version

    struct Flag {
        let name: String
        /// What its value is; nil: it has none.
        var value: String?
        let summary: String
    }

    struct Entry {
        /// The words after the verb.
        let usage: String
        let summary: String
        let example: String
        var flags: [Flag] = []
    }

    static let globalFlags = [
        Flag(name: "--socket", value: "PATH", summary: "the daemon's control socket (or LANSPREAD_SOCKET)"),
        Flag(name: "--json", summary: "one JSON document on stdout"),
        Flag(name: "--no-legend", summary: "tables without a header"),
        Flag(name: "--quiet", summary: "errors only on stderr"),
        Flag(name: "-q", summary: "the same"),
        Flag(name: "--no-progress", summary: "no progress on stderr"),
        Flag(name: "--color", value: "auto|always|never", summary: "colour (auto: on a terminal, without NO_COLOR)"),
        Flag(name: "--help", summary: "help about the verb"),
        Flag(name: "--version", summary: "as the verb version"),
    ]

    private static let following = [
        Flag(name: "--no-block", summary: "print the operation's number and do not wait"),
        Flag(name: "--timeout", value: "TIME", summary: "wait so long at most; the operation continues"),
    ]

    private static let listFlags = [
        Flag(name: "--genre", value: "TEXT", summary: "with this in the genre"),
        Flag(name: "--players", value: "NUMBER", summary: "that at least so many can play"),
        Flag(name: "--installed", summary: "that are installed"),
        Flag(name: "--available", summary: "that are here, or that a peer can send now"),
        Flag(name: "--all", summary: "also those of the catalog that nobody has"),
    ]

    private static let catalogFlags = [
        Flag(name: "--from-library", summary: "init: with every game that is downloaded here"),
        Flag(name: "--force", summary: "init: lose this host's own catalog that is there"),
        Flag(name: "--title", value: "TEXT", summary: "add: its name; the id without one"),
        Flag(name: "--size", value: "BYTES", summary: "add: as 734003200, 700MB or 1.5GB"),
        Flag(name: "--genre", value: "TEXT", summary: "add: its genre"),
        Flag(name: "--players", value: "TEXT", summary: "add: how many can play, as 16"),
        Flag(name: "--publisher", value: "TEXT", summary: "add: its publisher"),
        Flag(name: "--released", value: "TEXT", summary: "add: when it came out"),
    ]

    private static let logFlags = [
        Flag(name: "--game", value: "GAME", summary: "what concerns a game"),
        Flag(name: "--peer", value: "PEER", summary: "a peer, by its name or identity"),
        Flag(name: "--operation", value: "NUMBER", summary: "an operation"),
        Flag(name: "--component", value: "NAME", summary: "a component: the first word of a line, as Peers"),
        Flag(
            name: "--level", value: "LEVEL", summary: "this level and what is more urgent: error, warning, notice..."),
        Flag(name: "--since", value: "WHEN", summary: "from then on: 90s, 10m, 2h ago, or as journalctl has it"),
        Flag(name: "--lines", value: "NUMBER", summary: "the last lines only"),
        Flag(name: "-n", value: "NUMBER", summary: "the same"),
        Flag(name: "--follow", summary: "go on as it grows; by itself on a terminal"),
        Flag(name: "-f", summary: "the same"),
        Flag(name: "--no-follow", summary: "end with the last line, on a terminal too"),
        Flag(name: "--jsonl", summary: "one JSON object a line, with every field"),
    ]

    var entry: Entry {
        switch self {
        case .status:
            Entry(
                usage: "", summary: "Says how the daemon is, what is degraded and what helps.",
                example: "lanspreadctl status",
                flags: [
                    Flag(name: "--all", summary: "every component, also those that simply run"),
                    Flag(name: "--verbose", summary: "the same"),
                ])
        case .list:
            Entry(
                usage: "[TEXT]", summary: "Lists the games that are here or that a peer has.",
                example: "lanspreadctl list --genre shooter --players 8 --available", flags: Self.listFlags)
        case .info:
            Entry(usage: "GAME", summary: "Says all that is known of a game.", example: "lanspreadctl info quake")
        case .peers:
            Entry(usage: "", summary: "Lists the peers.", example: "lanspreadctl peers")
        case .peer:
            Entry(
                usage: "list|forget|block|unblock [PEER]",
                summary: "Lists all known peers; forgets one, blocks one or lets it in again.",
                example: "lanspreadctl peer block bravo")
        case .connect:
            Entry(
                usage: "ADDRESS:PORT", summary: "Connects to a peer without mDNS and prints its identity.",
                example: "lanspreadctl connect 192.168.1.20:47600")
        case .waitPeers:
            Entry(
                usage: "COUNT", summary: "Waits until so many peers are connected.",
                example: "lanspreadctl wait-peers 2 --timeout 30",
                flags: [Flag(name: "--timeout", value: "TIME", summary: "wait so long at most (60)")])
        case .download:
            Entry(
                usage: "GAME...", summary: "Downloads games from the peers that have them, and installs them.",
                example: "lanspreadctl download quake",
                flags: [
                    Flag(name: "--no-install", summary: "do not install"),
                    Flag(name: "--overwrite", summary: "replace files that lanspread did not write"),
                    Flag(name: "--root", value: "ROOT", summary: "take exactly this content, as info shows it"),
                ] + Self.following)
        case .install:
            Entry(
                usage: "GAME...", summary: "Installs downloaded games.", example: "lanspreadctl install quake",
                flags: Self.following)
        case .rescan:
            Entry(
                usage: "[GAME]", summary: "Looks at the games directory now, and prints the games that changed.",
                example: "lanspreadctl rescan quake")
        case .gamesDir:
            Entry(
                usage: "[PATH]", summary: "Shows where the games are, or uses another directory from now on.",
                example: "lanspreadctl games-dir /srv/lanspread/lan")
        case .operations:
            Entry(
                usage: "", summary: "Lists the running operations and the last ones that ended.",
                example: "lanspreadctl operations")
        case .transfers:
            Entry(
                usage: "", summary: "Lists what is sent to peers and what comes from them, with rates.",
                example: "lanspreadctl transfers")
        case .cancel:
            Entry(
                usage: "OPERATION...", summary: "Cancels operations; what was verified stays for the next download.",
                example: "lanspreadctl cancel 42")
        case .pause:
            Entry(
                usage: "OPERATION...", summary: "Pauses downloads until they are resumed, over a restart too.",
                example: "lanspreadctl pause 42")
        case .resume:
            Entry(
                usage: "OPERATION...", summary: "Puts paused downloads back into the queue.",
                example: "lanspreadctl resume quake")
        case .history:
            Entry(
                usage: "[show OPERATION]",
                summary: "Lists the operations that ended, newest first; or says how one went.",
                example: "lanspreadctl history show 42")
        case .catalog:
            Entry(
                usage: "show|check|init|add|remove ...",
                summary: "Shows the catalog, checks a file, or keeps a catalog of this host's own.",
                example: "lanspreadctl catalog init --from-library", flags: Self.catalogFlags)
        case .events:
            Entry(
                usage: "", summary: "Shows what happens, until it is interrupted.",
                example: "lanspreadctl events --jsonl",
                flags: [
                    Flag(name: "--jsonl", summary: "one JSON value a line, the snapshot first"),
                    Flag(name: "--since", value: "EPOCH:NUMBER", summary: "begin after this event"),
                ])
        case .logs:
            Entry(
                usage: "", summary: "Shows the log of the daemon, by journalctl.",
                example: "lanspreadctl logs --game quake --since 10m", flags: Self.logFlags)
        case .config:
            Entry(
                usage: "[show]", summary: "Shows the settings that are in force.",
                example: "lanspreadctl config show --origin",
                flags: [Flag(name: "--origin", summary: "where each value comes from, and what waits for a restart")])
        case .reload:
            Entry(
                usage: "", summary: "Has the daemon read its settings again; all of them take effect or none.",
                example: "lanspreadctl reload")
        case .identity:
            Entry(
                usage: "[show|renew]", summary: "Prints this host's identity, or makes a new one for the next start.",
                example: "lanspreadctl identity renew",
                flags: [Flag(name: "--yes", summary: "renew without asking")])
        case .shutdown:
            Entry(
                usage: "", summary: "Stops the daemon in order, waits for its end and says what was cut.",
                example: "lanspreadctl shutdown")
        case .help:
            Entry(usage: "[VERB]", summary: "Shows this, or one verb.", example: "lanspreadctl help download")
        case .version:
            Entry(
                usage: "", summary: "Says the versions of lanspreadctl and of the daemon.",
                example: "lanspreadctl version")
        }
    }

    var help: String {
        let entry = entry
        var lines = ["Example:", "  \(entry.example)", "", entry.summary, ""]
        lines.append(["Usage: lanspreadctl", rawValue, entry.usage].filter { !$0.isEmpty }.joined(separator: " "))
        if self == .info || self == .download || self == .install || self == .rescan {
            lines += ["", "A game is named by its id, the beginning of one id only, or its whole title."]
        }
        if self == .cancel || self == .pause || self == .resume {
            lines += ["", "An operation is named by its number, or by its game while it has not ended."]
        }
        if self == .list {
            lines += ["", "TEXT is sought in ids, titles and publishers. What is given has to hold all together."]
        }
        if self == .peer {
            lines += ["", "A peer is named by its identity, the beginning of one identity only, or its whole name."]
        }
        if self == .catalog {
            lines += [
                "", "  catalog show               what is in force, whose it is, and what is left out",
                "  catalog check FILE         what the daemon would take of a game.db; asks no daemon",
                "  catalog init               begins a catalog of this host's own",
                "  catalog add GAME VERSION   adds a game, or gives it another version; the rest stays",
                "  catalog remove GAME        takes a game out; its files stay",
            ]
        }
        if !entry.flags.isEmpty { lines += [""] + Self.describe(entry.flags) }
        lines += ["", "See also: lanspreadctl help"]
        return lines.joined(separator: "\n") + "\n"
    }

    static var overview: String {
        var lines = [
            "Example:", "  lanspreadctl download quake", "", "Talks to the lanspreadd of this host.", "",
            "Usage: lanspreadctl [FLAGS] VERB [WORDS]", "", "Verbs:",
        ]
        for verb in allCases {
            let head = [verb.rawValue, verb.entry.usage].filter { !$0.isEmpty }.joined(separator: " ")
            lines.append("  " + Table.padded(head, 24) + verb.entry.summary)
        }
        lines += ["", "Flags of every verb:"] + describe(globalFlags)
        lines += ["", "lanspreadctl VERB --help shows one verb; lanspreadctl(1) says all, exit codes too."]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func describe(_ flags: [Flag]) -> [String] {
        flags.map { flag in
            let head = flag.value.map { "\(flag.name) \($0)" } ?? flag.name
            return "  " + Table.padded(head, 26) + " " + flag.summary
        }
    }
}
