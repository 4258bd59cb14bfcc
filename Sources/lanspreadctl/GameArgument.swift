import Control
import Model

/// What a person types for a game becomes its id: the id, the beginning of one id only, or the whole title.
enum GameArgument {
    static func resolve(_ word: String, _ connection: DaemonConnection) throws(Failure) -> GameID {
        if let game = GameID(word) {
            do {
                _ = try connection.call(.gameInfo, ["game": .string(word)])
                return game
            } catch {
                guard error.kind == .noSuchGame else { throw error }
            }
        }
        let rows = try connection.list(.gameList)["games"]?.array ?? []
        return try choose(word, rows.compactMap(Candidate.init))
    }

    struct Candidate {
        let game: GameID
        let title: String

        init?(_ row: JSONValue) {
            guard let game = row["game"]?.string.flatMap({ GameID($0) }) else { return nil }
            self.game = game
            title = row["title"]?.string ?? game.text
        }
    }

    private static func choose(_ word: String, _ games: [Candidate]) throws(Failure) -> GameID {
        let typed = word.lowercased()
        let shown = Text.escaped(word)
        let titled = games.filter { $0.title.lowercased() == typed }
        let begun = typed.isEmpty ? [] : games.filter { $0.game.text.hasPrefix(typed) }
        for found in [titled, begun] {
            if found.count == 1 { return found[0].game }
            if found.count > 1 {
                let some = found.prefix(5).map(\.game.text).joined(separator: ", ")
                throw Failure(
                    .noSuchGame, "Several games are meant by \(shown): \(some)\(found.count > 5 ? " and others" : "").",
                    subject: word, hint: "Type more of the id.")
            }
        }
        // By id first: it is what is typed next.
        let near =
            Suggestion.nearest(to: word, among: games.map(\.game.text))
            ?? games.first { $0.title == Suggestion.nearest(to: word, among: games.map(\.title)) }?.game.text
        throw Failure(
            .noSuchGame, "There is no game \(shown).", subject: word,
            hint: near.map { "Did you mean \($0)?" } ?? "lanspreadctl list --all shows the games.")
    }
}
