package import Control
package import Model

/// The use cases behind the control socket. ControlServer has checked every parameter against the verb table before.
extension Node: ControlHandler {
    package func call(
        _ method: ControlMethod, _ parameters: JSONValue, from client: ControlClient
    ) async throws(Failure) -> JSONValue {
        switch method {
        case .daemonStatus: return await status()
        case .daemonShutdown:
            shutdown()
            return [:]
        case .daemonReload: return try await askReload()
        case .configShow: return configShow()
        case .identityRenew: return try await identityRenew()
        case .peerList: return await peerList()
        case .peerConnect: return try await peerConnect(parameters)
        case .peerForget: return try await peerForget(parameters)
        case .peerBlock: return try await peerBlock(parameters)
        case .peerWait: return try await peerWait(parameters)
        case .catalogShow: return await catalogShow()
        case .catalogInit: return try await catalogInit(parameters)
        case .catalogAdd: return try await catalogAdd(parameters)
        case .catalogRemove: return try await catalogRemove(parameters)
        case .gameList: return await gameList(parameters)
        case .gameInfo: return try await gameInfo(parameters)
        case .gameDownload: return try await gameDownload(parameters)
        case .gameInstall: return try await gameInstall(parameters)
        case .libraryRescan: return try await libraryRescan(parameters)
        case .gamesDirSet: return try await gamesDirSet(parameters)
        case .operationList: return ["operations": .array(await operations.snapshots().map(\.json))]
        case .operationGet: return try await operation(parameters).json
        case .operationWait: return try await operationWait(parameters)
        case .operationCancel: return try await operationCancel(parameters)
        case .operationPause: return try await operationPause(parameters)
        case .operationResume: return try await operationResume(parameters)
        case .historyList: return await historyList()
        case .historyGet: return try await historyGet(parameters)
        case .transferList: return await transferList()
        case .eventsSubscribe, .rpcVersion, .rpcDiscover:
            preconditionFailure("\(method.name) is the server's own")
        }
    }

    package func subscribe(since: EventPosition?) async throws(Failure) -> EventSubscription {
        house.events.subscribe(since: since)
    }
}
