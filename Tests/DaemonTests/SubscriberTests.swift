import Control
import Fixture
import Linux
import Model
import Runtime
import TestKit
import Testing

extension TestHost {
    func client() throws -> Client { try Client(socket, TestLoops.shared) }

    /// Memory of the daemon that is its own or shared, in KiB.
    func residentKiB() throws -> Int {
        let file = try Files.openRead(atPath: "/proc/\(process.pid)/status")
        var room = [UInt8](repeating: 0, count: 16 << 10)
        let count = try room.withUnsafeMutableBytes { try file.read(into: $0) } ?? 0
        let line = String(decoding: room[..<count], as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("VmRSS:")
        }
        return Int(line?.filter { $0.isNumber } ?? "") ?? 0
    }
}

extension Client {
    /// Subscribes and returns the answer.
    func subscribe(_ id: Int64, _ parameters: JSONValue = [:]) async throws -> JSONValue {
        guard let result = try await ask(id, "events.subscribe", parameters) else {
            throw TestFailure("the daemon closed the connection")
        }
        return result
    }

    /// Every event up to the first for which it says so.
    func events(until isLast: (ControlEvent) -> Bool) async throws -> [ControlEvent] {
        var events: [ControlEvent] = []
        while case .event(let event)? = try await incoming() {
            events.append(event)
            if isLast(event) { return events }
        }
        throw TestFailure("the events ended: \(events.map(\.name))")
    }
}

@Suite(.serialized) struct `A subscriber of a daemon` {
    /// Downloads a game that is here already, so many times: four or five events each.
    private static func work(_ host: TestHost, _ client: Client, _ operations: Range<Int>) async throws {
        for number in operations {
            let begun = try await client.ask(
                Int64(2 * number), "game.download", ["game": "ggoo", "install": false])
            let id = try #require(begun?["operation_id"], "\(String(describing: begun))")
            let ended = try await client.ask(Int64(2 * number + 1), "operation.wait", ["operation_id": id])
            #expect(ended?["state"] == "finished")
        }
    }

    /// The rows of a list as the daemon has it now.
    private static func rows(_ client: Client, _ method: String, _ list: String) async throws -> [JSONValue] {
        try await client.ask(1, method)?[list]?.array ?? []
    }

    @Test func `that does not read has one gap and then a true snapshot, and costs no memory`() async throws {
        try await within(.seconds(240)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            // Some thousand operations are noted twice each; a disk would be what takes the time.
            let alpha = try await TestHost.start(
                name: "alpha", games: set.gamesDirectory(of: .alpha), catalog: set.catalog(of: .alpha),
                directory: try TemporaryDirectory(in: "/dev/shm"), manner: ["--log-level", "notice"])
            let worker = try alpha.client()
            while try await Self.rows(worker, "game.list", "games").contains(where: { $0["availability"] == "hashing" })
            {}
            var silent: [(client: Client, first: UInt64)] = []
            for _ in 1...40 {
                let client = try alpha.client()
                let reply = try await client.subscribe(1)
                silent.append((client, UInt64(reply["number"]?.int ?? 0)))
            }
            // What is kept for those who come back is full after these, and every queue is.
            try await Self.work(alpha, worker, 1..<1_300)
            let before = try alpha.residentKiB()
            try await Self.work(alpha, worker, 1_300..<2_600)
            let after = try alpha.residentKiB()
            #expect(after - before < 4 << 10, "\(before) KiB before, \(after) KiB after")
            for (client, first) in silent.prefix(8) { try await Self.catchUp(client, first: first, worker) }
            let (client, first) = silent[8]
            let number = try await Self.catchUp(client, first: first, worker)
            // From here on nothing is missing again.
            try await Self.work(client, worker, number)
        }
    }

    /// Reads up to the gap, subscribes again, and returns the number of the snapshot.
    @discardableResult
    private static func catchUp(_ client: Client, first: UInt64, _ worker: Client) async throws -> UInt64 {
        let events = try await client.events { $0.name == EventName.gap }
        var next = first + 1
        for event in events.dropLast() {
            #expect(event.number == next)
            next = event.number + 1
        }
        let gap = try #require(events.last)
        #expect(gap.fields["from"] == .bytes(next), "the gap begins where the events end")
        #expect(gap.fields["to"] == .bytes(gap.number) && gap.number >= first + 10_000, "\(gap)")
        let reply = try await client.subscribe(2)
        #expect(reply["number"]?.int ?? 0 >= Int64(gap.number))
        let snapshot = try #require(reply["snapshot"])
        #expect(try await snapshot["games"]?.array == rows(worker, "game.list", "games"))
        let running = try await rows(worker, "operation.list", "operations").filter { $0["state"] == "running" }
        #expect(snapshot["operations"]?.array == running)
        return UInt64(reply["number"]?.int ?? 0)
    }

    private static func work(_ client: Client, _ worker: Client, _ number: UInt64) async throws {
        _ = try await worker.ask(1, "game.download", ["game": "ggoo", "install": false])
        let events = try await client.events { $0.name == EventName.operationFinished }
        #expect(events.map(\.number) == Array((number + 1)...(number + UInt64(events.count))))
        #expect(events.map(\.name).contains(EventName.operationStarted))
    }

    @Test func `has the whole of a full catalog whose texts are as long as they may be`() async throws {
        try await within(.seconds(60)) {
            let place = try TemporaryDirectory()
            let text = String(repeating: "\"", count: Limits.catalogTitleBytes)
            let rows = (0..<Limits.catalogRows).map { number in
                let end = String(number)
                let id = String(repeating: "g", count: Limits.gameIDBytes - end.utf8.count) + end
                var row = FixtureCatalogRow(id, title: text, version: "20240131")
                (row.publisher, row.players, row.release) = (.text(text), .text(text), .text(text))
                return row
            }
            try FixtureCatalog.write(rows, to: place.path + "/game.db")
            try FixtureFile.makeDirectories(place.path + "/games")
            let host = try await TestHost.start(
                name: "one", games: place.path + "/games", catalog: place.path + "/game.db")
            let client = try host.client()
            _ = try await client.subscribe(1)
            let again = try await host.client().ask(1, "games_dir.set", ["path": .string(host.gamesDirectory)])
            #expect(again?["changed"] == false)
            let isList: Set = [EventName.localLibraryChanged, EventName.gap]
            let event = try await client.events { isList.contains($0.name) }.last
            #expect(event?.fields["games"]?.array?.count == rows.count, "\(String(describing: event?.name))")
            let snapshot = try await client.subscribe(2)["snapshot"]
            #expect(snapshot?["games"]?.array?.count == rows.count)
        }
    }

    /// Two losses cannot be made from outside: a gap, above, and the failure of a Required subsystem.
    @Test func `hears of everything that happens`() async throws {
        try await within(.seconds(120)) {
            let fixture = try TemporaryDirectory()
            let set = try FixtureSet.write(to: fixture.path)
            let alpha = try await TestHost.start(.alpha, of: set)
            let charlie = try await TestHost.start(.charlie, of: set)
            let listeners = [try charlie.client(), try alpha.client()]
            var names: Set<String> = []
            #expect(try await charlie.ctl("download", "ggoo").status == 11, "all_peers_gone")
            try await charlie.connect(to: alpha)
            try FixtureFile.makeDirectories("\(charlie.gamesDirectory)/ggoo")
            try FixtureFile.write(.text("Mine.\n"), to: "\(charlie.gamesDirectory)/ggoo/readme.txt")
            let refused = try await charlie.ctl("download", "ggoo")
            #expect(refused.status == 1, "operation_failed: \(refused)")
            _ = try await charlie.operation("download", "ggoo", "--overwrite")
            for (listener, host) in zip(listeners, [charlie, alpha]) {
                let reply = try await listener.subscribe(1)
                let again = try host.client()
                let since: JSONValue = ["epoch": reply["epoch"] ?? .null, "number": 0]
                #expect(try await again.subscribe(1, ["since": since])["snapshot"] == .null)
                let last = reply["number"]?.int ?? 0
                names.formUnion(try await again.events { $0.number >= last }.map(\.name))
            }
            _ = await alpha.stop()
            let rest = try await listeners[0].events { $0.name == EventName.remoteLibraryChanged }
            #expect(rest.map(\.name) == [EventName.peerVanished, EventName.remoteLibraryChanged])
            #expect(rest.last?.fields["games"]?.array?.contains { $0["game"] == "ggoo" && $0["sources"] == 0 } == true)
            names.formUnion(rest.map(\.name))
            let missing = Set(EventName.all).subtracting(names)
            #expect(missing == [EventName.gap, EventName.runtimeFailed])
        }
    }
}
