import Linux
import Mdns
import Model
import Runtime
import Testing

@testable import Peers

/// What a record of mDNS, which anybody can write, may do to a dial, and what brings one back that was given up.
@Suite struct `A dial plan among strangers` {
    private let address = SocketAddress.loopback(port: 1)
    private let key = ServiceKey(name: "alpha", interface: 1, isIPv6: false)

    @Test func `dials a configured address whoever is said to be there`() {
        var desk = PlanDesk()
        desk.linked = [Sample.peer(1)]
        desk.plan.setStatic([.address(address)], now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
        desk.plan.reached(.address(address), Sample.peer(2), now: desk.now)
        desk.now = desk.now + .seconds(120)
        // Proven now, and the claim is not believed against it.
        #expect(desk.due() == [.address(address)])
    }

    @Test func `dials a remembered peer whoever is said to be in its place`() {
        var desk = PlanDesk()
        desk.linked = [Sample.peer(1)]
        desk.plan.remember([(Sample.peer(2), address)], now: desk.now)
        desk.plan.sight(key, address, Sample.peer(1), now: desk.now)
        #expect(desk.due() == [.address(address)])
    }

    @Test func `forgets its failures when this host has another network, and stays within the budget`() {
        var desk = PlanDesk()
        desk.plan.setStatic([.address(address)], now: desk.now)
        desk.live(for: .seconds(600), dialTakes: .zero)
        desk.plan.beginAnew(now: desk.now)
        let before = desk.dials.count
        desk.live(for: .seconds(4), dialTakes: .zero)
        #expect(desk.dials.count >= before + 2)
        for _ in 0..<600 {
            desk.plan.beginAnew(now: desk.now)
            desk.live(for: .milliseconds(100), dialTakes: .zero)
        }
        #expect(desk.dialsInAMinute <= Limits.dialsPerMinute)
    }

    @Test func `begins anew with what was given up, when it is told again or the network is another one`() {
        for isTold in [false, true] {
            var desk = PlanDesk()
            desk.plan.remember([(Sample.peer(2), address)], now: desk.now)
            desk.live(for: Limits.dialGuessFor * 3)
            #expect(desk.plan.nextDue(now: desk.now, linked: []) == .never)
            if isTold { desk.plan.hear([address], now: desk.now) } else { desk.plan.beginAnew(now: desk.now) }
            #expect(desk.due() == [.address(address)])
        }
    }
}
