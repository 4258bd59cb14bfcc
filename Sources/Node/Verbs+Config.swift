package import Control
import Crypto
import Linux
package import Model
import Peers
import Runtime
package import Settings

// What an administrator changes about the daemon itself.

extension Node {
    // MARK: - Settings

    /// Reads every source of the settings again. Either all of it is sound and takes effect as a whole, or nothing
    /// changes. One at a time: the composition root sees to that.
    ///
    /// - Throws: `bad_configuration`, after the log has every fault with its file and line; `timeout`, when a disk
    ///   hangs.
    package func reload(_ source: SettingsSource) async throws(Failure) -> JSONValue {
        let reading = try await read(source)
        let loaded: LoadedSettings
        do {
            loaded = try reading.get()
        } catch {
            for warning in error.warnings { house.log.warning(warning.text, kind: "settings_warning") }
            for fault in error.errors {
                house.log.error("The settings stay as they are: \(fault.sentence)", kind: "reload_failed")
            }
            throw .settingsRejected(error)
        }
        for warning in loaded.warnings { house.log.warning(warning.text, kind: "settings_warning") }
        let reload = house.holder.take(loaded.settings)
        house.log.level = LogLevel(reload.inForce.logLevel.value) ?? .info
        await operations.setLimit(reload.inForce.operations.value)
        await discovery.configure(DiscoverySettings(reload.inForce))
        if reload.changed.contains(.catalog) { await catalogKeeper.placeChanged() }
        tell(reload)
        return [
            "changed": .array(reload.changed.map { .string($0.rawValue) }),
            "needs_restart": .array(reload.needsRestart.map { .string($0.rawValue) }),
            "warnings": .array(loaded.warnings.map { .string($0.text) }),
        ]
    }

    /// The files may lie on a disk that hangs, or every disk thread may wait for one: then nothing is reloaded, and the
    /// next reload is not held up by that.
    private func read(_ source: SettingsSource) async throws(Failure) -> Result<LoadedSettings, SettingsRejection> {
        let isAdmitted = settingsReadings.withLock { readings in
            guard readings < Limits.settingsReadings else { return false }
            readings += 1
            return true
        }
        guard isAdmitted else { throw slowSettings() }
        let outcome = await house.loops.disk.run(within: Limits.reloadDeadline, on: house.time) {
            defer { self.settingsReadings.withLock { $0 -= 1 } }
            return Result { () throws(SettingsRejection) in try source.load() }
        }
        if let outcome { return outcome }
        guard !Task.isCancelled else { throw Failure(.shuttingDown, "The daemon is stopping.") }
        throw slowSettings()
    }

    private func slowSettings() -> Failure {
        let failure = Failure.settingsUnread
        house.log.error(failure.sentence, kind: "reload_failed")
        return failure
    }

    private func tell(_ reload: SettingsReload) {
        let changed = reload.changed.map(\.rawValue).joined(separator: " ")
        house.log.notice(
            "The settings were read again.", kind: "reloaded", .field("changed", changed.isEmpty ? "nothing" : changed))
        guard !reload.needsRestart.isEmpty else { return }
        let waiting = reload.needsRestart.map(\.rawValue).joined(separator: ", ")
        let verb = reload.needsRestart.count == 1 ? "needs" : "need"
        house.log.warning("\(waiting) \(verb) a restart: systemctl restart lanspreadd", kind: "restart_needed")
    }

    func configShow() -> JSONValue {
        let rows = zip(house.holder.current.described, house.holder.configured.described).map {
            now, later -> JSONValue in
            let next: JSONValue =
                now.value == later.value
                ? .null : ["value": .string(later.value), "origin": .string(later.origin.description)]
            return [
                "key": .string(now.key.rawValue), "value": .string(now.value),
                "origin": .string(now.origin.description), "live": .bool(now.key.isLive), "next": next,
            ]
        }
        return ["settings": .array(rows)]
    }

    // MARK: - Identity

    /// Makes the identity of the next start; links and everything else keep the one that they have.
    func identityRenew() async throws(Failure) -> JSONValue {
        let (state, current) = (house.state, identity)
        let next: Identity
        do {
            next = try await house.loops.disk.run { () throws(StartFailure) in try state.renewIdentity(current) }
        } catch {
            throw .identityKept(error)
        }
        house.log.notice(
            "A new identity waits for the next start.", kind: "identity_renewed", .peer(next.peer),
            .field("old", current.peer))
        return [
            "identity": .string(current.peer.hex), "next": .string(next.peer.hex),
            "kept": .string(state.path + "/" + StateDirectory.oldIdentityName),
        ]
    }
}

extension DiscoverySettings {
    init(_ settings: DaemonSettings) {
        self.init(staticPeers: settings.peers.value.map(\.description), interfaces: settings.interfaces.value)
    }
}
