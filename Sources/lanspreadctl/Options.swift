import Control
import Linux

/// What the command line says, before anybody was asked.
struct Options {
    var verb = Verb.help
    var words: [String] = []
    var wantsHelp = false

    var socketPath = Machine.environment("LANSPREAD_SOCKET") ?? "/run/lanspread/control.sock"
    var json = false
    var jsonLines = false
    var noLegend = false
    var quiet = false
    var noProgress = false
    var color = "auto"

    /// Flags of the verb that were given, without dashes; a flag without a value has "".
    private(set) var given: [String: String] = [:]

    func has(_ flag: String) -> Bool { given[flag] != nil }
    func value(_ flag: String) -> String? { given[flag] }

    /// - Throws: a `usage` failure with what to type instead.
    init(_ arguments: [String]) throws(Failure) {
        var rest = arguments[...]
        var verbWord: String?
        var verb: Verb?
        while let word = rest.popFirst() {
            if word == "--" {
                words += rest
                break
            }
            if word == "-h" || word == "--help" {
                wantsHelp = true
            } else if word.hasPrefix("-"), word != "-" {
                try take(word, &rest, verb)
            } else if verbWord == nil {
                verbWord = word
                guard let known = Verb(rawValue: word) else { throw Self.unknownVerb(word) }
                verb = known
            } else {
                words.append(word)
            }
        }
        if words.first != nil, verbWord == nil { throw Self.unknownVerb(words[0]) }
        self.verb = verb ?? (given["version"] != nil ? .version : .help)
        if verb == nil { wantsHelp = false }
    }

    private mutating func take(_ word: String, _ rest: inout ArraySlice<String>, _ verb: Verb?) throws(Failure) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        var inline = parts.count > 1 ? String(parts[1]) : nil
        let flags = Verb.globalFlags + (verb?.entry.flags ?? [])
        guard let flag = flags.first(where: { $0.name == name }) else {
            let place = verb.map { "lanspreadctl \($0.rawValue)" } ?? "lanspreadctl"
            let near = Suggestion.nearest(to: name, among: flags.map(\.name))
            let help = verb.map { "lanspreadctl \($0.rawValue) --help" } ?? "lanspreadctl help"
            throw Failure(
                .usage, "\(place) has no flag \(name).",
                hint: near.map { "Did you mean \($0)?" } ?? "See: \(help)")
        }
        if flag.value == nil, inline != nil { throw Failure(.usage, "The flag \(name) takes no value.") }
        if flag.value != nil, inline == nil { inline = rest.popFirst() }
        if let wanted = flag.value, inline == nil { throw Failure(.usage, "The flag \(name) wants \(wanted).") }
        try set(name, inline ?? "")
    }

    private mutating func set(_ name: String, _ value: String) throws(Failure) {
        switch name {
        case "--socket": socketPath = value
        case "--json": json = true
        case "--jsonl": jsonLines = true
        case "--no-legend": noLegend = true
        case "--quiet", "-q": quiet = true
        case "--no-progress": noProgress = true
        case "--color":
            guard ["auto", "always", "never"].contains(value) else {
                throw Failure(.usage, "The flag --color wants auto, always or never.")
            }
            color = value
        default: given[String(name.drop { $0 == "-" })] = value
        }
    }

    private static func unknownVerb(_ word: String) -> Failure {
        let near = Suggestion.nearest(to: word, among: Verb.allCases.map(\.rawValue))
        return Failure(
            .usage, "lanspreadctl has no verb \(word).", subject: word,
            hint: near.map { "Did you mean \($0)?" } ?? "See: lanspreadctl help")
    }

    // MARK: - Values of flags

    /// Seconds, or a number with s, m or h behind it.
    func duration(_ flag: String) throws(Failure) -> Duration? {
        guard let text = given[flag] else { return nil }
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600]
        let factor = text.last.flatMap { units[$0] }
        let number = Double(factor == nil ? text[...] : text.dropLast())
        guard let number, number >= 0, number * (factor ?? 1) <= 31_536_000 else {
            throw Failure(.usage, "The flag --\(flag) wants a time, as 90, 90s or 5m.")
        }
        return .milliseconds(Int64(number * (factor ?? 1) * 1_000))
    }

    /// Exactly so many words after the verb.
    func expect(_ count: ClosedRange<Int>) throws(Failure) {
        guard !count.contains(words.count) else { return }
        let wanted = verb.entry.usage.filter { $0 != "." }
        let problem = words.count < count.lowerBound ? "needs \(wanted)" : "does not take \(words[count.upperBound])"
        throw Failure(
            .usage, "lanspreadctl \(verb.rawValue) \(problem).", hint: "See: lanspreadctl \(verb.rawValue) --help")
    }
}
