import Linux
package import Mdns
import Model
package import Runtime

/// What an administrator can change about whom we find, also while the daemon runs.
package struct DiscoverySettings: Sendable, Hashable {
    /// `host:port`; a host is an address or a name.
    package var staticPeers: [String]
    /// Interfaces that mDNS uses: names, or prefixes with a trailing `*`. Empty: every one but those of containers,
    /// virtual machines and tunnels.
    package var interfaces: [String]

    package init(staticPeers: [String] = [], interfaces: [String] = []) {
        self.staticPeers = staticPeers
        self.interfaces = interfaces
    }
}

/// Finds peers and has them dialled: sightings of mDNS, static peers for networks without it, and peers that were
/// linked before.
///
/// Avahi being away never ends it: it works on with what it has, and says that it is degraded. It has no tick: it
/// sleeps until an event or until the next thing is due.
package actor Discovery {
    /// The record on the network follows our library's revision no closer than this: every change of it is multicast.
    private static let recordStep = Duration.seconds(10)

    let mdns: Mdns?
    let table: PeerTable
    let disk: DiskPool
    let time: any TimeSource
    let log: Log
    var settings: DiscoverySettings
    var plan: DialPlan
    /// Names about which a warning was written.
    var noted: Set<String> = []
    private let random: RandomSource
    private let degraded: @Sendable (String?) -> Void
    private var advertised: (revision: UInt64, at: Instant)?
    private var families: Set<Bool> = []
    private var published: String?
    private var unavailable: String?
    private var isIsolated = false
    /// Given when there is something to look at; made anew for each rest.
    private var alarm: OneShot<Void>?
    private var isWoken = false

    /// - Parameters:
    ///   - mdns: nil for a host that has it switched off.
    ///   - disk: looks names up, which may wait for long.
    ///   - degraded: is told why less works than should, and nil when all does.
    package init(
        mdns: Mdns?, table: PeerTable, settings: DiscoverySettings, disk: DiskPool, time: any TimeSource,
        random: RandomSource, log: Log, degraded: @escaping @Sendable (String?) -> Void
    ) {
        self.mdns = mdns
        self.table = table
        self.settings = settings
        self.disk = disk
        self.time = time
        self.random = random
        self.log = log
        self.degraded = degraded
        plan = DialPlan(random: random)
    }

    /// Until it is cancelled. Each run forgets what the one before had sighted.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        plan = DialPlan(random: random)
        advertised = nil
        unavailable = nil
        isIsolated = false
        isWoken = false
        await configure(settings)
        let changes = await table.changes()
        let told = await table.told()
        await remember()
        await advertise()
        up()
        let (events, sighted) = AsyncStream.makeStream(
            of: MdnsEvent.self, bufferingPolicy: .bufferingOldest(Limits.sightings))
        await withDiscardingTaskGroup { group in
            if let mdns { group.addTask { await mdns.run(into: sighted) } }
            group.addTask {
                for await event in events { await self.take(event) }
            }
            group.addTask {
                for await _ in changes { await self.remember() }
            }
            group.addTask {
                for await addresses in told { await self.hear(addresses) }
            }
            while !Task.isCancelled {
                let next = await advertise()
                let linked = await table.undialled()
                let now = time.now
                for target in plan.due(now: now, linked: linked) { group.addTask { await self.dial(target) } }
                await rest(until: min(next, plan.nextDue(now: now, linked: linked)))
            }
            group.cancelAll()
        }
        throw CancellationError()
    }

    // MARK: - Settings

    /// Takes effect at once. Links stay as they are: a peer that is no longer configured is only no longer dialled.
    package func configure(_ new: DiscoverySettings) async {
        settings = new
        var targets: [DialTarget] = []
        for text in new.staticPeers.prefix(Limits.staticPeers) {
            if let target = DialTarget(text) {
                targets.append(target)
            } else {
                log.warning(
                    "The static peer \(Text.escaped(text)) is left out: it is neither an address nor a name.",
                    kind: "static_peer_ignored")
            }
        }
        plan.setStatic(targets, now: time.now)
        noted = []
        wake()
        await mdns?.use(interfaces: new.interfaces)
    }

    // MARK: - Sleeping

    /// Returns when something happened, or when the instant has come.
    private func rest(until instant: Instant) async {
        if !isWoken, instant > time.now, !Task.isCancelled {
            let alarm = OneShot<Void>()
            self.alarm = alarm
            let time = self.time
            await withTaskGroup { group in
                if instant < .never {
                    group.addTask {
                        // A sleep that is cut short says that something else happened.
                        try? await time.sleep(until: instant)
                        alarm.give()
                    }
                }
                await alarm.take(orGive: ())
                group.cancelAll()
            }
            self.alarm = nil
        }
        isWoken = false
    }

    func wake() {
        isWoken = true
        alarm?.give()
    }

    /// Whoever was linked is dialled again, also by hand or by itself; and what changed in the table is looked at.
    private func remember() async {
        let known = await table.remembered().filter { !$0.isBlocked && $0.address.port > 0 }
        plan.remember(known.map { ($0.peer, $0.address) }, now: time.now)
        wake()
    }

    // MARK: - Sightings

    private func take(_ event: MdnsEvent) async {
        switch event {
        case .available:
            unavailable = nil
            tellDegraded()
            plan.refresh(now: time.now)
        case .unavailable(let reason):
            plan.keepStale()
            guard reason != unavailable else { break }
            unavailable = reason
            log.warning("Other hosts are not found by mDNS: \(reason).", kind: "mdns_unavailable")
            tellDegraded()
        case .isolated(let isAlone):
            isIsolated = isAlone
            if isAlone { log.warning("This host has no network.", kind: "isolated") }
            if !isAlone { plan.beginAnew(now: time.now) }
            tellDegraded()
        case .moved:
            plan.beginAnew(now: time.now)
            await table.doubtAll()
        case .published(let name):
            guard name != published else { break }
            published = name
            log.notice("Other hosts find this one as \(Text.escaped(name)).", kind: "mdns_published")
        case .vanished(let key): plan.lose(key)
        case .appeared(let sighting): sight(sighting)
        }
        wake()
    }

    private func tellDegraded() {
        var sentences: [String] = []
        if isIsolated {
            sentences.append(
                "This host has no network: no interface is up, has a link and has an address. Look at: ip address")
        }
        if let unavailable {
            sentences.append(
                "Other hosts are not found by mDNS: \(unavailable). Start Avahi with: systemctl start avahi-daemon; or "
                    + "connect by hand: lanspreadctl connect")
        }
        degraded(sentences.isEmpty ? nil : sentences.joined(separator: " "))
    }

    private func sight(_ sighting: Sighting) {
        let peer = sighting.text["id"].flatMap { PeerID(hex: $0) }
        // Our own identity elsewhere is dialled all the same: it is a cloned disk, and the hello tells.
        guard !sighting.isOurs, let address = SocketAddress(sighting.address), address.port > 0,
            address.isLoopback || address.isPrivateOrLinkLocal, families.contains(address.isIPv6)
        else { return }
        log.debug("A host is sighted.", .peer(peer?.hex ?? "unknown"), .field("address", address))
        plan.sight(sighting.key, address, peer, now: time.now)
    }

    private func hear(_ told: [SocketAddress]) {
        plan.hear(told.filter { families.contains($0.isIPv6) }, now: time.now)
        wake()
    }

    // MARK: - Publishing

    /// Publishes as early as there is a port, and follows the library's revision at leisure; returns when it wants to
    /// be called again.
    @discardableResult
    private func advertise() async -> Instant {
        let listening = await table.listening()
        families = Set(listening.map(\.isIPv6))
        guard let mdns, let port = listening.first?.port else { return .never }
        let revision = await table.revision()
        if let advertised {
            guard advertised.revision != revision else { return .never }
            let step = advertised.at + Discovery.recordStep
            if time.now < step { return step }
        }
        advertised = (revision, time.now)
        await mdns.advertise(
            Advertisement(
                name: table.name, listening: listening.filter { $0.port == port },
                text: ["id": table.own.hex, "proto": "1", "rev": String(revision)]))
        return .never
    }
}
