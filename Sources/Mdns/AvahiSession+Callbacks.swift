import CAvahi
import Glibc

/// Avahi's callbacks: each turns what C hands over into a happening and returns.
extension AvahiSession {
    static let clientChanged: AvahiClientCallback = { _, state, userdata in
        AvahiSession.of(userdata)?.record(.client(state))
    }

    static let groupChanged: AvahiEntryGroupCallback = { _, state, userdata in
        AvahiSession.of(userdata)?.record(.group(state))
    }

    static let browsed: AvahiServiceBrowserCallback = { _, interface, family, event, name, _, domain, flags, userdata in
        guard let session = AvahiSession.of(userdata) else { return }
        guard event != AVAHI_BROWSER_FAILURE else { return session.record(.browserFailed) }
        guard let name, let domain else { return }
        let key = ServiceKey(name: String(cString: name), interface: interface, isIPv6: family == AVAHI_PROTO_INET6)
        switch event {
        case AVAHI_BROWSER_NEW:
            let isOurs = flags.rawValue & AVAHI_LOOKUP_RESULT_OUR_OWN.rawValue != 0
            session.record(.found(key, domain: String(cString: domain), isOurs: isOurs))
        case AVAHI_BROWSER_REMOVE: session.record(.lost(key))
        default: break
        }
    }

    static let resolvedOrNot: AvahiServiceResolverCallback = {
        _, interface, family, event, name, _, _, _, address, port, text, _, userdata in
        guard let session = AvahiSession.of(userdata), let name else { return }
        let key = ServiceKey(name: String(cString: name), interface: interface, isIPv6: family == AVAHI_PROTO_INET6)
        guard event == AVAHI_RESOLVER_FOUND, let address, let host = AvahiSession.host(address, interface) else {
            return session.record(.unresolved(key))
        }
        session.record(.resolved(key, host: host, port: port, text: AvahiSession.entries(text)))
    }

    private static func of(_ userdata: UnsafeMutableRawPointer?) -> AvahiSession? {
        userdata.map { Unmanaged<AvahiSession>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: - C values

    static func text(_ code: Int32) -> String { String(cString: avahi_strerror(code)) }

    static func interfaceName(_ index: Int32) -> String? {
        guard let index = UInt32(exactly: index) else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            guard let start = buffer.baseAddress, if_indextoname(index, start) != nil else { return nil }
            return String(cString: start)
        }
    }

    /// A link-local address means nothing without the interface it was heard on.
    private static func host(_ address: UnsafePointer<AvahiAddress>, _ interface: Int32) -> String? {
        let text: String? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(AVAHI_ADDRESS_STR_MAX)) {
            guard let start = $0.baseAddress, avahi_address_snprint(start, $0.count, address) != nil else { return nil }
            return String(cString: start)
        }
        guard let text, address.pointee.proto == AVAHI_PROTO_INET6, text.hasPrefix("fe80:") else { return text }
        return interfaceName(interface).map { "\(text)%\($0)" }
    }

    /// A TXT record of strangers: as many entries as we would ever look at, and only the ones with a key.
    private static func entries(_ list: UnsafeMutablePointer<AvahiStringList>?) -> [String: String] {
        var entries: [String: String] = [:]
        var next = list
        for _ in 0..<entriesLimit {
            guard let entry = next else { break }
            next = avahi_string_list_get_next(entry)
            let size = avahi_string_list_get_size(entry)
            guard let start = avahi_string_list_get_text(entry), size > 0 else { continue }
            let bytes = UnsafeBufferPointer(start: start, count: size)
            guard let split = bytes.firstIndex(of: UInt8(ascii: "=")), split > 0 else { continue }
            let key = String(decoding: bytes[..<split], as: UTF8.self)
            entries[key] = entries[key] ?? String(decoding: bytes[(split + 1)...], as: UTF8.self)
        }
        return entries
    }

    private static let entriesLimit = 16
}
