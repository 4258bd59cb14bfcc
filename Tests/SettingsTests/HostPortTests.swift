import Settings
import Testing

@Suite struct `A host with its port` {
    @Test(arguments: ["1.2.3.4:47600", "[fe80::1%eth0]:1", "games.lan:65535", "a_b-c:0"])
    func `is what it was written as`(text: String) {
        #expect(HostPort(text)?.description == text)
    }

    @Test(arguments: [
        "", ":", "host", "host:", ":1", "host:65536", "host:-1", "host:+1", "::1:47600", "[host]:1", "[]:1", "[::1]",
        "a b:1", "a/b:1", "ü:1", "host:1 ", "host:٣",
    ])
    func `is nothing else`(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test func `has a name of 253 bytes at most`() {
        #expect(HostPort(String(repeating: "a", count: 253) + ":1") != nil)
        #expect(HostPort(String(repeating: "a", count: 254) + ":1") == nil)
    }
}
