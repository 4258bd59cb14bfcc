import Control
import Model
import Runtime

/// One client: its lines become calls, its calls become replies in the order in which they end.
///
/// Up to 16 calls run at once, so that `operation.wait` does not hold up the call that cancels the operation. A call
/// that changes something is carried through when its client leaves; a call that only waits ends with it.
actor ControlSession {
    private var calls = 0
    /// Subscriptions that have not ended, the newest last.
    private var streams: [Stream] = []

    private let socket: ControlSocket
    private let client: ControlClient
    private let handler: any ControlHandler
    private let settings: ControlServerSettings
    private let log: Log
    /// Somebody who waits looks again: a call ended, or the client is gone.
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(
        _ connection: Connection, client: ControlClient, handler: any ControlHandler,
        settings: ControlServerSettings, log: Log
    ) {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wakes = wakes
        self.wake = wake
        self.client = client
        self.handler = handler
        self.settings = settings
        self.log = log
        socket = ControlSocket(
            connection.descriptor, loop: connection.loop, lineBytes: Limits.controlRequestBytes,
            lineLimit: settings.lineDeadline, gone: { wake.yield() })
    }

    func run() async {
        await socket.open()
        await withDiscardingTaskGroup { changes in
            await withDiscardingTaskGroup { waits in
                while let input = await socket.readLine() {
                    guard await begin(input, &changes, &waits) else { break }
                }
                // A client that finished sending still gets its answers; one that is gone waits for nothing.
                await sleepUntil { calls == 0 && streams.isEmpty }
                waits.cancelAll()
            }
        }
        if let reason = await socket.dropReason {
            log.notice("A control client is dropped: \(reason).", kind: "client_dropped", pid, uid)
        }
        await socket.close()
    }

    /// False: the client broke a rule, has been told so, and nothing more is read.
    private func begin(
        _ input: ControlSocket.Input, _ changes: inout DiscardingTaskGroup, _ waits: inout DiscardingTaskGroup
    ) async -> Bool {
        guard case .line(let line) = input else {
            await refuse(input)
            return false
        }
        let request: JSONRPC.Request
        do {
            request = try JSONRPC.decodeRequest(line)
        } catch {
            _ = await socket.send(
                JSONRPC.encodeFailure(id: error.id, error.failure, code: error.code), within: settings.replyDeadline)
            return true
        }
        await sleepUntil { calls < Limits.controlCallsPerClient }
        calls += 1
        if ControlMethod(rawValue: request.method)?.entry.mutates == true {
            changes.addTask { await self.answer(request) }
        } else {
            waits.addTask { await self.answer(request) }
        }
        return true
    }

    private func refuse(_ input: ControlSocket.Input) async {
        let reason =
            input == .tooLong
            ? "it is longer than \(Limits.controlRequestBytes) bytes" : "its line was begun and not finished"
        let failure = Failure(.malformed, "The request was not understood: \(reason).")
        _ = await socket.send(JSONRPC.encodeFailure(id: .null, failure), within: settings.replyDeadline)
        log.info(
            "A control client is told that its request was not understood: \(reason).", kind: "client_malformed", pid,
            uid)
    }

    /// Returns when `holds` does, the client is gone, or the task was cancelled.
    private func sleepUntil(_ holds: () -> Bool) async {
        while !holds(), !Task.isCancelled {
            guard await !socket.isGone else { return }
            var iterator = wakes.makeAsyncIterator()
            _ = await iterator.next()
        }
    }

    // MARK: - One call

    private func answer(_ request: JSONRPC.Request) async {
        defer {
            calls -= 1
            wake.yield()
        }
        do throws(Failure) {
            guard let method = ControlMethod(rawValue: request.method) else {
                throw Failure(
                    .noSuchMethod, "The daemon knows no method \(Text.escaped(request.method)).",
                    subject: request.method, hint: "Ask rpc.discover for those that it knows.")
            }
            let parameters = try method.check(request.parameters)
            if method.entry.mutates { note(method, parameters) }
            if method == .eventsSubscribe { return try await subscribe(request, parameters) }
            let result = try await perform(method, parameters)
            await reply(request, JSONRPC.encodeResult(id: request.id ?? .null, result))
        } catch {
            await reply(request, JSONRPC.encodeFailure(id: request.id ?? .null, error))
        }
    }

    private func perform(_ method: ControlMethod, _ parameters: JSONValue) async throws(Failure) -> JSONValue {
        switch method {
        case .rpcVersion: return RPC.versionResult
        case .rpcDiscover: return RPC.discoverResult
        default:
            let result = try await handler.call(method, parameters, from: client)
            return method.entry.page?.cut(result, parameters) ?? result
        }
    }

    /// False: it was too long, and a failure went out in its place.
    @discardableResult
    private func reply(_ request: JSONRPC.Request, _ line: [UInt8]) async -> Bool {
        guard let id = request.id else { return true }
        let fits = line.count <= Limits.controlReplyBytes
        let failure = Failure(.internalFault, "The reply is longer than \(Limits.controlReplyBytes) bytes.")
        let told = fits ? line : JSONRPC.encodeFailure(id: id, failure)
        _ = await socket.send(told, within: settings.replyDeadline)
        return fits
    }

    private func note(_ method: ControlMethod, _ parameters: JSONValue) {
        var fields: [LogField] = [.field("method", method.name), pid, uid]
        if let game = parameters["game"]?.string { fields.append(.game(game)) }
        if let peer = parameters["peer"]?.string { fields.append(.peer(peer)) }
        if let operation = parameters["operation_id"]?.int { fields.append(.operation(operation)) }
        if let address = parameters["address"]?.string { fields.append(.field("address", address)) }
        log.write(.notice, "A control client calls \(method.name).", kind: "control_change", fields)
    }

    /// Who it was, by SO_PEERCRED: what the kernel knew when the client connected.
    private var pid: LogField { .field("client_pid", client.pid) }
    private var uid: LogField { .field("client_uid", client.uid) }

    // MARK: - Events

    /// The first one, or the one that takes the place of the one before: a client that was told of a gap begins again
    /// with a snapshot, and after that comes nothing that is older.
    private func subscribe(_ request: JSONRPC.Request, _ parameters: JSONValue) async throws(Failure) {
        let stream = Stream()
        let old = streams.last
        streams.append(stream)
        defer {
            streams.removeAll { $0 === stream }
            stream.ended.open()
        }
        if let old {
            old.replace()
            // A client that has not read the last event yet waits for itself, and is not dropped for the answer that is
            // behind it; one that leaves ends the task, and nothing is asked.
            guard (try? await old.ended.wait()) != nil else { return }
        }
        let subscription = try await handler.subscribe(since: ControlArguments(parameters).position())
        // The publisher forgets a finished feed.
        defer { subscription.feed.finish() }
        guard let id = request.id else { return }
        let result: JSONValue = [
            "epoch": .string(subscription.position.epoch), "number": .bytes(subscription.position.number),
            "snapshot": subscription.snapshot,
        ]
        // Without the snapshot its events would say nothing.
        guard await reply(request, JSONRPC.encodeResult(id: id, result)) else { return }
        // From here on the call counts no longer: a subscriber has all its 16.
        calls -= 1
        wake.yield()
        defer { calls += 1 }
        guard stream.begin(subscription.feed) else { return }
        while let event = await subscription.feed.next(), !stream.isReplaced,
            await socket.send(Self.line(event), within: nil)
        {}
    }

    /// An event that no client would read is a gap.
    private static func line(_ event: ControlEvent) -> [UInt8] {
        let line = JSONRPC.encodeEvent(event)
        if line.count <= Limits.controlReplyBytes { return line }
        return JSONRPC.encodeEvent(.gap(event.number...event.number))
    }
}

/// One subscription of a session; the last one is the one that counts.
private final class Stream {
    /// Opened when nothing of it is sent any more.
    let ended = AsyncGate()
    private(set) var isReplaced = false
    private var feed: EventFeed?

    /// False: another one came before its events could.
    func begin(_ feed: EventFeed) -> Bool {
        self.feed = feed
        return !isReplaced
    }

    func replace() {
        isReplaced = true
        feed?.finish()
    }
}
