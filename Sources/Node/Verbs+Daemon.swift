import Control
import Crypto
import Database
import Library
import Linux
import Model
import Peers
import Quic
import Runtime
import Settings
import Storage
import Supervision
import Synchronization
import Transfer

extension Node {
    /// One line of what does not work as it should, with what helps.
    private struct Reduced {
        let component: String
        let reason: String
        let hint: String?

        var json: JSONValue {
            ["component": .string(component), "reason": .string(reason), "hint": .optional(hint)]
        }
    }

    func status() async -> JSONValue {
        let components = await supervision.withLock { $0.statuses }()
        let degraded = degradations(components)
        let listen = await quic.listening()
        let uptime = house.time.now - started
        return [
            "name": .string(house.settings.name.value),
            "identity": .string(identity.peer.hex),
            "version": .string(Release.version),
            "pid": .int(Int64(Machine.processID)),
            "uptime_seconds": .int(uptime.components.seconds),
            "listen": .array(listen.map { .string($0.description) }),
            "games_dir": .string(house.gamesKeeper.path),
            "state": .string(degraded.isEmpty ? "ready" : "degraded"),
            "catalog": catalogView,
            "peers": .count(await house.peers.snapshot().count),
            "games": .count(await house.library.entries().count { $0.localVersion != nil || $0.installed }),
            "operations": .count(await operations.activeCount),
            "outbound_transfers": .count(await house.registry.transfers().count),
            "components": .array(components.map(\.json)),
            "degraded": .array(degraded.map(\.json)),
        ]
    }

    private var catalogView: JSONValue {
        guard let catalog = house.catalog.inForce else { return .null }
        return ["path": .string(catalog.place.path), "games": .count(catalog.reading.catalog.entries.count)]
    }

    private func degradations(_ components: [ComponentStatus]) -> [Reduced] {
        var list: [Reduced] = []
        if !house.catalog.isThere {
            let problem = house.catalog.problem.map { " \($0)" } ?? ""
            list.append(
                Reduced(
                    component: "Catalog", reason: Failure.noCatalog.sentence + problem, hint: Failure.noCatalog.hint))
        }
        if let failure = house.gamesKeeper.failure {
            list.append(Reduced(component: "Library", reason: failure.sentence, hint: failure.hint))
        }
        // What is wrong with the directory stands above, with what helps.
        for component in components where component.name != Node.gamesKeeper {
            guard component.state == .degraded || component.state == .restarting else { continue }
            list.append(
                Reduced(
                    component: component.name, reason: component.reason ?? "it is starting again", hint: nil))
        }
        return list
    }
}
