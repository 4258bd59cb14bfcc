import Model

// The verb table, first half: the daemon, its peers, events and the protocol itself.

extension ControlMethod {
    package var entry: Entry {
        switch self {
        case .daemonStatus: Self.daemonStatusEntry
        case .daemonShutdown: Self.daemonShutdownEntry
        case .daemonReload: Self.daemonReloadEntry
        case .configShow: Self.configShowEntry
        case .identityRenew: Self.identityRenewEntry
        case .peerList: Self.peerListEntry
        case .peerConnect: Self.peerConnectEntry
        case .peerWait: Self.peerWaitEntry
        case .peerForget: Self.peerForgetEntry
        case .peerBlock: Self.peerBlockEntry
        case .catalogShow: Self.catalogShowEntry
        case .catalogInit: Self.catalogInitEntry
        case .catalogAdd: Self.catalogAddEntry
        case .catalogRemove: Self.catalogRemoveEntry
        case .gameList: Self.gameListEntry
        case .gameInfo: Self.gameInfoEntry
        case .gameDownload: Self.gameDownloadEntry
        case .gameInstall: Self.gameInstallEntry
        case .libraryRescan: Self.libraryRescanEntry
        case .gamesDirSet: Self.gamesDirSetEntry
        case .operationList: Self.operationListEntry
        case .operationGet: Self.operationGetEntry
        case .operationWait: Self.operationWaitEntry
        case .operationCancel: Self.operationCancelEntry
        case .operationPause: Self.operationPauseEntry
        case .operationResume: Self.operationResumeEntry
        case .historyList: Self.historyListEntry
        case .historyGet: Self.historyGetEntry
        case .transferList: Self.transferListEntry
        case .eventsSubscribe: Self.eventsSubscribeEntry
        case .rpcVersion: Self.rpcVersionEntry
        case .rpcDiscover: Self.rpcDiscoverEntry
        }
    }

    static let examplePeer: JSONValue = "5f0c5e1d2b0f4c6d8e9a7b3c1d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70"
    static let exampleRoot: JSONValue = "9b74c9897bac770ffc029102a200c5de4d9e0f1a2b3c4d5e6f708192a3b4c5d6"

    private static let daemonStatusEntry = Entry(
        summary: "Says how the daemon is, and what is degraded and what helps.",
        parameters: [],
        result: "The host, what it serves, its components, and a `degraded` list that is empty when all is well.",
        example: ControlExample(
            [:],
            [
                "name": "alpha", "identity": examplePeer, "version": "0.1.0", "pid": 812,
                "uptime_seconds": 3_600,
                "listen": ["192.168.1.10:47600"], "games_dir": "/srv/lanspread", "state": "ready",
                "catalog": ["path": "/srv/lanspread/game.db", "games": 412], "peers": 2, "games": 12, "operations": 0,
                "outbound_transfers": 1,
                "components": [
                    [
                        "name": "QuicServer", "policy": "required", "state": "running", "restarts": 0, "reason": .null,
                        "last_reason": .null,
                    ]
                ],
                "degraded": [],
            ]))

    private static let daemonShutdownEntry = Entry(
        summary: "Stops the daemon in order, as SIGTERM does.",
        parameters: [],
        result: "An empty object, sent before the daemon begins to stop.",
        mutates: true,
        example: ControlExample([:], [:]))

    private static let peerListEntry = Entry(
        summary: "Lists the peers that are connected, and those that are remembered.",
        parameters: ControlPage.parameters,
        result: """
            `peers`, ordered by identity; `next` is null or the `after` of the next page. `state` is connected, \
            suspect (silent for 10 s), offline or blocked; `last_seen` is when it was heard last.
            """,
        page: ControlPage(list: "peers", key: "peer"),
        example: ControlExample(
            [:],
            [
                "peers": [
                    [
                        "peer": examplePeer, "name": "bravo", "address": "192.168.1.20:47600", "state": "connected",
                        "games": 7, "connected_seconds": 125, "last_seen": "2026-11-20T18:00:00Z",
                    ]
                ], "next": .null,
            ]))

    private static let peerConnectEntry = Entry(
        summary: "Connects to a peer by its address, without mDNS.",
        parameters: [ControlParameter("address", .address, .required, "Host and port of the peer.")],
        result: "`peer`: the identity that answered.",
        mutates: true, failures: [.unreachable, .connectionRefused, .timeout],
        events: [EventName.peerAppeared, EventName.remoteLibraryChanged],
        example: ControlExample(["address": "192.168.1.20:47600"], ["peer": examplePeer]))

    private static let peerWaitEntry = Entry(
        summary: "Waits until at least `count` peers are connected.",
        parameters: [
            ControlParameter("count", .count, .required, "How many peers are enough."),
            ControlParameter("timeout", .seconds, .preset(60), "How long to wait at most."),
        ],
        result: "`peers`: how many there are.",
        failures: [.timeout],
        example: ControlExample(["count": 2, "timeout": 30], ["peers": 2]))

    private static let peerParameter = ControlParameter(
        "peer", .text, .required,
        "Its identity, the beginning of one identity only (4 digits or more), or the whole name of one peer only.")

    private static let peerForgetEntry = Entry(
        summary: "Forgets a peer, so that it is not dialled again; a connection that is there stays.",
        parameters: [peerParameter],
        result: "`peer`: its identity.",
        mutates: true, failures: [.noSuchPeer, .notAllowed],
        example: ControlExample(["peer": "5f0c"], ["peer": examplePeer]))

    private static let peerBlockEntry = Entry(
        summary: "Blocks a peer, or lets it in again. A blocked one is never dialled, answered or taken as a source.",
        parameters: [peerParameter, ControlParameter("blocked", .flag, .preset(true), "False lifts the block.")],
        result: "`peer`: its identity; `blocked`.",
        mutates: true, failures: [.noSuchPeer],
        events: [EventName.peerVanished],
        example: ControlExample(["peer": "bravo"], ["peer": examplePeer, "blocked": true]))

    private static let eventsSubscribeEntry = Entry(
        summary: "Answers with a snapshot and its number, then sends every later event as a notification.",
        parameters: [
            ControlParameter("since", .position, .optional, "The last position that was seen: events after it follow.")
        ],
        result: """
            `epoch` and `number` of the snapshot, and `snapshot` with `games`, `operations`, `peers` and more. When \
            the events after `since` are still held, `snapshot` is null, `number` is that of `since`, and they follow. \
            A connection has one subscription; a second call takes its place. Whoever gets a `gap` (`from` and `to` \
            are the first and the last event that were lost) calls again and has a snapshot with what came between.
            """,
        events: EventName.all,
        example: ControlExample(
            ["since": ["epoch": "c0ffee01", "number": 40]],
            ["epoch": "c0ffee02", "number": 7, "snapshot": ["games": [], "operations": [], "peers": []]]))

    private static let rpcVersionEntry = Entry(
        summary: "Says which version of this interface the daemon speaks.",
        parameters: [],
        result: "`version` (semantic versioning of the interface) and `schema_version` of the results.",
        example: ControlExample([:], ["version": .string(RPC.version), "schema_version": .int(RPC.schemaVersion)]))

    private static let rpcDiscoverEntry = Entry(
        summary: "Describes every method as an OpenRPC document.",
        parameters: [],
        result: "The document.",
        example: ControlExample([:], ["openrpc": "1.3.2", "methods": []]))
}
