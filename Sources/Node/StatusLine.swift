package import Control
package import Model

/// The one line that `systemctl status` shows: "2 peers, 7 games, 1 operation: quake 42 %".
///
/// A fold of the same events that subscribers get, so it costs nothing while nothing happens.
package struct StatusLine: Sendable {
    private struct Operation {
        let game: String
        let percent: UInt64?
    }

    /// More would not fit beside the rest on a terminal.
    private static let named = 3

    private var peers: Set<String> = []
    private var games = 0
    private var operations: [Int64: Operation] = [:]
    /// Components that are less than they should be.
    private var reduced: Set<String> = []

    /// What a subscription begins with.
    package init(_ snapshot: JSONValue) {
        for peer in snapshot["peers"]?.array ?? [] { note(peer: peer) }
        games = Self.count(snapshot["games"])
        for operation in snapshot["operations"]?.array ?? [] { note(operation) }
        for component in snapshot["components"]?.array ?? [] { note(component: component) }
    }

    package mutating func take(_ event: ControlEvent) {
        switch event.name {
        case EventName.peerAppeared: if let peer = event.fields["peer"] { note(peer: peer) }
        case EventName.peerVanished: if let peer = event.fields["peer"]?.string { peers.remove(peer) }
        case EventName.localLibraryChanged: games = Self.count(event.fields["games"])
        case EventName.operationStarted, EventName.operationProgress:
            if let operation = event.fields["operation"] { note(operation) }
        case EventName.operationFinished, EventName.operationFailed, EventName.allPeersGone:
            if let id = event.fields["operation"]?["operation_id"]?.int { operations[id] = nil }
        case EventName.componentChanged: if let component = event.fields["component"] { note(component: component) }
        default: break
        }
    }

    package var text: String {
        var text = Self.count(peers.count, "peer") + ", " + Self.count(games, "game")
        if !operations.isEmpty {
            let sorted = operations.sorted { $0.key < $1.key }.map(\.value)
            let names = sorted.prefix(Self.named).map { operation in
                operation.game + (operation.percent.map { " \($0) %" } ?? "")
            }
            text += ", \(Self.count(sorted.count, "operation")): \(names.joined(separator: ", "))"
            if sorted.count > Self.named { text += ", …" }
        }
        if !reduced.isEmpty { text += "; degraded: \(reduced.sorted().joined(separator: ", "))" }
        return text
    }

    // MARK: - Folding

    private mutating func note(peer: JSONValue) {
        if let peer = peer["peer"]?.string { peers.insert(peer) }
    }

    private mutating func note(_ operation: JSONValue) {
        guard let id = operation["operation_id"]?.int, let game = operation["game"]?.string else { return }
        let (done, total) = (operation["bytes_done"]?.int ?? 0, operation["bytes_total"]?.int ?? 0)
        // Of what is nearly done a person reads that it is done: cut, not rounded.
        let percent = total > 0 && done >= 0 ? UInt64(Double(min(done, total)) / Double(total) * 100) : nil
        operations[id] = Operation(game: game, percent: percent)
    }

    private mutating func note(component: JSONValue) {
        guard let name = component["name"]?.string, let state = component["state"]?.string else { return }
        if state == "degraded" || state == "restarting" { reduced.insert(name) } else { reduced.remove(name) }
    }

    /// As `status` counts them: what is downloaded or installed.
    private static func count(_ games: JSONValue?) -> Int {
        (games?.array ?? []).count { $0["local_version"]?.string != nil || $0["installed"]?.bool == true }
    }

    private static func count(_ count: Int, _ word: String) -> String {
        "\(count) \(word)" + (count == 1 ? "" : "s")
    }
}
