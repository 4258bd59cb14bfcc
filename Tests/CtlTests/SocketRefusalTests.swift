import Control
import Linux
import TestKit
import Testing

@testable import lanspreadctl

@Suite struct `A control socket that is closed to its caller` {
    @Test func `is explained with the group and the command`() {
        let refusal = SocketRefusal(path: "/run/s", user: "alice", group: "lanspread", isMember: false)
        #expect(refusal.failure.kind == .notAllowed)
        #expect(refusal.failure.sentence == "You are not in group lanspread, so you may not talk to the daemon.")
        #expect(refusal.failure.hint == "As root type: adduser alice lanspread; then log in again.")
    }

    @Test func `is explained to who joined the group after logging in`() {
        let refusal = SocketRefusal(path: "/run/s", user: "alice", group: "lanspread", isMember: true)
        #expect(refusal.failure.sentence.contains("since you logged in"))
        #expect(refusal.failure.hint == "Log in again, or type: newgrp lanspread")
    }

    @Test func `is looked at as the system knows it`() throws {
        let place = try TemporaryDirectory()
        let path = try place.write("socket", [])
        // The file's group is this process's own, so whoever runs the tests is in it.
        let refusal = SocketRefusal(path)
        #expect(refusal.isMember)
        #expect(!refusal.user.isEmpty && !refusal.group.isEmpty)
        #expect(SocketRefusal(place.path + "/missing").group == "lanspread")
    }
}
