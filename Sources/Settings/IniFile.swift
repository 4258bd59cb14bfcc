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

/// A configuration file as lines; what they mean is not decided here.
///
/// inih as the distributions build it does not tell line numbers, so it reads through us and we count.
struct IniFile {
    let path: String
    let lines: [IniLine]

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
        if let line = source.tooLong {
            throw .invalid(file: path, line: line, reason: "The line is too long.")
        }
        if let line = source.notText {
            throw .invalid(file: path, line: line, reason: "The line is not UTF-8.")
        }
        if code > 0 {
            throw .invalid(file: path, line: Int(code), reason: "The line is neither [section] nor key = value.")
        }
        guard code == 0 else { throw .unreadable(file: path, code: ENOMEM) }
        self.path = path
        lines = source.lines
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

    // MARK: - inih

    /// What the two callbacks share; they run inside `ini_parse_stream` only.
    private final class Source {
        let bytes: [UInt8]
        var position = 0
        var line = 0
        var lines: [IniLine] = []
        var tooLong: Int?
        var notText: Int?

        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// As fgets: one line with its end into `buffer`, or nil at the end of the file.
    private static let reader: ini_reader = { buffer, room, context in
        guard let buffer, let context, room > 1 else { return nil }
        let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
        guard source.position < source.bytes.count, source.tooLong == nil else { return nil }
        let rest = source.bytes[source.position...]
        let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? source.bytes.count
        source.line += 1
        guard end - source.position < Int(room) else {
            source.tooLong = source.line
            return nil
        }
        for (index, byte) in source.bytes[source.position..<end].enumerated() {
            buffer[index] = CChar(bitPattern: byte)
        }
        buffer[end - source.position] = 0
        source.position = end
        return buffer
    }

    private static let handler: ini_handler = { context, section, name, value in
        guard let context, let section, let name, let value else { return 1 }
        let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
        guard let section = String(validatingCString: section), let name = String(validatingCString: name),
            let value = String(validatingCString: value)
        else {
            source.notText = source.notText ?? source.line
            return 1
        }
        source.lines.append(IniLine(line: source.line, section: section, key: name, value: value))
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
