import Linux
import Mdns
import Model
import Runtime
import TestKit
import Testing

@testable import Peers

@Suite struct `A dial plan` {
    private let address = SocketAddress.loopback(port: 1)
    private let other = SocketAddress.loopback(port: 2)
    private let key = ServiceKey(name: "alpha", interface: 1, isIPv6: false)
    private let keyToo = ServiceKey(name: "alpha", interface: 1, isIPv6: true)
    private let random = RandomSource(seed: 1)
    private let start = Sample.start

    @Test func `dials a sighting at once, once, and not a linked peer`() {
        var plan = DialPlan(staticPeers: [], now: start)
        plan.sight(key, address, Sample.peer(1), now: start)
        #expect(plan.due(now: start, linked: [Sample.peer(1)]).isEmpty)
        var fresh = DialPlan(staticPeers: [], now: start)
        fresh.sight(key, address, Sample.peer(1), now: start)
        #expect(fresh.due(now: start, linked: []) == [address])
        #expect(fresh.due(now: start, linked: []).isEmpty)
    }

    @Test func `dials one address of a peer at a time, and the other one after a failure`() {
        var plan = DialPlan(staticPeers: [], now: start)
        plan.sight(keyToo, other, Sample.peer(1), now: start)
        plan.sight(key, address, Sample.peer(1), now: start)
        let first = plan.due(now: start, linked: [])
        #expect(first.count == 1)
        plan.failed(first[0], isLasting: false, now: start, random: random)
        #expect(plan.due(now: start, linked: []) == [first[0] == address ? other : address])
    }

    @Test func `backs off, doubling, up to a minute`() {
        var plan = DialPlan(staticPeers: [address], now: start)
        var now = start
        var waits: [Duration] = []
        #expect(plan.due(now: now, linked: []) == [address])
        for _ in 0..<9 {
            plan.failed(address, isLasting: false, now: now, random: random)
            let failed = now
            repeat { now = now + .milliseconds(100) } while plan.due(now: now, linked: []).isEmpty
            waits.append(now - failed)
        }
        #expect(waits[0] <= .milliseconds(1_300))
        #expect(waits[1] > waits[0] && waits[2] > waits[1] && waits[5] > waits[2])
        #expect(waits.allSatisfy { $0 <= .milliseconds(72_100) })
        #expect(waits[8] >= .seconds(48))
    }

    @Test func `runs no more dials at once than the budget`() {
        var plan = DialPlan(staticPeers: [], now: start)
        for number in 0..<100 {
            let key = ServiceKey(name: "\(number)", interface: 1, isIPv6: false)
            plan.sight(key, .loopback(port: UInt16(number + 1)), Sample.peer(UInt8(number)), now: start)
        }
        let first = plan.due(now: start, linked: [])
        #expect(first.count == Limits.dials)
        plan.failed(first[0], isLasting: true, now: start, random: random)
        #expect(plan.due(now: start, linked: []).count == 1)
    }

    @Test func `ends dialling when the sighting goes, but not a static peer`() {
        var plan = DialPlan(staticPeers: [other], now: start)
        plan.sight(key, address, Sample.peer(1), now: start)
        plan.sight(keyToo, other, Sample.peer(2), now: start)
        plan.lose(key)
        plan.lose(keyToo)
        #expect(plan.due(now: start, linked: []) == [other])
    }

    @Test func `dials a peer again when it is gone, after a moment`() {
        var plan = DialPlan(staticPeers: [], now: start)
        plan.sight(key, address, Sample.peer(1), now: start)
        _ = plan.due(now: start, linked: [])
        plan.reached(address, Sample.peer(1), now: start)
        let later = start + .seconds(100)
        #expect(plan.due(now: later, linked: [Sample.peer(1)]).isEmpty)
        #expect(plan.due(now: later, linked: []).isEmpty)
        #expect(plan.due(now: later + Limits.dialBackoffFirst, linked: []) == [address])
    }

    @Test func `cannot be made to dial one address faster by sightings that come and go`() {
        var plan = DialPlan(staticPeers: [], now: start)
        var dials = 0
        for step in 0..<100 {
            let now = start + .milliseconds(step * 10)
            plan.sight(key, address, Sample.peer(1), now: now)
            plan.sight(keyToo, address, Sample.peer(1), now: now)
            for due in plan.due(now: now, linked: []) {
                dials += 1
                plan.failed(due, isLasting: false, now: now, random: random)
            }
            plan.lose(keyToo)
        }
        #expect(dials == 1)
    }
}
