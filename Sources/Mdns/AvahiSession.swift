import CAvahi
import Glibc
import Runtime

/// One Avahi client from its making to its end: our service published, everybody's browsed and resolved.
///
/// Callbacks only record what happened; `settle` acts on it after Avahi has returned. Touched on the loop's thread
/// only.
final class AvahiSession {
    enum Happening {
        case client(AvahiClientState)
        case group(AvahiEntryGroupState)
        case browserFailed
        case found(ServiceKey, domain: String, isOurs: Bool)
        case lost(ServiceKey)
        case resolved(ServiceKey, host: String, port: UInt16, text: [String: String])
        case unresolved(ServiceKey)
    }

    /// A service that the browser names, from its coming to its going.
    private struct Service {
        let domain: String
        let isOurs: Bool
        let number: UInt64
        /// Its resolver. It stays open while there is room, since a peer that starts again has another port.
        var handle: OpaquePointer?
        var failures = 0
        var isSighted = false
    }

    /// Resolvers that are open at once. avahi-daemon allows a client 1,024 objects; two per host leave room for 256
    /// hosts.
    private static let resolversLimit = 512
    /// As many as Avahi keeps in its cache, at four records each.
    private static let servicesLimit = 1_024
    /// A resolver that finds nothing in Avahi's five seconds is asked again this often; then only a new sighting helps.
    private static let triesPerService = 3

    // Seen by this type's other files, and by nobody else.
    let serviceType: String
    let rule: InterfaceRule
    let emit: (MdnsEvent) -> Void
    let log: Log
    var client: OpaquePointer?
    var group: OpaquePointer?
    var advertisement: Advertisement?
    var label = ""
    var places: [Place] = []
    var isRunning = false
    private let ended: (String) -> Void
    private var happenings: [Happening] = []
    private var browser: OpaquePointer?
    private var services: [ServiceKey: Service] = [:]
    /// Those that no resolver was opened for yet, in order.
    private var waiting: [ServiceKey] = []
    private var openResolvers = 0
    private var nextNumber: UInt64 = 0
    private var isFull = false

    /// - Parameter ended: called once, with the reason, when this session is of no more use; `close` it then.
    init(
        serviceType: String, rule: InterfaceRule, advertisement: Advertisement?, log: Log,
        emit: @escaping (MdnsEvent) -> Void, ended: @escaping (String) -> Void
    ) {
        self.serviceType = serviceType
        self.rule = rule
        self.advertisement = advertisement
        self.log = log
        self.emit = emit
        self.ended = ended
        label = advertisement?.name ?? ""
    }

    private static let daemonAway = "the Avahi daemon is not running"

    /// Returns why there is no session, or nil. An Avahi daemon that is not there is waited for; a D-Bus that is not is
    /// a reason.
    func open(_ poller: AvahiPoller) -> String? {
        var code: Int32 = 0
        let me = Unmanaged.passUnretained(self).toOpaque()
        client = avahi_client_new(poller.pointer, AVAHI_CLIENT_NO_FAIL, AvahiSession.clientChanged, me, &code)
        guard client != nil else { return "D-Bus does not answer (\(AvahiSession.text(code)))" }
        settle()
        return nil
    }

    /// Frees the client, and with it everything that was made from it.
    func close() {
        happenings.removeAll()
        services.removeAll()
        waiting.removeAll()
        openResolvers = 0
        group = nil
        browser = nil
        if let client { avahi_client_free(client) }
        client = nil
    }

    func advertise(_ new: Advertisement?) {
        let old = advertisement
        advertisement = new
        guard new != old else { return }
        if let new, let old, new.name == old.name, new.listening == old.listening {
            if isRunning { updateText(new) }
        } else {
            label = new?.name ?? ""
            if isRunning { publish() }
        }
    }

    func record(_ happening: Happening) { happenings.append(happening) }

    // MARK: - After the callbacks

    func settle() {
        while !happenings.isEmpty, client != nil {
            switch happenings.removeFirst() {
            case .client(let state): clientBecame(state)
            case .group(let state): groupBecame(state)
            case .browserFailed: end("Avahi stopped browsing: \(reason)")
            case .found(let key, let domain, let isOurs): find(key, domain: domain, isOurs: isOurs)
            case .lost(let key): lose(key)
            case .resolved(let key, let host, let port, let text):
                guard let service = services[key] else { continue }
                services[key]?.isSighted = true
                services[key]?.failures = 0
                emit(.appeared(Sighting(key: key, host: host, port: port, text: text, isOurs: service.isOurs)))
            case .unresolved(let key): resolveAgain(key)
            }
            openWaiting()
        }
    }

    private func clientBecame(_ state: AvahiClientState) {
        switch state {
        case AVAHI_CLIENT_S_RUNNING:
            isRunning = true
            publish()
            browse()
        case AVAHI_CLIENT_S_REGISTERING, AVAHI_CLIENT_S_COLLISION:
            // The host name is being settled: what was published under the old one is void until it runs again.
            isRunning = false
            if let group, avahi_entry_group_reset(group) < 0 {
                end("Avahi does not take back our service: \(reason)")
            }
        case AVAHI_CLIENT_CONNECTING: emit(.unavailable(reason: AvahiSession.daemonAway))
        default:
            // Gone: with its D-Bus or without, which the next try tells.
            let isAway = client.map { avahi_client_errno($0) == AVAHI_ERR_DISCONNECTED } ?? true
            end(isAway ? AvahiSession.daemonAway : "Avahi gave up: \(reason)")
        }
    }

    var reason: String { client.map { AvahiSession.text(avahi_client_errno($0)) } ?? "it is closed" }

    func end(_ reason: String) {
        isRunning = false
        happenings.removeAll()
        ended(reason)
    }

    // MARK: - Browsing

    private func browse() {
        guard browser == nil, let client else { return }
        let me = Unmanaged.passUnretained(self).toOpaque()
        // Once a session: a host whose name is settled anew goes on browsing, and nothing is told twice.
        emit(.available)
        browser = avahi_service_browser_new(
            client, AvahiIfIndex(AVAHI_IF_UNSPEC), AvahiProtocol(AVAHI_PROTO_UNSPEC), serviceType, nil,
            AvahiLookupFlags(rawValue: 0), AvahiSession.browsed, me)
        if browser == nil { end("Avahi does not browse: \(reason)") }
    }

    private func find(_ key: ServiceKey, domain: String, isOurs: Bool) {
        guard services[key] == nil, let name = AvahiSession.interfaceName(key.interface), rule.isUsed(name)
        else { return }
        guard services.count < AvahiSession.servicesLimit else {
            if isFull { return }
            isFull = true
            return log.warning(
                "More than \(AvahiSession.servicesLimit) services are on this network; the rest is not looked at.",
                kind: "mdns_flood")
        }
        services[key] = Service(domain: domain, isOurs: isOurs, number: nextNumber)
        nextNumber += 1
        waiting.append(key)
    }

    private func openWaiting() {
        while let key = waiting.first {
            guard services[key] != nil else {
                waiting.removeFirst()
                continue
            }
            guard hasRoom() else { return }
            waiting.removeFirst()
            open(key)
        }
    }

    /// Closes the resolver that has been of use for longest, when it must: the browser still tells when its service
    /// goes, only a new port is then not heard of.
    private func hasRoom() -> Bool {
        if openResolvers < AvahiSession.resolversLimit { return true }
        let used = services.filter { $0.value.isSighted && $0.value.handle != nil }
        guard let oldest = used.min(by: { $0.value.number < $1.value.number }) else { return false }
        closeResolver(oldest.key)
        return true
    }

    private func open(_ key: ServiceKey) {
        guard let client, let service = services[key] else { return }
        let family = Int32(key.isIPv6 ? AVAHI_PROTO_INET6 : AVAHI_PROTO_INET)
        let handle = avahi_service_resolver_new(
            client, key.interface, family, key.name, serviceType, service.domain, family,
            AvahiLookupFlags(rawValue: 0), AvahiSession.resolvedOrNot, Unmanaged.passUnretained(self).toOpaque())
        guard let handle else { return }
        services[key]?.handle = handle
        openResolvers += 1
    }

    private func closeResolver(_ key: ServiceKey) {
        guard let handle = services[key]?.handle else { return }
        avahi_service_resolver_free(handle)
        services[key]?.handle = nil
        openResolvers -= 1
    }

    private func resolveAgain(_ key: ServiceKey) {
        guard let service = services[key], service.handle != nil else { return }
        closeResolver(key)
        services[key]?.failures += 1
        if service.failures + 1 < AvahiSession.triesPerService { waiting.append(key) }
    }

    private func lose(_ key: ServiceKey) {
        closeResolver(key)
        guard let service = services.removeValue(forKey: key) else { return }
        if service.isSighted { emit(.vanished(key)) }
    }
}
