import Linux
package import Mdns
import Model
package import Runtime

/// Finds peers and has them dialled: sightings of mDNS, and static peers for networks without it.
///
/// Avahi being away never ends it: it works on with what it has, and says that it is degraded.
package actor Discovery {
    private static let step = Duration.seconds(1)
    /// The record on the network follows our library's revision no closer than this: every change of it is multicast.
    private static let recordStep = Duration.seconds(10)
    private static let portDefault: UInt16 = 47_600

    private let mdns: Mdns?
    private let table: PeerTable
    private let staticPeers: [String]
    private let time: any TimeSource
    private let random: RandomSource
    private let log: Log
    private let degraded: @Sendable (String?) -> Void
    private var plan: DialPlan
    private var advertised: (revision: UInt64, at: Instant)?

    /// - Parameters:
    ///   - mdns: nil for a host that has it switched off.
    ///   - staticPeers: numeric addresses, with a port or without.
    ///   - degraded: is told why less works than should, and nil when all does.
    package init(
        mdns: Mdns?, table: PeerTable, staticPeers: [String], time: any TimeSource, random: RandomSource, log: Log,
        degraded: @escaping @Sendable (String?) -> Void
    ) {
        self.mdns = mdns
        self.table = table
        self.staticPeers = staticPeers
        self.time = time
        self.random = random
        self.log = log
        self.degraded = degraded
        plan = DialPlan(staticPeers: [], now: time.now)
    }

    /// Until it is cancelled. Each run forgets what the one before had sighted.
    package func run(up: @escaping @Sendable () -> Void) async throws {
        plan = DialPlan(staticPeers: addresses(), now: time.now)
        advertised = nil
        await advertise()
        up()
        let (events, sighted) = AsyncStream.makeStream(
            of: MdnsEvent.self, bufferingPolicy: .bufferingOldest(Limits.sightings))
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        wake.yield()
        await withDiscardingTaskGroup { group in
            if let mdns { group.addTask { await mdns.run(into: sighted) } }
            group.addTask {
                for await event in events where await self.take(event) { wake.yield() }
            }
            group.addTask { [table] in
                for await _ in await table.changes() { wake.yield() }
            }
            group.addTask { [time] in
                while (try? await time.sleep(for: Discovery.step)) != nil { wake.yield() }
            }
            for await _ in wakes {
                for address in await due() {
                    group.addTask {
                        await self.dial(address)
                        wake.yield()
                    }
                }
                await advertise()
            }
            group.cancelAll()
        }
        throw CancellationError()
    }

    // MARK: - Sightings

    /// Returns whether there is something new to dial.
    private func take(_ event: MdnsEvent) -> Bool {
        switch event {
        case .available:
            degraded(nil)
            return false
        case .unavailable(let reason):
            log.warning("Other hosts are not found by mDNS: \(reason).", kind: "mdns_unavailable")
            degraded("Other hosts are not found by mDNS: \(reason). Start Avahi with: systemctl start avahi-daemon")
            return false
        case .published(let name):
            log.notice("Other hosts find this one as \(name).", kind: "mdns_published")
            return false
        case .vanished(let key):
            plan.lose(key)
            return false
        case .appeared(let sighting): return sight(sighting)
        }
    }

    private func sight(_ sighting: Sighting) -> Bool {
        let peer = sighting.text["id"].flatMap { PeerID(hex: $0) }
        // Our own identity elsewhere is dialled all the same: it is a cloned disk, and the hello tells.
        guard !sighting.isOurs, let address = SocketAddress(sighting.address), address.port > 0,
            address.isLoopback || address.isPrivateOrLinkLocal
        else { return false }
        log.debug("A host is sighted.", .peer(peer?.short ?? "unknown"), .field("address", address))
        plan.sight(sighting.key, address, peer, now: time.now)
        return true
    }

    private func addresses() -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for text in staticPeers.prefix(Limits.staticPeers) {
            if let address = SocketAddress(text) ?? SocketAddress(host: text, port: Discovery.portDefault) {
                addresses.append(address)
            } else {
                log.warning("The static peer \(Text.escaped(text)) is left out: it is no numeric address.")
            }
        }
        return addresses
    }

    // MARK: - Dialling

    private func due() async -> [SocketAddress] {
        let linked = Set(await table.heard().keys)
        return plan.due(now: time.now, linked: linked)
    }

    private func dial(_ address: SocketAddress) async {
        do throws(PeersError) {
            let peer = try await table.connect(to: address)
            plan.reached(address, peer, now: time.now)
        } catch {
            log.debug("A dial failed.", .field("address", address), .field("reason", "\(error)"))
            plan.failed(address, isLasting: error.isLasting, now: time.now, random: random)
        }
    }

    // MARK: - Publishing

    /// Publishes as early as there is a port, and follows the library's revision at leisure.
    private func advertise() async {
        guard let mdns else { return }
        if let advertised, time.now - advertised.at < Discovery.recordStep { return }
        guard let port = await table.listening().first?.port else { return }
        let revision = await table.revision()
        guard advertised?.revision != revision else { return }
        advertised = (revision, time.now)
        await mdns.advertise(
            Advertisement(
                name: table.name, port: port,
                text: ["id": table.own.hex, "proto": "1", "rev": String(revision)]))
    }
}
