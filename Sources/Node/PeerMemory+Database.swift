import Database
import Linux
import Peers
import Runtime

extension PeerMemory {
    /// The peers of the state database. What cannot be written is logged, and the peers live on in memory: a host with
    /// a broken state disk still shares games.
    static func stored(in database: StateDatabase, log: Log) -> PeerMemory {
        @Sendable func attempt(_ body: @Sendable () async throws(DatabaseError) -> Void) async {
            do throws(DatabaseError) {
                try await body()
            } catch {
                log.warning("Peers are not remembered: \(error.sentence)", kind: "peers_not_saved")
            }
        }
        return PeerMemory(
            load: {
                let rows: [PeerRecord]
                do throws(DatabaseError) {
                    rows = try await database.peers()
                } catch {
                    log.warning("The peers of before are not known: \(error.sentence)", kind: "peers_not_loaded")
                    return []
                }
                return rows.compactMap { row in
                    // The interface of a link-local address may be gone; a peer that is blocked stays so without one.
                    guard let address = SocketAddress(row.address) ?? (row.isBlocked ? .loopback(port: 0) : nil) else {
                        return nil
                    }
                    return RememberedPeer(
                        peer: row.peer, name: row.name, address: address, isBlocked: row.isBlocked, seen: row.seen)
                }
            },
            remember: { peers in
                let rows = peers.map {
                    PeerRecord(peer: $0.peer, name: $0.name, address: $0.address.description, seen: $0.seen)
                }
                await attempt { () throws(DatabaseError) in try await database.remember(rows) }
            },
            forget: { peer in await attempt { () throws(DatabaseError) in try await database.forget(peer) } },
            setBlocked: { peer, isBlocked in
                await attempt { () throws(DatabaseError) in try await database.setBlocked(peer, isBlocked) }
            })
    }
}
