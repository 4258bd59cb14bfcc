/// Draws the operations that are waited for: one line each that is drawn again, or plain lines now and then.
struct ProgressView {
    /// A line is written again when so much has come.
    private static let stepPercent = 10
    /// And at least so often.
    static let reminder = Duration.seconds(30)
    /// Ten a second: faster is flicker.
    private static let redrawInterval = Duration.milliseconds(100)

    private struct Written {
        var phase = ""
        var percent = 0
        var reminder = Deadline(ProgressView.reminder)
    }

    private let terminal: Terminal
    private let isHidden: Bool
    private var linesDrawn = 0
    private var nextDrawing = Deadline(.zero)
    private var written: [Int64: Written] = [:]

    init(_ terminal: Terminal, isHidden: Bool) {
        self.terminal = terminal
        self.isHidden = isHidden || terminal.isQuiet
    }

    /// When `show` is wanted although nothing came.
    var deadline: Deadline { Deadline(isHidden ? nil : terminal.canRedraw ? .seconds(1) : Self.reminder) }

    mutating func show(_ operations: [OperationView], isLast: Bool = false) {
        if isHidden { return }
        if terminal.canRedraw {
            guard isLast || nextDrawing.hasPassed else { return }
            nextDrawing = Deadline(Self.redrawInterval)
            draw(operations.filter { !$0.isEnded })
        } else {
            for operation in operations where !operation.isEnded { writeWhenDue(operation) }
        }
    }

    /// Takes the drawn lines away, so that something else can be said.
    mutating func clear() {
        guard linesDrawn > 0 else { return }
        terminal.draw(rewind + "\u{1b}[J")
        linesDrawn = 0
        nextDrawing = Deadline(.zero)
    }

    // MARK: - A terminal

    private var rewind: String { linesDrawn > 1 ? "\r\u{1b}[\(linesDrawn - 1)A" : "\r" }

    private mutating func draw(_ operations: [OperationView]) {
        // One column stays free: a full last column makes some terminals begin a new line.
        let columns = max(20, terminal.messageColumns - 1)
        let heads = operations.map { "\($0.game)  \($0.phaseText)" }
        let width = heads.reduce(0) { max($0, $1.count) }
        let lines = zip(operations, heads).map { operation, head in
            let blanks = String(repeating: " ", count: width - head.count)
            return Self.line(operation, head + blanks, columns, Bar.forLocale) + "\u{1b}[K"
        }
        // The cursor waits at the left edge: there the echo of a Ctrl-C cannot begin a new line.
        terminal.draw((linesDrawn > 0 ? rewind : "") + lines.joined(separator: "\r\n") + "\u{1b}[J\r")
        linesDrawn = lines.count
    }

    /// Name and phase, bar, percent, bytes, rate, time left, sources; where the room is short, first the bytes go, then
    /// the sources, the rate, the time and last the bar.
    private static func line(_ view: OperationView, _ head: String, _ columns: Int, _ bar: Bar) -> String {
        guard let percent = view.percent, view.phase != "waiting_for_source" else { return Table.cut(head, columns) }
        let number = "\(percent) %"
        let sources = view.phase == "downloading" ? [Figures.count(view.sources, "source")] : []
        let left = view.secondsLeft.map { [Figures.seconds($0) + " left"] } ?? []
        let rate = view.rate > 0 ? [Figures.rate(view.rate)] : []
        let bytes = ["\(Figures.bytes(view.done)) of \(Figures.bytes(view.total))"]
        let choices = [
            bytes + rate + left + sources, rate + left + sources, rate + left, left, [],
        ]
        for tail in choices {
            let words = ([number] + tail).joined(separator: "  ")
            let room = columns - head.count - words.count - 4
            if room >= 10 { return "\(head)  \(bar.text(percent, min(room, 40)))  \(words)" }
        }
        return Table.cut("\(head)  \(number)", columns)
    }

    // MARK: - Elsewhere

    private mutating func writeWhenDue(_ view: OperationView) {
        var last = written[view.number] ?? Written()
        let percent = view.percent ?? 0
        let isDue = percent >= last.percent + Self.stepPercent || last.reminder.hasPassed || percent < last.percent
        guard isDue || view.phase != last.phase else { return }
        let hasStep = view.phase == last.phase || percent > 0
        last = Written(phase: view.phase, percent: percent - percent % Self.stepPercent)
        written[view.number] = last
        var line = "\(view.game): \(view.phaseText)"
        if view.total > 0, hasStep, view.phase != "waiting_for_source" {
            line += ", \(percent) % of \(Figures.bytes(view.total))"
            if view.rate > 0 { line += ", \(Figures.rate(view.rate))" }
            if view.phase == "downloading" { line += ", \(Figures.count(view.sources, "source"))" }
        }
        terminal.message(line)
    }
}

/// How a bar looks.
struct Bar {
    let full: String
    let empty: String
    let ends: (String, String)

    static var forLocale: Bar {
        Terminal.isUnicode
            ? Bar(full: "█", empty: "░", ends: ("", "")) : Bar(full: "#", empty: "-", ends: ("[", "]"))
    }

    func text(_ percent: Int, _ width: Int) -> String {
        let room = max(1, width - ends.0.count - ends.1.count)
        let done = min(room, room * percent / 100)
        return ends.0 + String(repeating: full, count: done) + String(repeating: empty, count: room - done) + ends.1
    }
}
