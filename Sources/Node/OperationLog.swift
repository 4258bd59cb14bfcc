import Model
package import Runtime
import Synchronization

/// What the log says of each operation that has not ended, kept for the history; every record also goes where it went.
///
/// A lock and not an actor: a sink is called from any thread and never waits.
package final class OperationLog: LogSink {
    /// One line as people read it.
    package struct Line: Sendable, Hashable, Codable {
        /// RFC 3339, UTC.
        package let time: String
        package let level: String
        package let text: String
    }

    /// The first lines say what it is about and the last how it ended; what is too much goes from between.
    private struct Lines {
        var first: [Line]
        var last: [Line] = []
        var dropped = 0

        mutating func append(_ line: Line) {
            if first.count < Limits.historyLinesFirst { return first.append(line) }
            last.append(line)
            guard last.count > Limits.historyLinesLast else { return }
            last.removeFirst()
            dropped += 1
        }

        var all: [Line] {
            guard dropped > 0, let next = last.first else { return first + last }
            return first + [Line(time: next.time, level: "info", text: "(\(dropped) lines are left out)")] + last
        }
    }

    private let inner: any LogSink
    private let timestamp: @Sendable () -> String
    private let kept = Mutex<[String: Lines]>([:])

    package init(_ inner: any LogSink, timestamp: @escaping @Sendable () -> String = { Timestamp.now }) {
        self.inner = inner
        self.timestamp = timestamp
    }

    package func write(_ record: LogRecord) {
        inner.write(record)
        guard record.level > .debug, let field = record.fields.first(where: { $0.name == "op" }) else { return }
        let line = Line(
            time: timestamp(), level: record.level.word,
            text: Text.escaped(LogText.line(record), limit: Limits.historyLineBytes))
        kept.withLock { $0[field.value]?.append(line) }
    }

    /// From here on its lines are kept, after those of an earlier life; nothing changes when they are already.
    func open(_ id: OperationID, after earlier: [Line] = []) {
        kept.withLock { kept in
            guard kept[id.description] == nil else { return }
            var lines = Lines(first: [])
            for line in earlier { lines.append(line) }
            kept[id.description] = lines
        }
    }

    func lines(of id: OperationID) -> [Line]? { kept.withLock { $0[id.description]?.all } }

    func close(_ id: OperationID) { kept.withLock { _ = $0.removeValue(forKey: id.description) } }
}
