import CAvahi
import Linux
import Runtime

/// Our service, on each interface and in each family in which we can be reached.
extension AvahiSession {
    /// A name that is taken is changed so often; sixteen hosts of one name are a mistake, not a LAN.
    private static let renamesLimit = 16

    /// Takes back what is published and publishes it where it belongs now.
    func publish() {
        guard isRunning, let client else { return }
        if let group {
            if avahi_entry_group_reset(group) < 0 { return end("Avahi does not take back our service: \(reason)") }
        } else {
            let me = Unmanaged.passUnretained(self).toOpaque()
            group = avahi_entry_group_new(client, AvahiSession.groupChanged, me)
        }
        places = []
        guard let advertisement else { return }
        guard let group else { return end("Avahi publishes nothing: \(reason)") }
        places = currentPlaces(advertisement)
        guard !places.isEmpty else {
            return log.warning(
                "No network interface is there to be found on; see the setting interfaces.", kind: "mdns_no_interface")
        }
        var code = add(advertisement, to: group)
        // Another daemon of this very host has the name: Avahi says so at once, and not by a state.
        for _ in 0..<AvahiSession.renamesLimit where code == AVAHI_ERR_COLLISION {
            rename()
            code = avahi_entry_group_reset(group)
            if code >= 0 { code = add(advertisement, to: group) }
        }
        if code >= 0, avahi_entry_group_is_empty(group) == 0 { code = avahi_entry_group_commit(group) }
        if code < 0 { end("Avahi does not publish our service: \(AvahiSession.text(code))") }
    }

    /// Interfaces or addresses came or went; most often nothing of it concerns us.
    func interfacesChanged() {
        guard isRunning, let advertisement, currentPlaces(advertisement) != places else { return }
        publish()
    }

    private func currentPlaces(_ advertisement: Advertisement) -> [Place] {
        do throws(LinuxError) {
            return rule.places(try NetworkInterface.all(), listening: advertisement.listening)
        } catch {
            log.warning("The network interfaces are not known: \(error.text).", kind: "mdns_no_interface")
            return places
        }
    }

    private func add(_ advertisement: Advertisement, to group: OpaquePointer) -> Int32 {
        withText(advertisement) { text in
            for place in places {
                let code = avahi_entry_group_add_service_strlst(
                    group, place.interface, place.family, AvahiPublishFlags(rawValue: 0), label, serviceType, nil,
                    nil, advertisement.port, text)
                // One that Avahi is told to leave alone, or that has just gone, is left out.
                if code < 0, code != AVAHI_ERR_INVALID_INTERFACE { return code }
            }
            return 0
        }
    }

    func updateText(_ advertisement: Advertisement) {
        guard let group else { return }
        for place in places {
            let code = withText(advertisement) { text in
                avahi_entry_group_update_service_txt_strlst(
                    group, place.interface, place.family, AvahiPublishFlags(rawValue: 0), label, serviceType, nil, text)
            }
            if code < 0, code != AVAHI_ERR_INVALID_INTERFACE {
                log.warning("The mDNS record was not updated: \(AvahiSession.text(code)).", kind: "mdns_record_failed")
            }
        }
    }

    private func withText(_ advertisement: Advertisement, _ body: (UnsafeMutablePointer<AvahiStringList>?) -> Int32)
        -> Int32
    {
        var list: UnsafeMutablePointer<AvahiStringList>?
        for pair in advertisement.text { list = avahi_string_list_add_pair(list, pair[0], pair[1]) }
        defer { avahi_string_list_free(list) }
        return body(list)
    }

    func groupBecame(_ state: AvahiEntryGroupState) {
        switch state {
        case AVAHI_ENTRY_GROUP_ESTABLISHED: emit(.published(name: label))
        case AVAHI_ENTRY_GROUP_COLLISION:
            rename()
            publish()
        case AVAHI_ENTRY_GROUP_FAILURE: end("Avahi does not publish our service: \(reason)")
        default: break
        }
    }

    private func rename() {
        guard let other = avahi_alternative_service_name(label) else { return }
        label = String(cString: other)
        avahi_free(other)
    }
}

extension Place {
    fileprivate var family: AvahiProtocol { AvahiProtocol(isIPv6 ? AVAHI_PROTO_INET6 : AVAHI_PROTO_INET) }
}
