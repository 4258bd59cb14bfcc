import CSystemd
import Glibc
package import Runtime

/// Records in the journal, with a field for each id: `journalctl -u lanspreadd LANSPREAD_GAME=quake`.
package struct JournalSink: LogSink {
    private let fallback = StderrSink()

    package init() {}

    package func write(_ record: LogRecord) {
        // A journal that is being restarted refuses; standard error leads to the same place by another way.
        if !send(Self.fields(of: record)) { fallback.write(record) }
    }

    /// "NAME=value" for each field, in the order in which they are sent.
    package static func fields(of record: LogRecord) -> [String] {
        var fields = [
            "MESSAGE=" + LogText.brief(record),
            "PRIORITY=\(record.level.rawValue)",
            "SYSLOG_IDENTIFIER=lanspreadd",
            "LANSPREAD_COMPONENT=" + LogText.value(record.component),
        ]
        if let kind = record.kind { fields.append("MESSAGE_ID=" + kind.messageID) }
        for field in record.fields {
            fields.append("LANSPREAD_" + journalName(field.name) + "=" + LogText.value(field))
        }
        return fields
    }

    /// The journal knows capitals, digits and "_", and no more than 64 of them (systemd.journal-fields(7)).
    private static func journalName(_ name: String) -> String {
        if name == "op" { return "OPERATION" }
        let allowed = name.uppercased().unicodeScalars.map { scalar -> Character in
            ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "_"
        }
        return String(allowed.prefix(48))
    }

    private func send(_ fields: [String]) -> Bool {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for field in fields {
            bytes += Array(field.utf8)
            ends.append(bytes.count)
        }
        return bytes.withUnsafeMutableBytes { all in
            guard let start = all.baseAddress else { return false }
            var begin = 0
            let vectors = ends.map { end in
                defer { begin = end }
                return iovec(iov_base: start + begin, iov_len: end - begin)
            }
            return sd_journal_sendv(vectors, Int32(vectors.count)) == 0
        }
    }
}
