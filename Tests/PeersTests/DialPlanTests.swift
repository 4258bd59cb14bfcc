import Linux
import Mdns
import Model
import Runtime
import TestKit
import Testing

@testable import Peers

/// A plan with a clock that is turned by hand, and dials that take as long as the test says.
struct PlanDesk {
    var plan = DialPlan(random: RandomSource(seed: 1))
    var now = Sample.start
    var linked: Set<PeerID> = []
    /// Every dial that began, and when.
    private(set) var dials: [(target: DialTarget, at: Instant)] = []

    mutating func due() -> [DialTarget] {
        let due = plan.due(now: now, linked: linked)
        for target in due { dials.append((target, now)) }
        // The law of a plan without a tick: what was due is dialled, and what is next is later.
        let next = plan.nextDue(now: now, linked: linked)
        #expect(next > now)
        return due
    }

    /// Goes on from due time to due time for so long; each dial ends after `takes`, as `answer` says: nil for nobody.
    mutating func live(
        for duration: Duration, dialTakes takes: Duration = Limits.handshakeDeadline,
        answer: (DialTarget) -> PeerID? = { _ in nil }
    ) {
        let end = now + duration
        while true {
            for target in due() { running.append((target, now + takes)) }
            let next = min(plan.nextDue(now: now, linked: linked), running.map(\.until).min() ?? .never)
            guard next <= end else { break }
            now = next
            for ended in running where ended.until <= now {
                if let peer = answer(ended.target) {
                    linked.insert(peer)
                    plan.reached(ended.target, peer, now: now)
                } else {
                    plan.failed(ended.target, isLasting: false, now: now)
                }
            }
            running.removeAll { $0.until <= now }
        }
        now = end
    }

    private var running: [(target: DialTarget, until: Instant)] = []

    func dials(of target: DialTarget) -> [Instant] { dials.filter { $0.target == target }.map(\.at) }

    /// The most that began within any minute.
    var dialsInAMinute: Int {
        dials.map { first in dials.count { $0.at >= first.at && $0.at < first.at + .seconds(60) } }.max() ?? 0
    }
}

@Suite struct `A dial plan` {
    private let address = SocketAddress.loopback(port: 1)
    private let other = SocketAddress.loopback(port: 2)
    private let key = ServiceKey(name: "alpha", interface: 1, isIPv6: false)
    private let keyToo = ServiceKey(name: "alpha", interface: 1, isIPv6: true)
    private var desk = PlanDesk()

    private func bogus(_ number: Int) -> (ServiceKey, SocketAddress, PeerID?) {
        (
            ServiceKey(name: "bogus \(number)", interface: 1, isIPv6: false),
            SocketAddress(ipv4: 0x0a00_0000 + UInt32(number), port: 9), Sample.peer(UInt8(200 + number % 50))
        )
    }

    @Test mutating func `has nothing due while nobody is known`() {
        #expect(desk.due().isEmpty)
        #expect(desk.plan.nextDue(now: desk.now, linked: []) == .never)
    }

    @Test mutating func `dials a sighting at once, once, and not a linked peer`() {
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.linked = [Sample.peer(1)]
        #expect(desk.due().isEmpty)
        #expect(desk.plan.nextDue(now: desk.now, linked: desk.linked) == .never)
        var fresh = PlanDesk()
        fresh.plan.sight(key, address, Sample.peer(1), now: fresh.now)
        #expect(fresh.due() == [.address(address)])
        #expect(fresh.due().isEmpty)
        #expect(fresh.plan.nextDue(now: fresh.now, linked: []) == .never)
    }

    @Test mutating func `dials one address of a peer at a time, and the other one after a failure`() {
        desk.plan.sight(keyToo, other, Sample.peer(1), now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        let first = desk.due()
        #expect(first.count == 1)
        desk.plan.failed(first[0], isLasting: false, now: desk.now)
        #expect(desk.due() == [.address(first[0] == .address(address) ? other : address)])
    }

    @Test mutating func `tries IPv4 before IPv6`() throws {
        let six = try #require(SocketAddress("[fe80::1%1]:1"))
        desk.plan.sight(keyToo, six, Sample.peer(1), now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
        desk.plan.failed(.address(address), isLasting: false, now: desk.now)
        #expect(desk.due() == [.address(six)])
    }

    @Test mutating func `backs off, doubling, up to a minute`() {
        desk.plan.setStatic([.address(address)], now: desk.now)
        desk.live(for: .seconds(600), dialTakes: .zero)
        let times = desk.dials(of: .address(address))
        let waits = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect(waits[0] >= .milliseconds(800) && waits[0] <= .milliseconds(1_200))
        #expect(waits[1] > waits[0] && waits[2] > waits[1] && waits[5] > waits[2])
        #expect(waits.allSatisfy { $0 <= .seconds(72) })
        #expect(waits[8] >= .seconds(48))
    }

    @Test mutating func `runs no more dials at once than the budget, and leaves room for known peers`() {
        for number in 0..<100 {
            let (key, address, _) = bogus(number)
            desk.plan.sight(key, address, Sample.peer(UInt8(number)), now: desk.now)
        }
        let first = desk.due()
        #expect(first.count == Limits.dialsSighted)
        desk.plan.setStatic([.address(address), .address(other), .name("games.lan", port: 1)], now: desk.now)
        #expect(desk.due().count == Limits.dials - Limits.dialsSighted)
        desk.plan.failed(first[0], isLasting: true, now: desk.now)
        #expect(desk.due().count == 1)
    }

    @Test mutating func `ends dialling when the sighting goes, but not a static peer`() {
        desk.plan.setStatic([.address(other)], now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.plan.sight(keyToo, other, Sample.peer(2), now: desk.now)
        desk.plan.lose(key)
        desk.plan.lose(keyToo)
        #expect(desk.due() == [.address(other)])
    }

    @Test mutating func `dials a peer again when it is gone, after a moment`() {
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.live(for: .seconds(100), dialTakes: .zero) { _ in Sample.peer(1) }
        #expect(desk.dials.count == 1)
        desk.linked = []
        #expect(desk.due().isEmpty)
        let wait = desk.plan.nextDue(now: desk.now, linked: []) - desk.now
        #expect(wait >= .milliseconds(800) && wait <= .milliseconds(1_200))
        desk.now = desk.now + wait
        #expect(desk.due() == [.address(address)])
    }

    @Test mutating func `backs off from a peer whose links break off at once`() {
        desk.plan.setStatic([.address(address)], now: desk.now)
        for _ in 0..<600 {
            desk.live(for: .seconds(1), dialTakes: .zero) { _ in Sample.peer(1) }
            desk.linked = []
        }
        #expect(desk.dials.count < 18)
    }

    @Test mutating func `leaves alone for long what cannot change by itself, until it is sighted anew`() {
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
        desk.plan.failed(.address(address), isLasting: true, now: desk.now)
        desk.live(for: .seconds(400))
        #expect(desk.dials.count == 1)
        desk.plan.lose(key)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
    }

    // MARK: - Floods

    @Test mutating func `cannot be made to dial one address faster by a service that flaps`() {
        for step in 0..<600 {
            if step % 2 == 0 {
                desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
            } else {
                desk.plan.lose(key)
            }
            desk.live(for: .milliseconds(100), dialTakes: .zero)
        }
        // 0, 1, 1 + 2, … and one that a sighting hastened.
        #expect((4...9).contains(desk.dials.count))
    }

    @Test mutating func `is not flooded by made-up services, and reaches those that are there`() {
        let (before, after) = (SocketAddress(ipv4: 0xc0a8_0001, port: 1), SocketAddress(ipv4: 0xc0a8_0002, port: 1))
        desk.plan.sight(key, before, Sample.peer(1), now: desk.now)
        for number in 0..<(Limits.sightings - 2) {
            let (key, address, peer) = bogus(number)
            desk.plan.sight(key, address, peer, now: desk.now)
        }
        desk.plan.sight(keyToo, after, Sample.peer(2), now: desk.now)
        let answers: (DialTarget) -> PeerID? = { target in
            target == .address(before) ? Sample.peer(1) : target == .address(after) ? Sample.peer(2) : nil
        }
        desk.live(for: .seconds(20), dialTakes: .seconds(5), answer: answers)
        #expect(desk.linked == [Sample.peer(1), Sample.peer(2)])
        desk.live(for: .seconds(150), dialTakes: .seconds(5), answer: answers)
        #expect(desk.dialsInAMinute <= Limits.dialsPerMinuteSighted)
        // A host that refuses at once is asked no more often for that.
        desk.live(for: .seconds(150), dialTakes: .milliseconds(1), answer: answers)
        #expect(desk.dialsInAMinute <= Limits.dialsPerMinuteSighted)
        // Full of services that failed, there is still room for a host that comes now.
        let late = SocketAddress(ipv4: 0xc0a8_0003, port: 1)
        desk.plan.sight(ServiceKey(name: "late", interface: 1, isIPv6: false), late, Sample.peer(3), now: desk.now)
        desk.live(for: .seconds(60)) { $0 == .address(late) ? Sample.peer(3) : answers($0) }
        #expect(desk.linked.contains(Sample.peer(3)))
    }

    @Test mutating func `dials a configured peer at once, whatever the flood`() {
        for number in 0..<Limits.sightings {
            let (key, address, peer) = bogus(number)
            desk.plan.sight(key, address, peer, now: desk.now)
        }
        desk.live(for: .seconds(120), dialTakes: .milliseconds(1))
        desk.plan.setStatic([.address(address)], now: desk.now)
        #expect(desk.due().contains(.address(address)))
    }

    @Test mutating func `is not kept from a peer by others that bear its name`() {
        desk.plan.setStatic([.address(address)], now: desk.now)
        desk.live(for: .seconds(100), dialTakes: .zero) { _ in Sample.peer(1) }
        for number in 0..<100 {
            let (key, address, _) = bogus(number)
            desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        }
        desk.linked = []
        // As long as one dial to nobody takes, and one to the peer beside it.
        desk.live(for: .seconds(7)) { $0 == .address(address) ? Sample.peer(1) : nil }
        #expect(desk.linked == [Sample.peer(1)])
    }

    // MARK: - Avahi away

    @Test mutating func `keeps what was sighted while Avahi is away, and drops what does not come back with it`() {
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.plan.sight(keyToo, other, Sample.peer(2), now: desk.now)
        // It came and went again before it told anything.
        desk.plan.refresh(now: desk.now)
        desk.plan.keepStale()
        desk.live(for: .seconds(300))
        #expect(desk.dials(of: .address(other)).count > 5)
        desk.plan.refresh(now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        let back = desk.now
        desk.live(for: .seconds(300))
        #expect(desk.dials(of: .address(address)).contains { $0 > back + .seconds(100) })
        #expect(desk.dials(of: .address(other)).allSatisfy { $0 <= back + Limits.sightingRefresh })
    }

    @Test mutating func `loses nothing when everything comes back`() {
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.plan.refresh(now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        desk.live(for: .seconds(100))
        #expect(desk.dials.count > 4)
    }

    // MARK: - Memory, configuration, told addresses

    @Test mutating func `gives a remembered peer ten minutes, and then waits for its sighting`() {
        desk.plan.remember([(Sample.peer(1), address)], now: desk.now)
        desk.live(for: .seconds(3_600))
        let last = desk.dials.last?.at ?? .never
        #expect(last - Sample.start >= .seconds(500) && last - Sample.start <= .seconds(700))
        #expect(desk.plan.nextDue(now: desk.now, linked: []) == .never)
        // The same list again changes nothing.
        desk.plan.remember([(Sample.peer(1), address)], now: desk.now)
        #expect(desk.due().isEmpty)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
    }

    @Test mutating func `dials a remembered peer again after its link is lost`() {
        desk.plan.remember([(Sample.peer(1), address)], now: desk.now)
        desk.live(for: .seconds(100), dialTakes: .zero) { _ in Sample.peer(1) }
        desk.linked = []
        desk.live(for: .seconds(3), dialTakes: .zero) { _ in Sample.peer(1) }
        #expect(desk.dials.count == 2 && desk.linked == [Sample.peer(1)])
        desk.linked = []
        desk.plan.remember([], now: desk.now)
        desk.live(for: .seconds(100), dialTakes: .zero) { _ in Sample.peer(1) }
        #expect(desk.dials.count == 2)
    }

    @Test mutating func `lets memory of another network not stand before what is sighted here`() {
        let old = (0..<500).map { number in
            (Sample.peer(UInt8(number % 250)), SocketAddress(ipv4: 0x0a01_0000 + UInt32(number), port: 1))
        }
        desk.plan.remember(old, now: desk.now)
        desk.live(for: .seconds(30))
        desk.plan.sight(key, address, Sample.peer(251), now: desk.now)
        #expect(desk.due().contains(.address(address)))
    }

    @Test mutating func `takes over a new configuration at once`() {
        desk.plan.setStatic([.address(address)], now: desk.now)
        desk.live(for: .seconds(300))
        desk.plan.setStatic([.address(other)], now: desk.now)
        let before = desk.dials(of: .address(address)).count
        #expect(desk.due() == [.address(other)])
        desk.live(for: .seconds(300))
        #expect(desk.dials(of: .address(address)).count <= before)
    }

    @Test mutating func `looks up one name at a time`() {
        desk.plan.setStatic([.name("a.lan", port: 1), .name("b.lan", port: 1)], now: desk.now)
        let first = desk.due()
        #expect(first.count == Limits.lookups)
        desk.plan.failed(first[0], isLasting: false, now: desk.now)
        #expect(desk.due().count == 1)
    }

    @Test mutating func `takes so many told addresses and no more, and forgets those that lead nowhere`() {
        let told = (0..<1_000).map { SocketAddress(ipv4: 0x0a02_0000 + UInt32($0), port: 1) }
        desk.plan.hear(told, now: desk.now)
        desk.plan.hear(told, now: desk.now)
        #expect(desk.plan.records.count == Limits.addressesTold)
        desk.live(for: .seconds(7_200))
        #expect(desk.dialsInAMinute <= Limits.dialsPerMinuteGuessed)
        #expect(desk.plan.nextDue(now: desk.now, linked: []) == .never)
    }
}

@Suite struct `A dial target` {
    @Test(arguments: [
        "192.168.1.7:47600", "[fd00::1]:1", "games.lan:47600", "10.0.0.1", "fd00::1", "games", "a_b-c.lan:65535",
    ]) func `is an address or a name`(_ text: String) {
        #expect(DialTarget(text) != nil)
    }

    @Test(arguments: [
        "", ":1", "games.lan:", "games.lan:0", "games.lan:65536", "10.0.0:1", "300.1.1.1", "a b:1", "[::1", "a:b:c",
        "games.lan:1:2", "-", "1.2.3.4:0",
    ]) func `is nothing else`(_ text: String) {
        #expect(DialTarget(text) == nil)
    }

    @Test func `has the port of the protocol unless it names one`() throws {
        #expect(DialTarget("games.lan") == .name("games.lan", port: 47_600))
        #expect(DialTarget("10.0.0.1") == .address(try #require(SocketAddress("10.0.0.1:47600"))))
    }
}
