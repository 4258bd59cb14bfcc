import Runtime
import TestKit
import Testing

@Suite struct `A log` {
    private let clock = ManualClock()
    private let sink = TraceSink()

    private var log: Log { Log(component: "net", sink: sink, level: .info, time: clock) }
    private var lines: [String] { sink.trace.events.map(LogText.line) }

    @Test func `writes component, sentence and fields`() {
        log.component("peers").notice(
            "A peer appeared.", kind: "peer_appeared", .peer("4F2A"), .field("name", "Living room"), .field("e", ""))
        #expect(lines == [#"peers  A peer appeared.  peer=4F2A name="Living room" e="""#])
        #expect(sink.trace.events.first?.kind == "peer_appeared")
    }

    @Test func `leaves out what is below its level, which can change`() {
        let log = log
        log.debug("Not seen.")
        log.component("x").level = .debug
        log.debug("Seen.")
        #expect(lines == ["net  Seen."])
        #expect(LogLevel.error > LogLevel.debug)
        #expect(LogLevel("notice") == .notice)
        #expect(LogLevel("loud") == nil)
    }

    @Test func `counts what a component repeats`() {
        let log = log
        for _ in 0..<5 {
            log.info("Again.", .game("quake"))
            log.component("other").info("Between.")
        }
        log.info("Again.", .game("doom"))
        #expect(
            lines == [
                "net  Again.  game=quake", "other  Between.", "net  Again.  game=quake repeated=4",
                "net  Again.  game=doom",
            ])
        log.flush()
        #expect(lines.last == "other  Between.  repeated=4")
    }

    @Test func `reminds of a repeat after a minute`() {
        let log = log
        log.info("Again.")
        log.info("Again.")
        clock.advance(by: .seconds(60))
        log.info("Again.")
        #expect(lines == ["net  Again.", "net  Again.  repeated=2"])
        log.flush()
        #expect(lines == ["net  Again.", "net  Again.  repeated=2"])
    }

    @Test func `makes text from outside harmless`() {
        #expect(LogText.value("a\nb\u{1b}[31m\u{202e}x\u{0}") == #"a\u{a}b\u{1b}[31m\u{202e}x\u{0}"#)
        #expect(LogText.value("Grüße 🎮") == "Grüße 🎮")
        log.info("s", .field("v", #"say "no" = \"#))
        #expect(lines == [#"net  s  v="say \"no\" = \\""#])
        #expect(LogText.value(String(repeating: "x", count: 5_000)) == String(repeating: "x", count: 128) + "…")
        let path = "/" + String(repeating: "p", count: 1_000)
        #expect(LogText.value(.path("games", path)) == path)
        #expect(LogText.value(.field("name", path)).utf8.count < 140)
    }

    @Test func `has the whole identity of a peer, or its beginning where the fields stand beside it`() {
        let peer = String(repeating: "4f", count: 32)
        log.info("A peer appeared.", .peer(peer))
        #expect(lines == ["net  A peer appeared.  peer=\(peer)"])
        let brief = sink.trace.events.map(LogText.brief)
        #expect(brief == ["net  A peer appeared.  peer=4f4f4f4f"])
    }

    @Test func `says what it is about in every record, but for what the record says itself`() {
        let voice = log.about(.operation(7), .game("quake"))
        voice.info("One.")
        voice.component("other").info("Two.", .game("doom"))
        #expect(lines == ["net  One.  op=7 game=quake", "other  Two.  game=doom op=7"])
    }

    @Test func `names a kind by an id that never changes`() {
        #expect(LogKind("operation_failed").messageID == LogKind("operation_failed").messageID)
        #expect(LogKind("a").messageID != LogKind("b").messageID)
        #expect(LogKind("runtime_failed").messageID == "8073c2d924eace0e1e58635eb86bfbef")
    }
}
