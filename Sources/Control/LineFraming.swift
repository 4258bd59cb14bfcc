/// Cuts a stream of bytes into lines of at most `limit` bytes; both ends of the socket read through it.
///
/// Total and bounded: it holds one unfinished line and what one read brought.
package struct LineFraming: Sendable {
    package enum Line: Hashable, Sendable {
        case line([UInt8])
        /// The stream cannot be trusted to be in step any more: nothing comes after it.
        case tooLong
    }

    package let limit: Int
    private var ready: ArraySlice<Line> = []
    private var partial: [UInt8] = []
    private var isBroken = false

    package init(limit: Int) {
        precondition(limit > 0, "a line of no bytes")
        self.limit = limit
    }

    /// Whether bytes of a line are here whose end is not.
    package var isInsideLine: Bool { !partial.isEmpty }
    package var hasLines: Bool { !ready.isEmpty }

    package mutating func append(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        while !isBroken, let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            finish(rest[..<newline])
            rest = rest[(newline + 1)...]
        }
        guard !isBroken, !rest.isEmpty else { return }
        if partial.count + rest.count > limit { breakOff() } else { partial.append(contentsOf: rest) }
    }

    package mutating func next() -> Line? { ready.popFirst() }

    private mutating func finish(_ end: ArraySlice<UInt8>) {
        guard partial.count + end.count <= limit else { return breakOff() }
        let line = partial + end
        partial.removeAll()
        // A blank line is what a person at a terminal types; it asks for nothing.
        if line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }) { ready.append(.line(line)) }
    }

    private mutating func breakOff() {
        isBroken = true
        partial.removeAll()
        ready.append(.tooLong)
    }
}
