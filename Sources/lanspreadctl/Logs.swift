import Control
import Glibc
import Linux
import Model

// The verb logs: what journalctl shows of the unit, by our fields. lanspreadctl becomes journalctl, so that the pager,
// Ctrl-C and the exit status are its own.

extension Program {
    func logs() throws(Failure) -> ExitCode {
        try options.expect(0...0)
        var query = JournalQuery()
        query.component = options.value("component")
        query.since = try since()
        query.level = try options.value("level").map { word throws(Failure) in try JournalQuery.priority(word) }
        query.lines = try lines()
        query.follows =
            options.has("follow") || options.has("f") || (isatty(STDOUT_FILENO) == 1 && !options.has("no-follow"))
        query.isJSON = options.json || options.jsonLines
        if let word = options.value("operation") { query.operation = try operationNumber(word) }
        // After what can be wrong with the command line: these two may ask the daemon.
        query.game = options.value("game").map(gameID)
        query.peer = try options.value("peer").map { word throws(Failure) in try peerIdentity(word) }
        guard let journalctl = Journal.program else {
            throw Failure(
                .unreachable, "The log cannot be shown: journalctl is not installed.",
                hint: "Without systemd the log is what lanspreadd writes to its standard error.")
        }
        if Journal.isClosed() {
            throw Failure(
                .notAllowed, "The journal is not open to you.",
                hint: "Become root, or join the group systemd-journal and log in again.")
        }
        switch options.color {
        case "always": setenv("SYSTEMD_COLORS", "1", 1)
        case "never": setenv("SYSTEMD_COLORS", "0", 1)
        default: break
        }
        do throws(LinuxError) {
            try Spawn.become(journalctl, arguments: query.arguments)
        } catch {
            throw Failure(.unreachable, "\(journalctl) cannot be started: \(error.text).")
        }
    }

    private func operationNumber(_ word: String) throws(Failure) -> Int64 {
        guard let number = Int64(word), number > 0 else {
            throw Failure(
                .usage, "\(Text.escaped(word)) is not the number of an operation.", subject: word,
                hint: "lanspreadctl operations shows the numbers.")
        }
        return number
    }

    private func lines() throws(Failure) -> Int? {
        guard let word = options.value("lines") ?? options.value("n") else { return nil }
        guard let count = Int(word), count >= 0 else {
            throw Failure(.usage, "The flag --lines wants a number.", subject: word)
        }
        return count
    }

    /// A time as the other verbs take it is one ago; everything else is journalctl's to understand.
    private func since() throws(Failure) -> String? {
        guard let word = options.value("since") else { return nil }
        guard let ago = try? options.duration("since") else { return word }
        return "-\(ago.components.seconds)s"
    }

    /// What the catalog has forgotten, or what is asked without a daemon, may still be in the journal.
    private func gameID(_ word: String) -> String {
        do throws(Failure) {
            return try GameArgument.resolve(word, try open()).text
        } catch {
            if error.kind == .noSuchGame { Terminal.complain(error) }
            return word
        }
    }

    /// The journal has whole identities. A name, or the beginning of an identity, is looked up among the peers.
    private func peerIdentity(_ word: String) throws(Failure) -> String {
        if let peer = PeerID(hex: word.lowercased()) { return peer.hex }
        let rows = try open().list(.peerList)["peers"]?.array ?? []
        let typed = word.lowercased()
        let found = rows.filter {
            $0["name"]?.string?.lowercased() == typed || $0["peer"]?.string?.hasPrefix(typed) == true
        }
        guard found.count == 1, let identity = found[0]["peer"]?.string, !typed.isEmpty else {
            let several = found.count > 1 && !typed.isEmpty
            throw Failure(
                .noSuchPeer,
                several
                    ? "Several peers are meant by \(Text.escaped(word))." : "No peer is called \(Text.escaped(word)).",
                subject: word,
                hint: "A whole identity finds one that is not here; lanspreadctl peers shows those that are.")
        }
        return identity
    }
}

/// What is asked of the journal.
struct JournalQuery: Hashable {
    var game: String?
    var peer: String?
    var operation: Int64?
    var component: String?
    var level: String?
    var lines: Int?
    /// As journalctl understands it.
    var since: String?
    var follows = false
    var isJSON = false

    private static let priorities = [
        "error": "err", "warning": "warning", "notice": "notice", "info": "info", "debug": "debug",
    ]

    static func priority(_ level: String) throws(Failure) -> String {
        guard let word = priorities[level] else {
            throw Failure(.usage, "The flag --level wants error, warning, notice, info or debug.", subject: level)
        }
        return word
    }

    /// A vector, so nothing in it is ever read by a shell; values follow their flags in one word, so that none of them
    /// is taken for a flag.
    var arguments: [String] {
        var words = ["--unit=lanspreadd.service"]
        if let level { words.append("--priority=\(level)") }
        if let since { words.append("--since=\(since)") }
        if let lines { words.append("--lines=\(lines)") }
        if follows { words.append("--follow") }
        if isJSON { words.append("--output=json") }
        words.append("--")
        if let game { words.append("LANSPREAD_GAME=\(game)") }
        if let peer { words.append("LANSPREAD_PEER=\(peer)") }
        if let operation { words.append("LANSPREAD_OPERATION=\(operation)") }
        if let component { words.append("LANSPREAD_COMPONENT=\(component)") }
        return words
    }
}

/// The journal of this host, from outside.
enum Journal {
    static var program: String? {
        let path = Machine.environment("PATH") ?? ""
        let directories = path.split(separator: ":").filter { $0.hasPrefix("/") } + ["/usr/bin", "/bin"]
        return directories.map { "\($0)/journalctl" }.first { access($0, X_OK) == 0 }
    }

    /// Whether the system's journal is there and this user may read none of it; journalctl would show an empty log.
    static func isClosed(in roots: [String] = ["/var/log/journal", "/run/log/journal"]) -> Bool {
        var isThere = false
        for root in roots {
            guard let directory = try? Files.openDirectory(atPath: root), let entries = try? Beneath.list(directory)
            else { continue }
            for entry in entries {
                let file = "\(root)/\(String(decoding: entry.name, as: UTF8.self))/system.journal"
                if access(file, R_OK) == 0 { return false }
                if errno == EACCES { isThere = true }
            }
        }
        return isThere
    }
}
