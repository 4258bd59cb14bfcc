import CInih
import Glibc
import Model

/// One `key = value` of a file.
struct IniLine: Hashable {
    let line: Int
    let section: String
    let key: String
    let value: String
}

/// A configuration file as lines, with the manners of systemd's own files; what they mean is not decided here.
///
/// inih reads through us: as the distributions build it, it does not tell line numbers, takes an indented line for more
/// of the value above it, cuts a value at " ;", and holds no line of 200 bytes.
struct IniFile {
    let path: String
    let lines: [IniLine]
    /// Lines that say nothing; the others were read all the same.
    let faults: [SettingsError]

    /// - Throws: when the file as a whole cannot be read.
    init(path: String) throws(SettingsError) {
        try self.init(path: path, bytes: try IniFile.read(path))
    }

    init(path: String, bytes: [UInt8]) throws(SettingsError) {
        guard !bytes.contains(0) else { throw .invalid(file: path, line: 0, reason: "It holds a zero byte.") }
        let source = Source(bytes)
        let context = Unmanaged.passUnretained(source).toOpaque()
        let code = withExtendedLifetime(source) {
            ini_parse_stream(IniFile.reader, context, IniFile.handler, context)
        }
        guard code >= 0 else { throw .unreadable(file: path, code: ENOMEM) }
        self.path = path
        lines = source.lines
        // inih names the first line only that it did not understand, by the count of what it was given.
        if code > 0, source.given.indices.contains(Int(code) - 1) {
            source.faults[source.given[Int(code) - 1].line] = IniFile.nothingKnown
        }
        faults = source.faults.sorted { $0.key < $1.key }.map { line, reason in
            .invalid(file: path, line: line, reason: reason)
        }
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static let nothingKnown = "The line is neither [section] nor key = value."

    // MARK: - inih

    /// What the two callbacks share; they run inside `ini_parse_stream` only.
    private final class Source {
        private let bytes: [UInt8]
        private var position = 0
        private var line = 0
        /// What inih was given, with the number of the line where each begins.
        var given: [(line: Int, text: [UInt8])] = []
        var lines: [IniLine] = []
        var faults: [Int: String] = [:]

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        /// A whole line without its end and its indentation; empty for a comment. A backslash at the end goes on with
        /// the next line that is no comment. Nil at the end of the file.
        func next() -> [UInt8]? {
            guard var text = physical() else { return nil }
            let start = line
            while !IniFile.isComment(text), text.last == UInt8(ascii: "\\") {
                text.removeLast()
                text.append(UInt8(ascii: " "))
                var more = physical()
                while let comment = more, IniFile.isComment(comment) { more = physical() }
                guard let more else { break }
                text += more
            }
            if IniFile.isComment(text) { text = [] }
            if String(validating: text, as: UTF8.self) == nil {
                faults[start] = "The line is not UTF-8."
                text = []
            }
            given.append((start, text))
            return text
        }

        private func physical() -> [UInt8]? {
            guard position < bytes.count else { return nil }
            let rest = bytes[position...]
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            position = end + 1
            line += 1
            var text = rest[..<end]
            if text.last == UInt8(ascii: "\r") { text.removeLast() }
            return Array(text.drop(while: IniFile.isBlank))
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func isComment(_ text: [UInt8]) -> Bool {
        text.first == UInt8(ascii: "#") || text.first == UInt8(ascii: ";")
    }

    /// As fgets: one line into `buffer`, or nil at the end of the file. The beginning is enough: the key is there, and
    /// the value is not taken from inih.
    private static let reader: ini_reader = { buffer, room, context in
        guard let buffer, let context, room > 1 else { return nil }
        let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
        guard let text = source.next() else { return nil }
        let beginning = text.prefix(Int(room) - 2) + [UInt8(ascii: "\n")]
        for (index, byte) in beginning.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        buffer[beginning.count] = 0
        return buffer
    }

    private static let handler: ini_handler = { context, section, name, _ in
        guard let context, let section, let name else { return 1 }
        let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
        guard let (line, text) = source.given.last else { return 1 }
        // inih takes "key: value" as well.
        let separator = text.firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }
        guard let separator, text[separator] == UInt8(ascii: "=") else {
            source.faults[line] = nothingKnown
            return 1
        }
        var value = text[(separator + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        source.lines.append(
            IniLine(
                line: line, section: String(cString: section), key: String(cString: name),
                value: String(decoding: value, as: UTF8.self)))
        return 1
    }

    // MARK: - Bytes

    private static func read(_ path: String) throws(SettingsError) -> [UInt8] {
        // Not blocking: a FIFO in place of the file must not hold the start up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(file: path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(file: path, code: errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= Limits.configurationBytes else {
                let reason = "It has more than \(Limits.configurationBytes) bytes."
                throw .invalid(file: path, line: 0, reason: reason)
            }
        }
    }
}
