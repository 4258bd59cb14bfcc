import Linux
import Synchronization

/// How much the operator has to do, with the numbers of syslog.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// The operator must act.
    case error = 3
    /// Something is degraded.
    case warning = 4
    /// The life of the daemon.
    case notice = 5
    case info = 6
    case debug = 7

    /// A more important level is greater.
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue > right.rawValue }

    package init?(_ word: String) {
        guard let level = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = level
    }

    package var word: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .notice: "notice"
        case .info: "info"
        case .debug: "debug"
        }
    }
}

/// What kind of thing happened, for records that are searched for: the same word always has the same MESSAGE_ID.
package struct LogKind: Hashable, Sendable, ExpressibleByStringLiteral {
    package let word: String

    package init(_ word: String) {
        self.word = word
    }

    package init(stringLiteral word: String) {
        self.init(word)
    }

    /// 32 hexadecimal digits, made from the word alone (FNV-1a of 128 bits), so that no table has to be kept.
    package var messageID: String {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in ("lanspread." + word).utf8 {
            hash ^= UInt128(byte)
            hash = hash &* 0x0000_0000_0100_0000_0000_0000_0000_013b
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

/// An id or a figure beside the sentence.
package struct LogField: Hashable, Sendable {
    /// Lower case, as it stands before the "=".
    package let name: String
    package let value: String
    /// Of its text in a record: what is longer came from outside, but for our own paths.
    let limitBytes: Int

    package static func game(_ value: some CustomStringConvertible) -> LogField { field("game", value) }
    /// The whole identity.
    package static func peer(_ value: some CustomStringConvertible) -> LogField { field("peer", value) }
    package static func operation(_ value: some CustomStringConvertible) -> LogField { field("op", value) }
    package static func field(_ name: String, _ value: some CustomStringConvertible) -> LogField {
        LogField(name: name, value: value.description, limitBytes: LogText.valueBytes)
    }

    /// A path that an administrator chose.
    package static func path(_ name: String, _ path: String) -> LogField {
        LogField(name: name, value: path, limitBytes: LogText.pathBytes)
    }
}

/// One thing that happened; its texts are as they came and every sink escapes them.
package struct LogRecord: Hashable, Sendable {
    package let level: LogLevel
    package let component: String
    package let sentence: String
    package let kind: LogKind?
    package let fields: [LogField]

    package init(level: LogLevel, component: String, sentence: String, kind: LogKind?, fields: [LogField]) {
        self.level = level
        self.component = component
        self.sentence = sentence
        self.kind = kind
        self.fields = fields
    }
}

/// Where records go; called from any thread, never for the same logger at once.
package protocol LogSink: Sendable {
    func write(_ record: LogRecord)
}

/// The voice of one component.
///
/// What it says again and again, or in turns with something else, is counted instead of repeated: see `LogGate`.
package struct Log: Sendable {
    private final class Core: Sendable {
        let sink: any LogSink
        let time: any TimeSource
        let level: Atomic<Int>
        let gate = Locked(LogGate())

        init(_ sink: any LogSink, _ level: LogLevel, _ time: any TimeSource) {
            self.sink = sink
            self.time = time
            self.level = Atomic(level.rawValue)
        }
    }

    private let core: Core
    private let name: String
    /// Stand in every record of this voice.
    private let context: [LogField]

    private init(core: Core, name: String, context: [LogField] = []) {
        self.core = core
        self.name = name
        self.context = context
    }

    package init(
        component: String, sink: any LogSink, level: LogLevel, time: any TimeSource = MonotonicTime()
    ) {
        self.init(core: Core(sink, level, time), name: component)
    }

    /// The same log in the voice of another component.
    package func component(_ name: String) -> Log {
        Log(core: core, name: name, context: context)
    }

    /// The same voice about one thing, for whoever does not know what it is working for: these fields stand in each of
    /// its records, unless the record has one of that name.
    package func about(_ fields: LogField...) -> Log {
        Log(core: core, name: name, context: context + fields)
    }

    /// Says nothing.
    package static let silent = Log(component: "", sink: SilentSink(), level: .error)

    /// Of all components of this log.
    package var level: LogLevel {
        get { LogLevel(rawValue: core.level.load(ordering: .relaxed)) ?? .info }
        nonmutating set { core.level.store(newValue.rawValue, ordering: .relaxed) }
    }

    package func error(_ sentence: @autoclosure () -> String, kind: LogKind? = nil, _ fields: LogField...) {
        write(.error, sentence, kind, fields)
    }

    package func warning(_ sentence: @autoclosure () -> String, kind: LogKind? = nil, _ fields: LogField...) {
        write(.warning, sentence, kind, fields)
    }

    package func notice(_ sentence: @autoclosure () -> String, kind: LogKind? = nil, _ fields: LogField...) {
        write(.notice, sentence, kind, fields)
    }

    package func info(_ sentence: @autoclosure () -> String, kind: LogKind? = nil, _ fields: LogField...) {
        write(.info, sentence, kind, fields)
    }

    package func debug(_ sentence: @autoclosure () -> String, kind: LogKind? = nil, _ fields: LogField...) {
        write(.debug, sentence, kind, fields)
    }

    /// For a record whose fields are counted at run time.
    package func write(_ level: LogLevel, _ sentence: String, kind: LogKind? = nil, _ fields: [LogField]) {
        write(level, { sentence }, kind, fields)
    }

    private func write(_ level: LogLevel, _ sentence: () -> String, _ kind: LogKind?, _ fields: [LogField]) {
        guard level.rawValue <= core.level.load(ordering: .relaxed) else { return }
        let known = context.filter { field in !fields.contains { $0.name == field.name } }
        let record = LogRecord(level: level, component: name, sentence: sentence(), kind: kind, fields: fields + known)
        let now = core.time.now
        // Written under the lock: two threads' records must not change places with a count between them.
        core.gate.withLock { gate in
            for record in gate.admit(record, now: now) { core.sink.write(record) }
        }
    }

    /// Writes the counts whose minute has passed; for whoever is awake anyway.
    package func settle() {
        let now = core.time.now
        core.gate.withLock { gate in
            for record in gate.settle(now: now) { core.sink.write(record) }
        }
    }

    /// Writes the counts that are still held back; at the end of the daemon.
    package func flush() {
        let now = core.time.now
        core.gate.withLock { gate in
            for record in gate.flush(now: now) { core.sink.write(record) }
        }
    }
}

private struct SilentSink: LogSink {
    func write(_ record: LogRecord) {}
}
