import Control
import Model
import Testing

@Suite struct `The verb table` {
    private func refusal(_ method: ControlMethod, _ parameters: JSONValue) -> Failure? {
        do {
            _ = try method.check(parameters)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ControlMethod.allCases)
    func `has an example for every method that passes its own check`(_ method: ControlMethod) throws {
        _ = try method.check(method.entry.example.parameters)
        #expect(method.entry.summary.hasSuffix("."))
        #expect(method.entry.example.result.object != nil)
    }

    @Test func `fills in what was not given`() throws {
        #expect(
            try ControlMethod.gameDownload.check(["game": "quake", "root": .null])
                == ["game": "quake", "install": true, "overwrite": false])
    }

    @Test func `refuses what is missing, unknown or of another type`() {
        #expect(refusal(.gameInfo, [:])?.sentence == "game.info needs the parameter game.")
        #expect(refusal(.gameInfo, ["game": .null])?.kind == .usage)
        #expect(
            refusal(.gameDownload, ["game": "quake", "overwite": true])?.sentence
                == "game.download has no parameter overwite.")
        for value: JSONValue in [1, "", "Quake", "../etc", "-a", .string(String(repeating: "a", count: 65))] {
            #expect(refusal(.gameInfo, ["game": value])?.kind == .usage)
        }
        for value: JSONValue in [0, -1, "1", .double(1.5)] {
            #expect(refusal(.operationGet, ["operation_id": value])?.kind == .usage)
        }
        for value: JSONValue in [-1, "9", .double(31_536_001), .double(1e300)] {
            #expect(refusal(.peerWait, ["count": 1, "timeout": value])?.kind == .usage)
        }
        #expect(refusal(.eventsSubscribe, ["since": ["epoch": "a"]])?.kind == .usage)
        #expect(refusal(.peerList, [])?.kind == .usage)
    }

    @Test func `admits half seconds and a year`() throws {
        let checked = try ControlMethod.peerWait.check(["count": 0, "timeout": .double(0.5)])
        #expect(ControlArguments(checked).seconds("timeout") == .milliseconds(500))
        #expect(refusal(.peerWait, ["count": 0, "timeout": 31_536_000]) == nil)
    }

    @Test func `is what rpc discover says`() {
        let methods = RPC.discoverResult["methods"]?.array ?? []
        #expect(methods.map { $0["name"]?.string } == ControlMethod.allCases.map(\.name))
        let line = JSONRPC.encodeResult(id: 1, RPC.discoverResult)
        #expect(line.count < 64 << 10)
    }

    @Test func `gives every failure kind one number, one word and an exit code`() {
        let table = Failure.Kind.table
        #expect(Set(table.map(\.code)).count == table.count)
        #expect(Set(table.map(\.kind)).count == table.count)
        #expect(!table.contains { $0.code == Failure.Kind.unknownCode })
        for method in ControlMethod.allCases {
            for kind in method.entry.failures { #expect(kind.entry != nil) }
        }
    }

    @Test(arguments: [
        (Failure.Kind.noSuchGame, 10), (.noSource, 11), (.allPeersGone, 11), (.diskFull, 12), (.verificationFailed, 13),
        (.cancelled, 14), (.usage, 64), (.unreachable, 69), (.busy, 75), (.notAllowed, 77), (.badConfiguration, 78),
        (.timeout, 124), (.internalFault, 1),
    ])
    func `ends lanspreadctl with the exit code of the manual`(_ kind: Failure.Kind, _ code: Int) {
        #expect(ExitCode.of(kind).rawValue == Int32(code))
    }
}

@Suite struct `A page` {
    private let page = ControlPage(list: "games", key: "game")

    private func list(_ ids: [String]) -> JSONValue {
        ["games": .array(ids.map { ["game": .string($0)] }), "more": 1]
    }

    private func walk(_ result: JSONValue, limit: Int64) -> [[String]] {
        var pages: [[String]] = []
        var after: JSONValue = .null
        repeat {
            let part = page.cut(result, ["after": after, "limit": .int(limit)])
            pages.append((part["games"]?.array ?? []).compactMap { $0["game"]?.string })
            after = part["next"] ?? .null
        } while after != .null && pages.count < 20
        return pages
    }

    @Test func `follows the one before, in order of the key`() {
        #expect(walk(list(["c", "a", "e", "b", "d"]), limit: 2) == [["a", "b"], ["c", "d"], ["e"]])
        #expect(walk(list(["b", "a"]), limit: 2) == [["a", "b"]])
        #expect(walk(list([]), limit: 2) == [[]])
    }

    @Test func `keeps games whose ids look like numbers in step`() {
        #expect(walk(list(["a", "1942", "1943", "20"]), limit: 1) == [["1942"], ["1943"], ["20"], ["a"]])
    }

    @Test func `orders operations by number`() {
        let operations = ControlPage(list: "operations", key: "operation_id")
        let rows: JSONValue = ["operations": [["operation_id": 10], ["operation_id": 9], ["operation_id": 100]]]
        let first = operations.cut(rows, ["limit": 2])
        #expect(first["operations"] == [["operation_id": 9], ["operation_id": 10]])
        #expect(operations.cut(rows, ["limit": 2, "after": "10"])["operations"] == [["operation_id": 100]])
    }

    @Test func `has one row at least and the limit at most`() {
        let many = list((0..<Limits.controlPageRows + 1).map { "g\($0)" })
        #expect(page.cut(many, ["limit": 1_000_000])["games"]?.array?.count == Limits.controlPageRows)
        #expect(page.cut(many, ["limit": 0])["games"]?.array?.count == 1)
        #expect(page.cut(["games": 1], [:]) == ["games": 1])
    }
}
