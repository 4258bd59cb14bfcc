import Runtime
import Testing

@testable import Mdns

@Suite(.serialized, .enabled(if: AvahiHarness.isPossible, "needs root, avahi-daemon and dbus-daemon"))
struct `Mdns with a real Avahi` {
    // long: one Avahi goes through all of it; each start of one takes a second.
    @Test(.timeLimit(.minutes(1))) func `publishes, sights, renames, and comes back after Avahi and D-Bus`()
        async throws
    {
        let harness = try AvahiHarness()
        try harness.startBus()
        try harness.startAvahi()
        let alpha = try await Watcher(Advertisement(name: "alpha", port: 4711, text: ["id": "a", "proto": "1"]))
        let bravo = try await Watcher(Advertisement(name: "bravo", port: 4712, text: ["id": "b"]))

        var seen = try await bravo.sighting(of: "alpha")
        #expect(seen.port == 4711)
        #expect(seen.text["id"] == "a" && seen.text["proto"] == "1")
        #expect(seen.address == (seen.key.isIPv6 ? "[::1]:4711" : "127.0.0.1:4711"))
        #expect(!seen.isOurs)
        #expect(try await alpha.sighting(of: "alpha").isOurs)

        // A text that changes is told again, without a new name.
        await alpha.mdns.advertise(Advertisement(name: "alpha", port: 4711, text: ["id": "a", "rev": "2"]))
        while seen.text["rev"] != "2" { seen = try await bravo.sighting(of: "alpha") }

        // The same name twice: the second one gets another.
        let twin = try await Watcher(Advertisement(name: "alpha", port: 4713, text: [:]))
        let name = try await twin.next { if case .published(let name) = $0 { name } else { nil } }
        #expect(name == "alpha #2")
        #expect(try await bravo.sighting(of: "alpha #2").port == 4713)
        await twin.close()
        _ = try await bravo.next { event in
            if case .vanished(let key) = event, key.name == "alpha #2" { key } else { nil }
        }

        // Avahi dies and comes again: available again, published again, sighted again.
        await harness.stopAvahi()
        _ = try await bravo.next { if case .unavailable = $0 { true } else { nil } }
        try harness.startAvahi()
        _ = try await bravo.next { if case .available = $0 { true } else { nil } }
        _ = try await alpha.next { if case .unavailable = $0 { true } else { nil } }
        let again = try await alpha.next { if case .published(let name) = $0 { name } else { nil } }
        #expect(again == "alpha")
        #expect(try await bravo.sighting(of: "alpha").port == 4711)

        // Its host gets another name: everything is published again, and nothing is told twice.
        await harness.setHostName("renamed")
        var events: [MdnsEvent] = []
        _ = try await alpha.next { event in
            events.append(event)
            if case .published(let name) = event { return name } else { return nil }
        }
        #expect(!events.contains(.available))
        let charlie = try await Watcher(Advertisement(name: "charlie", port: 4714, text: [:]))
        #expect(try await charlie.sighting(of: "alpha").port == 4711)
        await charlie.close()

        // D-Bus dies, and Avahi with it.
        await harness.stopBus()
        _ = try await bravo.next { if case .unavailable = $0 { true } else { nil } }
        await harness.stopAvahi()
        try harness.startBus()
        try harness.startAvahi()
        #expect(try await bravo.sighting(of: "alpha").port == 4711)

        await alpha.close()
        await bravo.close()
        await harness.close()
    }

    @Test(.timeLimit(.minutes(1))) func `says why when there is no D-Bus at all and stops when told to`() async throws {
        let harness = try AvahiHarness()
        let alone = try await Watcher(Advertisement(name: "alone", port: 1, text: [:]))
        let reason = try await alone.next { if case .unavailable(let reason) = $0 { reason } else { nil } }
        #expect(!reason.isEmpty)
        await alone.close()
        await harness.close()
    }
}

@Suite struct `An advertisement` {
    @Test func `has a name that fits a label and holds no control characters`() {
        func name(_ text: String) -> String { Advertisement(name: text, port: 1, text: [:]).name }
        #expect(name("alpha\u{7f}\n beta") == "alpha beta")
        #expect(name("") == "lanspread")
        #expect(name(String(repeating: "a", count: 64)).utf8.count == 63)
        // A character is not cut in two.
        #expect(name(String(repeating: "é", count: 40)).utf8.count == 62)
    }
}
