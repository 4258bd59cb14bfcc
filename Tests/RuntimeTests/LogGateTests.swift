import TestKit
import Testing

@testable import Runtime

@Suite struct `What a log holds back` {
    private let clock = ManualClock()
    private let sink = TraceSink()

    private var log: Log { Log(component: "net", sink: sink, level: .debug, time: clock) }
    private var lines: [String] { sink.trace.events.map(LogText.line) }

    @Test func `are records that take turns, after the third time in a minute`() {
        let log = log
        for _ in 0..<50 {
            log.info("It came.", .peer("a"))
            log.info("It went.", .peer("a"))
        }
        let turn = ["net  It came.  peer=a", "net  It went.  peer=a"]
        #expect(lines == turn + turn + turn)
        clock.advance(by: .seconds(60))
        log.settle()
        #expect(Array(lines.dropFirst(6)) == turn.map { $0 + " repeated=47" })
        // A minute in which it goes on is one line of each, and after a quiet one it is told as at first.
        for _ in 0..<9 {
            log.info("It came.", .peer("a"))
            log.info("It went.", .peer("a"))
        }
        clock.advance(by: .seconds(60))
        log.settle()
        #expect(Array(lines.dropFirst(8)) == turn.map { $0 + " repeated=9" })
        clock.advance(by: .seconds(60))
        log.settle()
        log.info("It came.", .peer("a"))
        #expect(lines.count == 11)
        #expect(lines.last == "net  It came.  peer=a")
    }

    @Test func `is nothing that comes once a minute`() {
        let log = log
        for _ in 0..<5 {
            log.info("Tick.")
            clock.advance(by: .seconds(61))
        }
        #expect(lines == Array(repeating: "net  Tick.", count: 5))
    }

    @Test func `comes when its minute has passed and anybody says anything`() {
        let log = log
        log.info("Again.")
        log.info("Again.")
        clock.advance(by: .seconds(60))
        log.component("other").info("Something else.")
        #expect(lines == ["net  Again.", "net  Again.  repeated=1", "other  Something else."])
    }

    @Test func `is bounded, and what is forgotten for it is counted first`() {
        let log = log
        log.info("First.")
        log.info("First.")
        // Another voice: the same one would tell the count by saying something else.
        let other = log.component("other")
        for number in 0..<LogGate.records { other.debug("\(number)") }
        #expect(lines.count == LogGate.records + 2)
        #expect(lines.contains("net  First.  repeated=1"))
    }

    @Test func `are records of a component that says too much, but no errors`() {
        let log = log
        for number in 0..<(LogGate.writesPerComponent + 40) { log.info("\(number)") }
        #expect(lines.count == LogGate.writesPerComponent)
        log.error("This one matters.")
        log.component("other").info("So does this.")
        #expect(lines.count == LogGate.writesPerComponent + 2)
        clock.advance(by: .seconds(60))
        log.info("Now again.")
        #expect(
            Array(lines.dropFirst(LogGate.writesPerComponent + 2)) == [
                "net  Records were left out: too many in a minute.  count=40", "net  Now again.",
            ])
    }
}
