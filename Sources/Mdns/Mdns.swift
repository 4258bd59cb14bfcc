import Linux
package import Runtime

/// Publishes this host and sights the others, through the Avahi daemon of this machine.
///
/// Avahi's client library blocks on D-Bus, so this actor lives on a loop of its own and never on a net loop. Avahi and
/// D-Bus may come, go and come again at any time: `run` never ends by itself.
package actor Mdns {
    package struct Settings: Sendable {
        package var serviceType = "_lanspread._udp"
        /// Names, or prefixes with a trailing `*`; see `InterfaceRule` for what holds when it is empty.
        package var interfaces: [String] = []
        /// A D-Bus that is away is asked for again after this long.
        package var retryDelay = Duration.seconds(2)

        package init() {}
    }

    private let loop: EventLoop
    private let settings: Settings
    private let time: any TimeSource
    private let log: Log
    private var advertisement: Advertisement?
    private var session: AvahiSession?
    /// Ends the session that runs; the next one begins at once.
    private var restart: () -> Void = {}
    private var rule: InterfaceRule
    private var isIsolated = false
    /// Those of the last time when there were any: a cable that is pulled and put back moves nobody.
    private var addresses: Set<SocketAddress> = []

    package init(loop: EventLoop, settings: Settings = Settings(), time: any TimeSource, log: Log) {
        self.loop = loop
        self.settings = settings
        self.time = time
        self.log = log
        rule = InterfaceRule(settings.interfaces)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Watches and publishes until it is cancelled; each new run tells everything from the beginning.
    ///
    /// `events` is bounded by whoever made it; an event that finds it full is logged and lost.
    package func run(into events: AsyncStream<MdnsEvent>.Continuation) async {
        let poller = AvahiPoller(loop: loop)
        let watch = watchInterfaces(events)
        isIsolated = false
        defer {
            watch?.close()
            poller.close()
        }
        var lastReason: String?
        while !Task.isCancelled {
            lookForOthers(events)
            let end = await live(poller, events)
            if Task.isCancelled { break }
            switch end {
            case .restarted: continue
            case .closed(let reason), .notOpened(let reason):
                // A D-Bus that is away is asked for again and again, and told about once.
                if case .closed = end { lastReason = nil }
                if reason != lastReason { tell(.unavailable(reason: reason), events) }
                lastReason = reason
            }
            do {
                try await time.sleep(for: settings.retryDelay)
            } catch {
                break
            }
        }
    }

    /// Publishes again where interfaces come and go. Without it, what is there at the beginning is all.
    private func watchInterfaces(_ events: AsyncStream<MdnsEvent>.Continuation) -> InterfaceSource? {
        do throws(LinuxError) {
            return try InterfaceSource(loop: loop) { [unowned self] in
                self.assumeIsolated {
                    $0.lookForOthers(events)
                    $0.session?.interfacesChanged()
                }
            }
        } catch {
            log.warning("New network interfaces are not noticed: \(error.text).", kind: "mdns_no_interface")
            return nil
        }
    }

    private func lookForOthers(_ events: AsyncStream<MdnsEvent>.Continuation) {
        guard let advertisement, let interfaces = try? NetworkInterface.all() else { return }
        lookForMove(interfaces, events)
        let isAlone = !rule.reachesOthers(interfaces, listening: advertisement.listening)
        guard isAlone != isIsolated else { return }
        isIsolated = isAlone
        tell(.isolated(isAlone), events)
    }

    private func lookForMove(_ interfaces: [NetworkInterface], _ events: AsyncStream<MdnsEvent>.Continuation) {
        let now = interfaces.filter { $0.isUp && !$0.isLoopback && rule.isUsed($0.name) }
            .reduce(into: Set<SocketAddress>()) { $0.formUnion($1.addresses) }
        if now.isEmpty { return }
        if !addresses.isSubset(of: now) { tell(.moved, events) }
        addresses = now
    }

    /// Sightings on other interfaces end, those on these ones come; everything is published again.
    package func use(interfaces: [String]) {
        let new = InterfaceRule(interfaces)
        guard new != rule else { return }
        rule = new
        addresses = []
        restart()
    }

    /// Changes what is published; nil takes it back. Before `run` it is kept for it.
    package func advertise(_ new: Advertisement?) {
        advertisement = new
        session?.advertise(new)
    }

    private enum End {
        case closed(reason: String)
        /// There is no D-Bus.
        case notOpened(reason: String)
        case restarted
    }

    /// One session.
    private func live(_ poller: AvahiPoller, _ events: AsyncStream<MdnsEvent>.Continuation) async -> End {
        let (ends, end) = AsyncStream.makeStream(of: End.self, bufferingPolicy: .bufferingOldest(1))
        let log = self.log
        let session = AvahiSession(
            serviceType: settings.serviceType, rule: rule, advertisement: advertisement, log: log,
            emit: { Mdns.tell($0, events, log) },
            ended: { end.yield(.closed(reason: $0)) })
        self.session = session
        restart = { end.yield(.restarted) }
        poller.settle = { session.settle() }
        defer {
            poller.settle = {}
            restart = {}
            session.close()
            self.session = nil
        }
        if let reason = session.open(poller) { return .notOpened(reason: reason) }
        for await end in ends { return end }
        return .restarted
    }

    private func tell(_ event: MdnsEvent, _ events: AsyncStream<MdnsEvent>.Continuation) {
        Mdns.tell(event, events, log)
    }

    private static func tell(_ event: MdnsEvent, _ events: AsyncStream<MdnsEvent>.Continuation, _ log: Log) {
        if case .dropped = events.yield(event) {
            log.warning("A sighting was lost: too many wait to be looked at.", kind: "mdns_flood")
        }
    }
}
