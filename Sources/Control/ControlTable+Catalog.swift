import Model

// The verb table: the catalog.

extension ControlMethod {
    private static let gameParameter = ControlParameter("game", .game, .required, "The game's id.")
    private static let exampleRow: JSONValue = [
        "game": "quake", "title": "Quake", "version": "20240131", "bytes": 734_003_200, "genre": "Shooter",
        "genres": ["de": .null, "en": "Shooter", "fr": .null], "publisher": "id Software", "released": "1996",
        "players": 16, "players_limit": "16", "needs_master": false,
    ]

    static let catalogShowEntry = Entry(
        summary: "Shows the catalog in force, whose it is, and what of its file is not in it.",
        parameters: ControlPage.parameters,
        result: """
            `path`, `owner` (lanspread: our own, which the verbs change; administrator: never written; null: there is \
            none), `problem` (why the file that should be in force is not), `count`, `games`, ordered by id, `next`, \
            `dropped_count` rows that break a rule and the first 100 of them as `dropped`, and `withdrawn`: the ids of \
            games that the catalog's owner took back.
            """,
        page: ControlPage(list: "games", key: "game"),
        example: ControlExample(
            [:],
            [
                "path": "/srv/lanspread/game.db", "owner": "administrator", "problem": .null, "count": 1,
                "games": [exampleRow], "next": .null, "dropped_count": 0, "dropped": [], "withdrawn": ["retired"],
            ]))

    static let catalogInitEntry = Entry(
        summary: "Begins a catalog of this host's own in the state directory; it is in force when the call returns.",
        parameters: [
            ControlParameter("from_library", .flag, .preset(false), "Put in every game that is downloaded here."),
            ControlParameter("force", .flag, .preset(false), "Lose the one that is there."),
        ],
        result: """
            `path`, `games`: how many it has, `skipped`: the first \(Limits.catalogFaultsShown) ids of games here that \
            cannot be read, have no version or have no room in it, and `skipped_count`: how many there are.
            """,
        mutates: true, failures: [.notAllowed, .gamesDirectoryUnavailable, .diskFull, .badConfiguration, .timeout],
        events: [EventName.localLibraryChanged],
        example: ControlExample(
            ["from_library": true],
            ["path": "/var/lib/lanspread/game.db", "games": 12, "skipped_count": 0, "skipped": []]))

    static let catalogAddEntry = Entry(
        summary: """
            Adds a game to the catalog of this host's own, or gives one another version; what is not said of one that \
            is there stays.
            """,
        parameters: [
            gameParameter, ControlParameter("version", .version, .required, "The one version that counts."),
            ControlParameter("title", .text, .optional, "Its name; the id without one."),
            ControlParameter("size", .bytes, .optional, "Bytes, for people."),
            ControlParameter("genre", .text, .optional, "Its genre."),
            ControlParameter("players", .text, .optional, "How many can play, as 16 or 2 (+ 6 CPU)."),
            ControlParameter("publisher", .text, .optional, "Its publisher."),
            ControlParameter("released", .text, .optional, "When it came out."),
        ],
        result: "`added`: false when it was there; `game`: its row.",
        mutates: true, failures: [.notAllowed, .noCatalog, .diskFull, .badConfiguration, .timeout],
        events: [EventName.localLibraryChanged],
        example: ControlExample(
            ["game": "quake", "version": "20240131", "title": "Quake"], ["added": true, "game": exampleRow]))

    static let catalogRemoveEntry = Entry(
        summary: "Takes a game out of the catalog of this host's own. Its files stay where they are.",
        parameters: [gameParameter],
        result: "`game`.",
        mutates: true, failures: [.noSuchGame, .notAllowed, .noCatalog, .diskFull, .badConfiguration, .timeout],
        events: [EventName.localLibraryChanged],
        example: ControlExample(["game": "quake"], ["game": "quake"]))
}
