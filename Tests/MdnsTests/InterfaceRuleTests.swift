import Glibc
import Linux
import Runtime
import Testing

@testable import Mdns

@Suite struct `An interface rule` {
    private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(host: text, port: 0)) }

    private func host() throws -> [NetworkInterface] {
        [
            NetworkInterface(
                name: "lo", index: 1, isLoopback: true, hasMulticast: false,
                addresses: [try address("127.0.0.1"), try address("::1")]),
            NetworkInterface(
                name: "eth0", index: 2, addresses: [try address("10.0.0.1"), try address("fe80::1%2")]),
            NetworkInterface(name: "eth1", index: 3, addresses: [try address("192.168.7.1")]),
            NetworkInterface(name: "wlan0", index: 4, isUp: false, addresses: [try address("10.1.0.1")]),
            NetworkInterface(name: "ppp0", index: 5, hasMulticast: false, addresses: [try address("10.2.0.1")]),
            NetworkInterface(name: "docker0", index: 6, addresses: [try address("172.17.0.1")]),
        ]
    }

    private func places(_ patterns: [String], _ listening: [String]) throws -> [Place] {
        let sockets = try listening.map { try #require(SocketAddress($0)) }
        return InterfaceRule(patterns).places(try host(), listening: sockets)
    }

    @Test func `leaves out containers, virtual machines and tunnels by itself`() {
        for name in ["docker0", "veth12ab", "virbr0", "tun0"] { #expect(!InterfaceRule().isUsed(name)) }
        for name in ["lo", "eth0", "enp3s0", "wlan0", "br0"] { #expect(InterfaceRule().isUsed(name)) }
    }

    @Test func `takes names and prefixes as they are configured, and nothing else`() {
        let rule = InterfaceRule(["eth0", "veth*"])
        for name in ["eth0", "veth1", "veth"] { #expect(rule.isUsed(name)) }
        for name in ["eth01", "eth1", "lo", "docker0"] { #expect(!rule.isUsed(name)) }
        #expect(InterfaceRule(["*"]).isUsed("docker0"))
        #expect(InterfaceRule(["a", "b"]) == InterfaceRule(["b", "a"]))
    }

    @Test func `announces every interface that is up, in the families that are listened on`() throws {
        let four = [1, 2, 3].map { Place(interface: $0, isIPv6: false) }
        let six = [1, 2].map { Place(interface: $0, isIPv6: true) }
        #expect(try places([], ["0.0.0.0:1"]) == four)
        #expect(try places([], ["[::]:1"]) == six)
        #expect(Set(try places([], ["0.0.0.0:1", "[::]:1"])) == Set(four + six))
        #expect(try places(["docker*"], ["0.0.0.0:1"]) == [Place(interface: 6, isIPv6: false)])
        #expect(try places([], []).isEmpty)
    }

    @Test func `knows a host that no other one can reach`() throws {
        let socket = try #require(SocketAddress("0.0.0.0:1"))
        func reaches(_ interfaces: [NetworkInterface]) -> Bool {
            InterfaceRule().reachesOthers(interfaces, listening: [socket])
        }
        let lan: Set = [try address("10.0.0.1")]
        #expect(reaches([NetworkInterface(name: "eth0", index: 2, addresses: lan)]))
        #expect(!reaches([]))
        #expect(!reaches([NetworkInterface(name: "eth0", index: 2, isUp: false, addresses: lan)]))
        #expect(!reaches([NetworkInterface(name: "eth0", index: 2, hasLink: false, addresses: lan)]))
        #expect(!reaches([NetworkInterface(name: "eth0", index: 2, addresses: [])]))
        #expect(!reaches([NetworkInterface(name: "docker0", index: 2, addresses: lan)]))
        #expect(!reaches([NetworkInterface(name: "lo", index: 1, isLoopback: true, addresses: lan)]))
        #expect(InterfaceRule().reachesOthers([], listening: [try #require(SocketAddress("127.0.0.1:1"))]))
    }

    @Test func `announces a single address only where it is`() throws {
        #expect(try places([], ["10.0.0.1:1"]) == [Place(interface: 2, isIPv6: false)])
        #expect(try places([], ["127.0.0.2:1", "[::1]:1"]) == [false, true].map { Place(interface: 1, isIPv6: $0) })
        #expect(try places([], ["10.9.9.9:1"]).isEmpty)
    }
}

@Suite struct `The network interfaces` {
    @Test func `of this host are listed with their addresses`() throws {
        let loopback = try #require(try NetworkInterface.all().first { $0.isLoopback })
        #expect(loopback.name == "lo" && loopback.index > 0)
        #expect(loopback.addresses.isEmpty || loopback.addresses.contains { $0.isLoopback })
    }

    @Test(.enabled(if: getuid() == 0, "needs root"), .timeLimit(.minutes(1)))
    func `tell when one of them changes`() async throws {
        let loop = try EventLoop(name: "interfaces")
        let changed = OneShot<Void>()
        let source = OneShot<Void>()
        loop.perform {
            do {
                let made = try InterfaceSource(loop: loop) { changed.give() }
                _ = Unmanaged.passRetained(made)
            } catch {
                Issue.record("\(error)")
            }
            source.give()
        }
        await source.take()
        #expect(changed.value == nil)
        // An address that belongs to this test alone, taken back at once.
        for verb in ["add", "del"] {
            let null = Descriptor(adopting: open("/dev/null", O_RDWR | O_CLOEXEC))
            let child = try ChildProcess.spawn(
                "/usr/sbin/ip", arguments: ["addr", verb, "127.77.\(getpid() % 250).1/32", "dev", "lo"],
                environment: [], descriptors: [null, null, null], on: loop)
            _ = await child.wait()
        }
        await changed.take()
        loop.stop()
    }
}
