/// Rows in columns, cut to the terminal and never cut when piped.
struct Table {
    struct Cell {
        let text: String
        var style = Terminal.Style.plain

        init(_ text: String, _ style: Terminal.Style = .plain) {
            self.text = text
            self.style = style
        }
    }

    struct Column {
        let title: String
        var isNumber = false
        /// Gives way when the terminal is narrow.
        var canShrink = false
    }

    let columns: [Column]
    var rows: [[Cell]] = []

    private static let gap = "  "
    private static let narrowest = 8

    init(_ columns: [Column]) { self.columns = columns }

    /// `room` is nil for a pipe.
    func text(_ terminal: Terminal, legend: Bool) -> String {
        let widths = self.widths(room: terminal.outputColumns, legend: legend)
        var lines: [String] = []
        if legend { lines.append(line(columns.map { Cell($0.title, .bold) }, widths, terminal)) }
        for row in rows { lines.append(line(row, widths, terminal)) }
        return lines.map { $0 + "\n" }.joined()
    }

    private func widths(room: Int?, legend: Bool) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(legend ? columns[index].title.count : 0) { max($0, $1[index].text.count) }
        }
        guard let room else { return widths }
        while widths.reduce(0, +) + Self.gap.count * (widths.count - 1) > room {
            let shrinkable = columns.indices.filter { columns[$0].canShrink && widths[$0] > Self.narrowest }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { return widths }
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ row: [Cell], _ widths: [Int], _ terminal: Terminal) -> String {
        var parts: [String] = []
        for (index, cell) in row.enumerated() {
            let text = Self.cut(cell.text, widths[index])
            let blanks = String(repeating: " ", count: max(0, widths[index] - text.count))
            let painted = terminal.paint(text, cell.style)
            let isLast = index == row.count - 1
            parts.append(columns[index].isNumber ? blanks + painted : isLast ? painted : painted + blanks)
        }
        return parts.joined(separator: Self.gap)
    }

    static func cut(_ text: String, _ width: Int) -> String {
        guard text.count > width else { return text }
        return text.prefix(max(0, width - 1)) + (Terminal.isUnicode ? "…" : "~")
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
