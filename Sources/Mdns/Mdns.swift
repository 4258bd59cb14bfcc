package import Runtime

/// Publishes this host and sights the others, through the Avahi daemon of this machine.
///
/// Avahi's client library blocks on D-Bus, so this actor lives on a loop of its own and never on a net loop. Avahi and
/// D-Bus may come, go and come again at any time: `run` never ends by itself.
package actor Mdns {
    package struct Settings: Sendable {
        package var serviceType = "_lanspread._udp"
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

    package init(loop: EventLoop, settings: Settings = Settings(), time: any TimeSource, log: Log) {
        self.loop = loop
        self.settings = settings
        self.time = time
        self.log = log
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Watches and publishes until it is cancelled; each new run tells everything from the beginning.
    ///
    /// `events` is bounded by whoever made it; an event that finds it full is logged and lost.
    package func run(into events: AsyncStream<MdnsEvent>.Continuation) async {
        let poller = AvahiPoller(loop: loop)
        defer { poller.close() }
        var lastReason: String?
        while !Task.isCancelled {
            let (reason, wasOpen) = await live(poller, events)
            if Task.isCancelled { break }
            // A D-Bus that is away is asked for again and again, and told about once.
            if wasOpen || reason != lastReason { tell(.unavailable(reason: reason), events) }
            lastReason = reason
            do {
                try await time.sleep(for: settings.retryDelay)
            } catch {
                break
            }
        }
    }

    /// Changes what is published; nil takes it back. Before `run` it is kept for it.
    package func advertise(_ new: Advertisement?) {
        advertisement = new
        session?.advertise(new)
    }

    /// One session; returns why it ended, and whether there was a D-Bus at all.
    private func live(
        _ poller: AvahiPoller, _ events: AsyncStream<MdnsEvent>.Continuation
    ) async -> (reason: String, wasOpen: Bool) {
        let (ends, end) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
        let log = self.log
        let session = AvahiSession(
            serviceType: settings.serviceType, advertisement: advertisement, log: log,
            emit: { Mdns.tell($0, events, log) },
            ended: { end.yield($0) })
        self.session = session
        poller.settle = { session.settle() }
        defer {
            poller.settle = {}
            session.close()
            self.session = nil
        }
        if let reason = session.open(poller) { return (reason, false) }
        for await reason in ends { return (reason, true) }
        return ("it was stopped", true)
    }

    private func tell(_ event: MdnsEvent, _ events: AsyncStream<MdnsEvent>.Continuation) {
        Mdns.tell(event, events, log)
    }

    private static func tell(_ event: MdnsEvent, _ events: AsyncStream<MdnsEvent>.Continuation, _ log: Log) {
        if case .dropped = events.yield(event) {
            log.warning("A sighting was lost: too many wait to be looked at.")
        }
    }
}
