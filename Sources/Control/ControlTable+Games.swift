import Model

// The verb table, second part: games.

extension ControlMethod {
    private static let gameParameter = ControlParameter("game", .game, .required, "The game's id.")

    private static let exampleGame: [String: JSONValue] = [
        "game": "quake", "title": "Quake", "version": "20240131", "local_version": "20240131",
        "availability": "ready", "installed": true, "bytes": 734_003_200, "sources": 2, "peers": 3,
    ]

    private static let operationEvents = [
        EventName.operationStarted, EventName.activeOperationsChanged, EventName.operationProgress,
        EventName.operationFinished, EventName.operationFailed, EventName.localLibraryChanged,
    ]

    static let gameListEntry = Entry(
        summary: "Lists the games of the catalog, with what this host and its peers have.",
        parameters: ControlPage.parameters,
        result: "`games`, ordered by id; `next` is null or the `after` of the next page.",
        page: ControlPage(list: "games", key: "game"),
        example: ControlExample([:], ["games": [.object(exampleGame)], "next": .null]))

    static let gameInfoEntry = Entry(
        summary: "Says all that is known of one game.",
        parameters: [gameParameter],
        result: "The row of `game.list`, and `root`, `verified`, `files`, `installed_version`, `remote`.",
        failures: [.noSuchGame],
        example: ControlExample(
            ["game": "quake"],
            .object(
                exampleGame.merging(
                    [
                        "root": exampleRoot, "verified": "agreed by 2 of 2", "files": 6,
                        "installed_version": "20240131",
                        "remote": [
                            [
                                "peer": examplePeer, "name": "bravo", "version": "20240131", "availability": "ready",
                                "root": exampleRoot,
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
            .noSuchGame, .noCatalog, .noSource, .ambiguousRoot, .alreadyDownloaded, .diskFull, .foreignFile,
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
}
