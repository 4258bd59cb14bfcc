import Glibc
import Linux

/// Where the words go: stdout has the data, stderr the progress and the messages.
struct Terminal {
    enum Style: String {
        case plain = ""
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    let isQuiet: Bool
    let hasColor: Bool
    /// Nil when stdout is no terminal: then nothing is cut.
    let outputColumns: Int?
    /// Whether lines on stderr can be drawn again.
    let canRedraw: Bool

    init(_ options: Options) {
        let isDumb = (Machine.environment("TERM") ?? "dumb") == "dumb"
        let refusesColor = (Machine.environment("NO_COLOR") ?? "") != ""
        let isOutput = isatty(STDOUT_FILENO) == 1
        switch options.color {
        case "always": hasColor = true
        case "never": hasColor = false
        default: hasColor = isOutput && !isDumb && !refusesColor
        }
        isQuiet = options.quiet
        outputColumns = isOutput ? Self.columns(STDOUT_FILENO) : nil
        canRedraw = isatty(STDERR_FILENO) == 1 && !isDumb
    }

    /// Asked again for every drawing: a window changes its size.
    var messageColumns: Int { Self.columns(STDERR_FILENO) }

    private static func columns(_ fd: Int32) -> Int {
        var size = winsize()
        guard ioctl(fd, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Whether the locale shows more than ASCII.
    static var isUnicode: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = Machine.environment(name), !value.isEmpty else { continue }
            let lower = value.lowercased()
            return lower.contains("utf-8") || lower.contains("utf8")
        }
        return false
    }

    func paint(_ text: String, _ style: Style) -> String {
        hasColor && style != .plain ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    // MARK: - Asking

    /// Whether somebody reads what is asked and can answer.
    static var hasPerson: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Only "y" and "yes" are a yes.
    func asks(_ question: String) -> Bool {
        draw("\(question) [y/N] ")
        let answer = (readLine() ?? "").lowercased().filter { $0 != " " }
        return answer == "y" || answer == "yes"
    }

    // MARK: - Writing

    func data(_ text: String) { Self.write(STDOUT_FILENO, text) }

    func data(_ bytes: [UInt8]) { Self.write(STDOUT_FILENO, bytes) }

    /// A sentence for people.
    func message(_ text: String) {
        if !isQuiet { Self.write(STDERR_FILENO, text + "\n") }
    }

    /// What is said even to those who want quiet.
    static func complain(_ text: String) { write(STDERR_FILENO, text + "\n") }

    func draw(_ text: String) { Self.write(STDERR_FILENO, text) }

    private static func write(_ fd: Int32, _ text: String) { write(fd, Array(text.utf8)) }

    private static func write(_ fd: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nobody reads any more; the exit code still says how it went.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
