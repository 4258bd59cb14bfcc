import Model

// The verb table, second half: games and operations.

extension ControlMethod {
    private static let gameParameter = ControlParameter("game", .game, .required, "The game's id.")
    private static let operationParameter = ControlParameter(
        "operation_id", .operation, .required, "The operation's number.")

    private static let exampleGame: [String: JSONValue] = [
        "game": "quake", "title": "Quake", "version": "20240131", "local_version": "20240131",
        "availability": "ready", "installed": true, "bytes": 734_003_200, "sources": 2, "peers": 3,
    ]

    private static let exampleOperation: JSONValue = [
        "operation_id": 42, "game": "quake", "kind": "download", "phase": "downloading", "state": "running",
        "bytes_done": 367_001_600, "bytes_total": 734_003_200, "rate": 117_440_512, "sources": 2,
        "started": "2026-11-20T18:00:00Z", "ended": .null, "failure": .null, "outcome": .null,
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

    static let operationListEntry = Entry(
        summary: "Lists the running operations and the last ones that ended.",
        parameters: ControlPage.parameters,
        result: "`operations`, ordered by number; `next` is null or the `after` of the next page.",
        page: ControlPage(list: "operations", key: "operation_id"),
        example: ControlExample([:], ["operations": [exampleOperation], "next": .null]))

    static let operationGetEntry = Entry(
        summary: "Says how an operation stands.",
        parameters: [operationParameter],
        result: """
            The operation. `phase` is waiting_for_source, downloading, installing or done; `state` is running, \
            finished, failed, cancelled or all_peers_gone; `rate` is in bytes per second.
            """,
        failures: [.noSuchOperation],
        example: ControlExample(["operation_id": 42], exampleOperation))

    static let operationWaitEntry = Entry(
        summary: "Waits until an operation has ended; other calls on the same connection go on meanwhile.",
        parameters: [
            operationParameter,
            ControlParameter("timeout", .seconds, .optional, "How long to wait at most; without it, for ever."),
        ],
        result: "The operation, ended. That it failed stands in its `state` and `failure`; the call succeeds.",
        failures: [.noSuchOperation, .timeout],
        example: ControlExample(["operation_id": 42, "timeout": 600], exampleOperationEnded))

    static let operationCancelEntry = Entry(
        summary: "Cancels a running operation; verified chunks stay for the next download.",
        parameters: [operationParameter],
        result: "The operation, ended or about to end. One that has ended already is answered as it is.",
        mutates: true, failures: [.noSuchOperation],
        events: [EventName.activeOperationsChanged, EventName.operationFinished],
        example: ControlExample(["operation_id": 42], exampleOperation))

    private static let exampleOperationEnded: JSONValue = [
        "operation_id": 42, "game": "quake", "kind": "download", "phase": "done", "state": "finished",
        "bytes_done": 734_003_200, "bytes_total": 734_003_200, "rate": 0, "sources": 2,
        "started": "2026-11-20T18:00:00Z", "ended": "2026-11-20T18:00:07Z", "failure": .null,
        "outcome": "downloaded and installed",
    ]
}
