import Model

// The verb table, second part: games.

extension ControlMethod {
    private static let gameParameter = ControlParameter("game", .game, .required, "The game's id.")

    private static let exampleGame: [String: JSONValue] = [
        "game": "quake", "title": "Quake", "version": "20240131", "genre": "Shooter", "players": "16",
        "publisher": "id Software", "local_version": "20240131", "availability": "ready", "reason": .null,
        "installed": true, "bytes": 734_003_200, "sources": 2, "peers": 3,
    ]

    private static let operationEvents = [
        EventName.operationStarted, EventName.activeOperationsChanged, EventName.operationProgress,
        EventName.operationFinished, EventName.operationFailed, EventName.localLibraryChanged,
    ]

    static let gameListEntry = Entry(
        summary: "Lists the games of the catalog, with what this host and its peers have.",
        parameters: [
            ControlParameter("text", .text, .optional, "Only with this in the id, title or publisher, in any case."),
            ControlParameter("genre", .text, .optional, "Only with this in the genre, in any case."),
            ControlParameter("players", .count, .optional, "Only games that at least so many can play."),
            ControlParameter("installed", .flag, .optional, "Only installed games, or only those that are not."),
            ControlParameter(
                "available", .flag, .optional,
                "Only games that have a source now or are here, or only those that do not and are not."),
            ControlParameter(
                "nearby", .flag, .preset(false), "Only games that this host or a connected peer has in any form."),
        ] + ControlPage.parameters,
        result: """
            `games`, ordered by id, those for which every condition holds; `catalog_games`, how many the catalog has; \
            `next` is null or the `after` of the next page. `availability` is ready, hashing, outdated, differs, \
            local_only, partial, unavailable or null; `reason` says why this host does not serve it, and is null when \
            it does, or when only a running operation hides it (`game.info` names that); `sources` counts peers that \
            have the agreed content, `peers` those that have the game in any form.
            """,
        page: ControlPage(list: "games", key: "game"),
        example: ControlExample(
            ["genre": "shooter", "players": 8],
            ["games": [.object(exampleGame)], "catalog_games": 412, "next": .null]))

    static let gameInfoEntry = Entry(
        summary: "Says all that is known of one game.",
        parameters: [gameParameter],
        result: """
            The row of `game.list`, whose `reason` names a running operation here, and: `root`, `verified`, `files`, \
            `installed_version`; `hashing` {done, total} while its manifest is built; the running `operation`; \
            `no_source`, why no peer is one; `roots` with their votes; `versions` over all peers; and in `remote` \
            every peer that has it, with `verdict` (source, or why it is none: suspect, outdated, hashing, differs, \
            ambiguous, local_only, partial, unavailable, offline, blocked) and `reason`. A suspect is asked last.
            """,
        failures: [.noSuchGame],
        example: ControlExample(
            ["game": "quake"],
            .object(
                exampleGame.merging(
                    [
                        "root": exampleRoot, "verified": "agreed by 2 of 2", "files": 6,
                        "installed_version": "20240131", "hashing": .null, "operation": .null, "no_source": .null,
                        "roots": [["root": exampleRoot, "votes": 2]],
                        "versions": [["version": "20240131", "peers": 2], ["version": "20230101", "peers": 1]],
                        "remote": [
                            [
                                "peer": examplePeer, "name": "bravo", "version": "20230101", "availability": "ready",
                                "root": exampleRoot, "bytes": 734_003_200, "verdict": "outdated",
                                "reason": "It has version 20230101.",
                            ]
                        ],
                    ], uniquingKeysWith: { $1 }))))

    static let gameDownloadEntry = Entry(
        summary: "Begins to download a game from its sources and, unless told otherwise, to install it then.",
        parameters: [
            gameParameter,
            ControlParameter("install", .flag, .preset(true), "Install it when it is complete."),
            ControlParameter("overwrite", .flag, .preset(false), "Replace files that are not ours."),
            ControlParameter("root", .root, .optional, "Take exactly this content."),
        ],
        result: "`operation_id`, at once.",
        mutates: true,
        failures: [
            .noSuchGame, .noCatalog, .noSource, .ambiguousRoot, .diskFull, .foreignFile,
            .gamesDirectoryUnavailable,
        ],
        events: operationEvents + [EventName.allPeersGone],
        example: ControlExample(["game": "quake", "install": true], ["operation_id": 42]))

    static let gameInstallEntry = Entry(
        summary: "Begins to install a downloaded game.",
        parameters: [gameParameter],
        result: "`operation_id`, at once.",
        mutates: true,
        failures: [.noSuchGame, .notDownloaded, .alreadyInstalled, .diskFull, .gamesDirectoryUnavailable],
        events: operationEvents,
        example: ControlExample(["game": "quake"], ["operation_id": 43]))

    static let transferListEntry = Entry(
        summary: "Lists what is sent to peers and what comes from them.",
        parameters: ControlPage.parameters,
        result: """
            `transfers`, one row for each direction, game and peer; `next` is null or the `after` of the next page. \
            `direction` is out or in, `bytes` counts since `since`, `rate` is in bytes per second over the last two; \
            a peer that stops asking is listed for 3 s. `operation_id` is that of the download, null for out; `limit` \
            says what holds it back, and is null.
            """,
        page: ControlPage(list: "transfers", key: "transfer"),
        example: ControlExample(
            [:],
            [
                "transfers": [
                    [
                        "transfer": .string("out/quake/\(examplePeer.string ?? "")/9b74c989"),
                        "direction": "out", "game": "quake", "root": exampleRoot, "peer": examplePeer, "name": "bravo",
                        "operation_id": .null, "bytes": 367_001_600, "rate": 117_440_512,
                        "since": "2026-11-20T18:00:00Z", "limit": .null,
                    ]
                ], "next": .null,
            ]))
}
