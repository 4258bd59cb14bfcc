import Model
import TestKit
import Wire

/// A daemon's library as a peer of it hears it, change by change.
final class HeardLibrary: Sendable {
    /// One message that changed something: its revision, and the games that it says something new of.
    struct Change: Sendable {
        let revision: UInt64
        let games: [GameID: GameSummary]
        let touched: Set<GameID>
    }

    private let trace = Trace<PeerMessage>()

    func hear(_ message: PeerMessage) {
        switch message {
        case .librarySnapshot, .libraryDelta: trace.record(message)
        default: break
        }
    }

    var changes: [Change] { Self.fold(trace.events) }

    /// Waits until the library as it was heard last is what the test wants.
    @discardableResult
    func wait(until isMet: @escaping @Sendable ([GameID: GameSummary]) -> Bool) async -> [Change] {
        Self.fold(await trace.wait { isMet(Self.fold($0).last?.games ?? [:]) })
    }

    private static func fold(_ messages: [PeerMessage]) -> [Change] {
        var changes: [Change] = []
        var games: [GameID: GameSummary] = [:]
        var pages: [GameID: GameSummary] = [:]
        for message in messages {
            let before = games
            let revision: UInt64
            switch message {
            case .librarySnapshot(let page):
                if page.page == 0 { pages = [:] }
                for game in page.games { pages[game.game] = game }
                guard page.isLast else { continue }
                games = pages
                revision = page.revision
            case .libraryDelta(let delta):
                for game in delta.added + delta.updated { games[game.game] = game }
                for game in delta.removed { games[game] = nil }
                revision = delta.to
            default: continue
            }
            let touched = Set(before.keys).union(games.keys).filter { before[$0] != games[$0] }
            changes.append(Change(revision: revision, games: games, touched: touched))
        }
        return changes
    }
}
