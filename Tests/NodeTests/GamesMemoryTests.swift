import Model
import Testing

@testable import Node

@Suite struct `What is remembered of games directories` {
    @Test func `is the same after it was written and read`() {
        var memory = GamesMemory()
        memory.remember("/srv/a b", id: "1")
        memory.remember("/srv/ü\n", id: "2")
        memory.choose("/srv/ü\n", configured: "/srv/a b")
        let again = GamesMemory(saved: memory.text)
        #expect(again == memory)
        #expect(again.id(of: "/srv/a b") == "1")
        #expect(again.id(of: "/srv") == nil)
        #expect(again.choice(configured: "/srv/a b") == "/srv/ü\n")
    }

    @Test func `is what an earlier version wrote, and nothing where nobody can read it`() {
        #expect(GamesMemory(saved: "0f0f /srv/a b").id(of: "/srv/a b") == "0f0f")
        for saved in ["", "x", "{", "{}", "{\"known\":[1,{\"path\":1}]}", "[]"] {
            #expect(GamesMemory(saved: saved).ids.isEmpty, "\(saved)")
        }
    }

    @Test func `of a choice ends when the configuration names another directory, or it is chosen back`() {
        var memory = GamesMemory()
        memory.choose("/b", configured: "/a")
        #expect(memory.choice(configured: "/a") == "/b")
        #expect(memory.choice(configured: "/c") == "/c")
        memory.choose("/a", configured: "/a")
        #expect(memory.choice(configured: "/a") == "/a")
    }

    @Test func `is bounded, and the one used last is the last to go`() {
        var memory = GamesMemory()
        memory.remember("/kept", id: "k")
        for number in 0..<Limits.gamesDirectories - 1 { memory.remember("/\(number)", id: "\(number)") }
        memory.remember("/kept", id: "k2")
        memory.remember("/one more", id: "x")
        #expect(memory.ids.count == Limits.gamesDirectories)
        #expect(memory.id(of: "/kept") == "k2")
        #expect(memory.id(of: "/0") == nil)
    }
}
