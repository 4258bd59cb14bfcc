import Control
import Model

/// Which rows of `game.list` somebody wants; every condition that is given has to hold.
struct GameFilter: Hashable, Sendable {
    /// In the genre's name in any language and case: "strategy" finds "Real-time strategy".
    var genre: String?
    /// At least so many can play. A game whose catalog does not say how many is only found by one player.
    var players: Int?
    var installed: Bool?
    /// A source is there now, or the catalog's version is here.
    var available: Bool?
    /// In id, title or publisher, in any case.
    var text: String?
    /// Leaves out what neither this host nor a linked peer has in any form.
    var nearby = false

    init(
        genre: String? = nil, players: Int? = nil, installed: Bool? = nil, available: Bool? = nil, text: String? = nil,
        nearby: Bool = false
    ) {
        self.genre = genre.map { $0.lowercased() }
        self.players = players
        self.installed = installed
        self.available = available
        self.text = text.map { $0.lowercased() }
        self.nearby = nearby
    }

    init(_ parameters: JSONValue) {
        self.init(
            genre: parameters["genre"]?.string, players: parameters["players"]?.int.map { Int(clamping: $0) },
            installed: parameters["installed"]?.bool, available: parameters["available"]?.bool,
            text: parameters["text"]?.string, nearby: parameters["nearby"]?.bool ?? false)
    }

    func admits(_ row: GameRow) -> Bool {
        if nearby, !row.isNearby { return false }
        if let installed, row.isInstalled != installed { return false }
        if let available, row.isAvailable != available { return false }
        if let genre, !row.entry.genres.all.contains(where: { $0.lowercased().contains(genre) }) { return false }
        if let players, (row.entry.players ?? 1) < players { return false }
        if let text {
            let places = [row.entry.game.text, row.entry.title, row.entry.publisher ?? ""]
            if !places.contains(where: { $0.lowercased().contains(text) }) { return false }
        }
        return true
    }
}
