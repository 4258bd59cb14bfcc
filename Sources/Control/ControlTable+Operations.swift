import Model

// The verb table, fourth part: operations and their history.

extension ControlMethod {
    private static let operationParameter = ControlParameter(
        "operation_id", .operation, .required, "The operation's number.")

    private static let exampleOperation: JSONValue = [
        "operation_id": 42, "game": "quake", "kind": "download", "phase": "downloading", "state": "running",
        "bytes_done": 367_001_600, "bytes_total": 734_003_200, "rate": 117_440_512, "sources": 2,
        "started": "2026-11-20T18:00:00Z", "ended": .null, "failure": .null, "outcome": .null,
    ]

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
            The operation. `phase` is queued, preparing, waiting_for_source, downloading, installing or done; `state` \
            is running, paused, finished, failed, cancelled or all_peers_gone; `rate` is in bytes per second.
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

    static let operationPauseEntry = Entry(
        summary: "Pauses a download: it leaves its place to others until it is resumed, over a restart too.",
        parameters: [operationParameter],
        result: "The operation, paused or about to be; what was verified stays. An install is not paused.",
        mutates: true, failures: [.noSuchOperation, .notPausable],
        events: [EventName.operationProgress, EventName.activeOperationsChanged],
        example: ControlExample(["operation_id": 42], exampleOperation))

    static let operationResumeEntry = Entry(
        summary: "Puts a paused download back into the queue.",
        parameters: [operationParameter],
        result: "The operation.",
        mutates: true, failures: [.noSuchOperation, .notPausable],
        events: [EventName.operationProgress, EventName.activeOperationsChanged],
        example: ControlExample(["operation_id": 42], exampleOperation))

    static let historyListEntry = Entry(
        summary: "Lists the last operations that ended, newest first; they are kept over a restart.",
        parameters: ControlPage.parameters,
        result: "`operations`, as `operation.list` has them; `next` is null or the `after` of the next page.",
        page: ControlPage(list: "operations", key: "operation_id", isDescending: true),
        example: ControlExample([:], ["operations": [exampleOperationEnded], "next": .null]))

    static let historyGetEntry = Entry(
        summary: "Says how an operation went, with what the log said of it.",
        parameters: [operationParameter],
        result: """
            The operation, and `lines`, oldest first: `time`, `level` and `text` of each. Of a long one the first \
            \(Limits.historyLinesFirst) and the last \(Limits.historyLinesLast) lines are kept.
            """,
        failures: [.noSuchOperation],
        example: ControlExample(
            ["operation_id": 42],
            .object(
                (exampleOperationEnded.object ?? [:]).merging(
                    [
                        "lines": [
                            [
                                "time": "2026-11-20T18:00:07Z", "level": "notice",
                                "text": "OperationTable  An operation finished.  op=42 game=quake kind=download",
                            ]
                        ]
                    ], uniquingKeysWith: { $1 }))))
}
