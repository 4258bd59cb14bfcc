import Control
import Model
import Testing

@testable import Node

@Suite struct `The status line` {
    private func event(_ name: String, _ fields: [String: JSONValue]) -> ControlEvent {
        ControlEvent(number: 1, name: name, fields: fields)
    }

    private func operation(_ id: Int64, _ game: String, _ done: Int64, _ total: Int64) -> JSONValue {
        ["operation_id": .int(id), "game": .string(game), "bytes_done": .int(done), "bytes_total": .int(total)]
    }

    @Test func `begins with what a snapshot says`() {
        let line = StatusLine([
            "peers": [["peer": "aa"]],
            "games": [
                ["game": "quake", "local_version": "1", "installed": false],
                ["game": "doom", "local_version": .null, "installed": true],
                ["game": "heretic", "local_version": .null, "installed": false],
            ],
            "operations": [operation(4, "quake", 42, 100)],
            "components": [
                ["name": "Discovery", "state": "degraded"], ["name": "Liveness", "state": "running"],
            ],
        ])
        #expect(line.text == "1 peer, 2 games, 1 operation: quake 42 %; degraded: Discovery")
        #expect(StatusLine(.null).text == "0 peers, 0 games")
    }

    @Test func `follows the events`() {
        var line = StatusLine(.null)
        line.take(event(EventName.peerAppeared, ["peer": ["peer": "aa"]]))
        line.take(event(EventName.peerAppeared, ["peer": ["peer": "bb"]]))
        line.take(event(EventName.peerVanished, ["peer": "aa"]))
        line.take(event(EventName.localLibraryChanged, ["games": [["local_version": "1"]]]))
        for id in 1...4 {
            line.take(event(EventName.operationStarted, ["operation": operation(Int64(id), "g\(id)", 0, 0)]))
        }
        line.take(event(EventName.operationProgress, ["operation": operation(1, "g1", 999, 1_000)]))
        #expect(line.text == "1 peer, 1 game, 4 operations: g1 99 %, g2, g3, …")
        line.take(event(EventName.operationFailed, ["operation": operation(1, "g1", 0, 0)]))
        line.take(event(EventName.operationFinished, ["operation": operation(2, "g2", 0, 0)]))
        line.take(event(EventName.allPeersGone, ["operation": operation(3, "g3", 0, 0)]))
        line.take(event(EventName.componentChanged, ["component": ["name": "Discovery", "state": "restarting"]]))
        #expect(line.text == "1 peer, 1 game, 1 operation: g4; degraded: Discovery")
        line.take(event(EventName.componentChanged, ["component": ["name": "Discovery", "state": "running"]]))
        line.take(event(EventName.operationFinished, ["operation": operation(4, "g4", 0, 0)]))
        #expect(line.text == "1 peer, 1 game")
    }
}
