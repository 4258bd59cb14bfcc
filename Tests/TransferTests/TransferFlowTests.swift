import Model
import Runtime
import Testing

@testable import Transfer

/// So many milliseconds into a test.
private func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: 5_000_000_000) + .milliseconds(milliseconds)
}

private func peer(_ number: UInt8) throws -> PeerID {
    PeerID(try #require(Digest([UInt8](repeating: number, count: 32))))
}

private func content(_ game: String, _ number: UInt8 = 1) throws -> ServedContent {
    ServedContent(
        game: try #require(GameID(game)), root: Root(try #require(Digest([UInt8](repeating: number, count: 32)))))
}

@Suite struct `A transfer flow` {
    @Test func `has the rate of its last two seconds`() {
        var flow = TransferFlow(since: at(0))
        // 100 bytes every 100 ms are 1,000 a second, however long it lasts.
        for step in Int64(1)...100 { flow.count(100, at: at(step * 100)) }
        #expect(flow.bytes == 10_000)
        #expect((900...1_150).contains(flow.rate(at: at(10_000))))
        // Ten times as fast: seen within the window.
        for step in Int64(101)...125 { flow.count(1_000, at: at(step * 100)) }
        #expect((9_000...11_500).contains(flow.rate(at: at(12_500))))
    }

    @Test func `slows down by itself when nothing comes`() {
        var flow = TransferFlow(since: at(0))
        for step in Int64(1)...20 { flow.count(100, at: at(step * 100)) }
        let rates = [Int64(2_000), 2_500, 3_000, 3_500, 4_100].map { flow.rate(at: at($0)) }
        #expect(rates == rates.sorted(by: >), "\(rates)")
        #expect(rates.last == 0)
        #expect(flow.bytes == 2_000 && flow.last == at(2_000))
        #expect(flow.rate(at: at(1_000_000_000)) == 0, "a window that was left long ago")
    }

    @Test func `is not infinitely fast in its first moment`() {
        var flow = TransferFlow(since: at(0))
        flow.count(4 << 20, at: at(0))
        #expect(flow.rate(at: at(0)) == 4 * (4 << 20))
        #expect(flow.rate(at: at(1_000)) == 4 << 20)
    }
}

@Suite struct `A transfer meter` {
    @Test func `adds up requests that follow each other`() throws {
        var meter = TransferMeter()
        for step in Int64(0)..<20 {
            meter.begin(try content("quake"), try peer(1), now: at(step * 100))
            meter.count(4 << 20, try content("quake"), try peer(1), now: at(step * 100 + 90))
        }
        let rows = meter.rows(running: [], now: at(2_000))
        #expect(rows.map(\.flow.bytes) == [20 * (4 << 20)])
        #expect(rows.map(\.flow.since) == [at(0)])
        #expect(rows[0].flow.rate(at: at(2_000)) > 30 << 20)
    }

    @Test func `keeps peers, games and roots apart`() throws {
        var meter = TransferMeter()
        for (content, number) in [
            (try content("quake"), UInt8(1)), (try content("quake"), 2), (try content("quake", 2), 1),
            (try content("doom"), 1),
        ] {
            meter.begin(content, try peer(number), now: at(0))
            meter.count(UInt64(number), content, try peer(number), now: at(1))
        }
        #expect(meter.rows(running: [], now: at(2)).map(\.flow.bytes).sorted() == [1, 1, 1, 2])
    }

    @Test func `forgets what ended, and begins anew`() throws {
        var meter = TransferMeter()
        let (quake, one) = (try content("quake"), try peer(1))
        meter.begin(quake, one, now: at(0))
        meter.count(7, quake, one, now: at(10))
        #expect(meter.rows(running: [], now: at(3_009)).count == 1)
        #expect(meter.rows(running: [], now: at(3_010)).isEmpty)
        // One that runs is listed however long its next bytes take.
        meter.begin(quake, one, now: at(10_000))
        let running = [TransferSnapshot(content: quake, peer: one)]
        #expect(meter.rows(running: running, now: at(60_000)).map(\.flow.bytes) == [0])
        meter.count(9, quake, one, now: at(60_001))
        #expect(meter.rows(running: running, now: at(60_002)).map(\.flow.bytes) == [9])
        // Listed or not: after the pause it is another one.
        meter.begin(quake, one, now: at(64_000))
        #expect(meter.rows(running: running, now: at(64_001)).map(\.flow.since) == [at(64_000)])
    }

    @Test func `is bounded`() throws {
        var meter = TransferMeter()
        for step in 0..<(Limits.transferRows + 50) {
            let digest = try #require(Digest([UInt8](repeating: UInt8(step % 256), count: 31) + [UInt8(step / 256)]))
            let content = ServedContent(game: try #require(GameID("quake")), root: Root(digest))
            meter.begin(content, try peer(1), now: at(Int64(step)))
        }
        let rows = meter.rows(running: [], now: at(400))
        #expect(rows.count == Limits.transferRows)
        #expect(rows.allSatisfy { $0.flow.since >= at(50) }, "the oldest go first")
    }
}

@Suite struct `The pace of a count` {
    @Test func `tells the first change at once and the last one in the end`() {
        var pace = CountPace(pause: .milliseconds(250))
        #expect(pace.step(0, now: at(0)) == nil, "nobody has to be told of nothing")
        #expect(pace.step(1, now: at(0)) == .tell(1))
        #expect(pace.step(1, now: at(1)) == nil)
        #expect(pace.step(0, now: at(10)) == .wait(until: at(250)))
        #expect(pace.step(2, now: at(20)) == .wait(until: at(250)))
        #expect(pace.step(0, now: at(250)) == .tell(0))
        #expect(pace.step(0, now: at(900)) == nil)
        #expect(pace.step(3, now: at(900)) == .tell(3), "after a quiet time at once")
    }
}
