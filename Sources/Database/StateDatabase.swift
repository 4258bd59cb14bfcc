package import Model

/// What this host remembers: the index of its library, its operations, and where its peers were.
///
/// One actor on one disk thread, one connection, one transaction per call: a call that has returned is on the disk.
package actor StateDatabase {
    private nonisolated let worker: any SerialExecutor
    private nonisolated let path: String
    /// Nil until `open` has returned.
    private var connection: Connection?

    private init(path: String, worker: any SerialExecutor) {
        self.path = path
        self.worker = worker
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { worker.asUnownedSerialExecutor() }

    /// Opens the database, or makes it, and brings its schema up to date.
    ///
    /// - Parameter worker: a thread that may block.
    /// - Throws: `.newerSchema` when a newer version of this program wrote it; it is left as it is.
    package static func open(path: String, worker: any SerialExecutor) async throws(DatabaseError) -> StateDatabase {
        let database = StateDatabase(path: path, worker: worker)
        try await database.connect()
        return database
    }

    private func connect() throws(DatabaseError) {
        connection = try StateSchema.open(path: path)
    }

    private var open: Connection {
        guard let connection else { preconditionFailure("the state database is used before it is open") }
        return connection
    }

    /// Writes the log back and closes; nothing may be called afterwards.
    package func close() throws(DatabaseError) {
        try open.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection = nil
    }

    // MARK: - Facts

    package func value(of key: StateKey) throws(DatabaseError) -> String? {
        let statement = try open.prepare("SELECT value FROM settled WHERE key = ?")
        try statement.bind([key.rawValue])
        return try statement.step() ? statement.text(0) : nil
    }

    package func save(_ value: String, as key: StateKey) throws(DatabaseError) {
        try open.run("INSERT OR REPLACE INTO settled VALUES (?, ?)", key.rawValue, value)
    }

    // MARK: - Library

    /// Every entry of a games directory without its manifest, which may have megabytes; a row that breaks a rule is as
    /// good as none.
    ///
    /// - Parameter directory: what names it, the id in its marker as a rule.
    package func indexedGames(
        in directory: String
    ) throws(DatabaseError) -> [GameID: (fingerprint: Digest, root: Root)] {
        let statement = try open.prepare("SELECT game, fingerprint, root FROM library WHERE directory = ?")
        try statement.bind([directory])
        var games: [GameID: (fingerprint: Digest, root: Root)] = [:]
        while try statement.step() {
            guard let game = GameID(statement.text(0) ?? ""), let fingerprint = Digest(statement.blob(1)),
                let root = Digest(statement.blob(2))
            else { continue }
            games[game] = (fingerprint, Root(root))
        }
        return games
    }

    package func indexEntry(of game: GameID, in directory: String) throws(DatabaseError) -> IndexEntry? {
        let statement = try open.prepare(
            "SELECT version, fingerprint, root, manifest FROM library WHERE directory = ? AND game = ?")
        try statement.bind([directory, game.text])
        guard try statement.step(), let version = GameVersion(statement.text(0) ?? ""),
            let fingerprint = Digest(statement.blob(1)), let root = Digest(statement.blob(2))
        else { return nil }
        return IndexEntry(
            game: game, version: version, fingerprint: fingerprint, root: Root(root), manifest: statement.blob(3))
    }

    package func save(_ entry: IndexEntry, in directory: String) throws(DatabaseError) {
        try open.run(
            "INSERT OR REPLACE INTO library VALUES (?, ?, ?, ?, ?, ?)", directory, entry.game.text,
            entry.version.text, entry.fingerprint.bytes, entry.root.digest.bytes, entry.manifest)
    }

    package func removeIndexEntry(of game: GameID, in directory: String) throws(DatabaseError) {
        try open.run("DELETE FROM library WHERE directory = ? AND game = ?", directory, game.text)
    }

    /// Forgets the entries of every games directory but these.
    package func keepIndexes(of directories: some Collection<String> & Sendable) throws(DatabaseError) {
        let statement = try open.prepare("SELECT DISTINCT directory FROM library")
        var found: [String] = []
        while try statement.step() { if let directory = statement.text(0) { found.append(directory) } }
        for directory in found where !directories.contains(directory) {
            try open.run("DELETE FROM library WHERE directory = ?", directory)
        }
    }

    // MARK: - Operations

    /// A number that no operation has had, nor will have.
    package func nextOperationID() throws(DatabaseError) -> OperationID {
        let statement = try open.prepare(
            "UPDATE counters SET value = value + 1 WHERE name = 'operation' RETURNING value")
        guard try statement.step() else { throw .damaged(path: path) }
        let id = OperationID(rawValue: statement.integer(0))
        // The change is committed when the statement has ended.
        while try statement.step() {}
        return id
    }

    /// Keeps the operation as it is now, and forgets the oldest ended ones above `Limits.operationsRetained`. One that
    /// has ended stays as it ended.
    ///
    /// - Parameter lines: what the log said of it, in a form of the caller's.
    package func record(_ operation: OperationRecord, lines: [UInt8] = []) throws(DatabaseError) {
        let connection = open
        try connection.transaction { () throws(DatabaseError) in
            try connection.run(
                """
                INSERT INTO operations VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)
                    DO UPDATE SET ended = excluded.ended, detail = excluded.detail WHERE ended = 0
                """, operation.id.rawValue, operation.game.text, operation.kind, operation.hasEnded ? Int64(1) : 0,
                operation.detail)
            try connection.run(
                "INSERT OR REPLACE INTO operation_lines VALUES (?, ?)", operation.id.rawValue, lines)
            try connection.run(
                """
                DELETE FROM operations WHERE ended = 1 AND id NOT IN
                    (SELECT id FROM operations WHERE ended = 1 ORDER BY id DESC LIMIT ?)
                """, Int64(Limits.operationsRetained))
            try connection.run("DELETE FROM operation_lines WHERE id NOT IN (SELECT id FROM operations)")
        }
    }

    /// Empty for an operation that is not kept.
    package func lines(of operation: OperationID) throws(DatabaseError) -> [UInt8] {
        let statement = try open.prepare("SELECT lines FROM operation_lines WHERE id = ?")
        try statement.bind([operation.rawValue])
        return try statement.step() ? statement.blob(0) : []
    }

    /// Newest first.
    package func operations() throws(DatabaseError) -> [OperationRecord] {
        let statement = try open.prepare("SELECT id, game, kind, ended, detail FROM operations ORDER BY id DESC")
        var operations: [OperationRecord] = []
        while try statement.step() {
            guard let game = GameID(statement.text(1) ?? ""), let kind = statement.text(2) else { continue }
            operations.append(
                OperationRecord(
                    id: OperationID(rawValue: statement.integer(0)), game: game, kind: kind,
                    hasEnded: statement.integer(3) != 0, detail: statement.blob(4)))
        }
        return operations
    }

    // MARK: - Peers

    /// Remembers where peers are, all of them or none, and forgets those seen longest ago above
    /// `Limits.peersRemembered`. Blocked ones stay blocked, and are never forgotten for others.
    package func remember(_ peers: [PeerRecord]) throws(DatabaseError) {
        let connection = open
        try connection.transaction { () throws(DatabaseError) in
            for peer in peers {
                try connection.run(
                    """
                    INSERT INTO peers (peer, name, address, seen) VALUES (?, ?, ?, ?) ON CONFLICT (peer)
                        DO UPDATE SET name = excluded.name, address = excluded.address, seen = excluded.seen
                    """, peer.peer.digest.bytes, peer.name, peer.address, peer.seen)
            }
            try connection.run(
                """
                DELETE FROM peers WHERE blocked = 0 AND peer NOT IN
                    (SELECT peer FROM peers WHERE blocked = 0 ORDER BY seen DESC, peer LIMIT ?)
                """, Int64(Limits.peersRemembered))
        }
    }

    package func forget(_ peer: PeerID) throws(DatabaseError) {
        try open.run("DELETE FROM peers WHERE peer = ?", peer.digest.bytes)
    }

    /// A peer that is not remembered stays unknown.
    package func setBlocked(_ peer: PeerID, _ isBlocked: Bool) throws(DatabaseError) {
        try open.run("UPDATE peers SET blocked = ? WHERE peer = ?", Int64(isBlocked ? 1 : 0), peer.digest.bytes)
    }

    /// The one seen last comes first.
    package func peers() throws(DatabaseError) -> [PeerRecord] {
        let statement = try open.prepare(
            "SELECT peer, name, address, seen, blocked FROM peers ORDER BY seen DESC, peer")
        var peers: [PeerRecord] = []
        while try statement.step() {
            guard let peer = Digest(statement.blob(0)), let name = statement.text(1),
                let address = statement.text(2)
            else { continue }
            peers.append(
                PeerRecord(
                    peer: PeerID(peer), name: name, address: address, seen: statement.integer(3),
                    isBlocked: statement.integer(4) != 0))
        }
        return peers
    }
}
