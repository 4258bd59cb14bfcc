import Glibc
import Linux
import Testing

@Suite struct `A socket address` {
    @Test(arguments: [
        "1.2.3.4:47600", "0.0.0.0:0", "[::1]:65535", "[2001:db8::7]:1", "[fe80::1%lo]:47600",
    ])
    func `is written as it was read`(_ text: String) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == text)
        let copy = address.withSockaddr { SocketAddress($0, length: $1) }
        #expect(copy == address)
    }

    @Test(arguments: [
        "", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3:1", "::1:80", "[::1]",
        "[1.2.3.4]:1", "host:1", "[fe80::1%nowhere0]:1", "1.2.3.4%lo:1", "[::1]x:1", "1.2.3.4:1 ",
    ])
    func `is not made of other text`(_ text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `has one value for one host`() throws {
        let mapped = try #require(SocketAddress(host: "::ffff:10.0.0.1", port: 5))
        #expect(mapped == SocketAddress("10.0.0.1:5"))
        #expect(!mapped.isIPv6)
        #expect(mapped.withPort(6).port == 6)
    }

    @Test(arguments: [
        ("127.0.0.1", true, false), ("127.9.9.9", true, false), ("::1", true, false), ("10.0.0.1", false, true),
        ("172.16.0.1", false, true), ("172.31.255.255", false, true), ("172.32.0.1", false, false),
        ("192.168.4.4", false, true), ("192.169.0.1", false, false), ("169.254.1.1", false, true),
        ("8.8.8.8", false, false), ("fe80::1", false, true), ("febf::1", false, true), ("fec0::1", false, false),
        ("fd00::1", false, true), ("fc00::1", false, true), ("2001:db8::1", false, false),
    ])
    func `knows whether it is near`(_ host: String, _ isLoopback: Bool, _ isPrivate: Bool) throws {
        let address = try #require(SocketAddress(host: host, port: 1))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isPrivateOrLinkLocal == isPrivate)
    }

    @Test func `is not made of other families or too few bytes`() {
        func address(_ family: Int32, _ length: socklen_t) -> SocketAddress? {
            // The family is the first member, in the order of this machine.
            let words = [UInt64(family), 0, 0, 0]
            return words.withUnsafeBytes { bytes in
                bytes.baseAddress.flatMap { SocketAddress($0.assumingMemoryBound(to: sockaddr.self), length: length) }
            }
        }
        #expect(address(AF_UNIX, 32) == nil)
        #expect(address(AF_INET6, 27) == nil)
        #expect(address(AF_INET6, 28) == .anyIPv6(port: 0))
        #expect(address(AF_INET, 15) == nil)
        #expect(address(AF_INET, 16) == .any(port: 0))
        #expect(address(AF_INET, 1) == nil)
    }

    @Test func `is resolved from numbers at once`() {
        #expect(SocketAddress.resolve(host: "10.1.2.3", port: 7) == [SocketAddress(ipv4: 0x0a01_0203, port: 7)])
    }
}
