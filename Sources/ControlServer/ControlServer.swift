package import Control
package import Linux
import Model
package import Runtime

/// What a test makes smaller.
package struct ControlServerSettings: Sendable {
    package var clients = Limits.controlClients
    package var replyDeadline = Limits.controlReplyDeadline
    /// A line that was begun has to be finished in this time.
    package var lineDeadline = Limits.controlReplyDeadline

    package init() {}
}

/// The control socket: lets clients in, up to 64, and ends them all when it ends.
///
/// It knows the verb table and the handler, and nothing of what a verb does.
package actor ControlServer {
    private var clients = 0

    private let socketPath: String
    /// The descriptor that systemd handed over; it is never closed, so that no client is refused between two runs.
    private let inherited: Descriptor?
    private let handler: any ControlHandler
    private let loop: EventLoop
    private let log: Log
    private let settings: ControlServerSettings

    package init(
        socketPath: String, inherited: Descriptor? = nil, handler: any ControlHandler, loop: EventLoop, log: Log,
        settings: ControlServerSettings = ControlServerSettings()
    ) {
        self.socketPath = socketPath
        self.inherited = inherited
        self.handler = handler
        self.loop = loop
        self.log = log
        self.settings = settings
    }

    /// - Throws: `ControlServerError`, or `CancellationError` when it was told to stop.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        clients = 0
        let descriptor = try inherited ?? SocketFile.listen(socketPath)
        let file = inherited == nil ? SocketFile(socketPath) : nil
        let listener = ControlListener(descriptor, loop: loop)
        await listener.open()
        up()
        await withDiscardingTaskGroup { sessions in
            for await connection in listener.accepted {
                admit(Connection(descriptor: connection, loop: loop), &sessions)
            }
            sessions.cancelAll()
        }
        await listener.close()
        file?.remove()
        try Task.checkCancellation()
        throw ControlServerError.listenerFailed(path: socketPath)
    }

    private func admit(_ connection: Connection, _ sessions: inout DiscardingTaskGroup) {
        guard let client = connection.client else {
            return log.warning("A control client without a name is refused.", kind: "client_refused")
        }
        guard clients < settings.clients else {
            connection.tellBusy(settings.clients)
            return log.warning(
                "A control client is refused: \(settings.clients) are connected.", kind: "client_refused")
        }
        clients += 1
        let session = ControlSession(connection, client: client, handler: handler, settings: settings, log: log)
        sessions.addTask {
            await session.run()
            await self.left()
        }
    }

    private func left() {
        clients -= 1
    }
}
