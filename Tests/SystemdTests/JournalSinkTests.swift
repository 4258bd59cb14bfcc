import Runtime
import Systemd
import Testing

@Suite struct `A journal record` {
    private static let peer = String(repeating: "4f", count: 32)

    @Test func `has a field for each id, and the same words for a person`() {
        let record = LogRecord(
            level: .warning, component: "transfer", sentence: "Quake was not downloaded.", kind: "operation_failed",
            fields: [.game("quake"), .peer(Self.peer), .operation(17), .field("bad-näme", "a\nPRIORITY=0")])
        let fields = JournalSink.fields(of: record)
        #expect(
            fields == [
                "MESSAGE=transfer  Quake was not downloaded.  game=quake peer=4f4f4f4f op=17 "
                    + #"bad-näme="a\\u{a}PRIORITY=0""#,
                "PRIORITY=4", "SYSLOG_IDENTIFIER=lanspreadd", "LANSPREAD_COMPONENT=transfer",
                "MESSAGE_ID=" + LogKind("operation_failed").messageID, "LANSPREAD_GAME=quake",
                "LANSPREAD_PEER=\(Self.peer)",
                "LANSPREAD_OPERATION=17", #"LANSPREAD_BAD_N_ME=a\u{a}PRIORITY=0"#,
            ])
    }

    @Test func `is written elsewhere when there is no journal`() {
        // There is none here or there is one: neither may fail or wait.
        JournalSink().write(LogRecord(level: .debug, component: "test", sentence: "Test.", kind: nil, fields: []))
    }
}
