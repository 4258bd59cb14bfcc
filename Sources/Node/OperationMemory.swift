import Control
import Database
import Library
import Model
import Runtime

extension OperationSnapshot {
    /// As the state database keeps it: what everybody sees, and the brief.
    var record: OperationRecord {
        var fields = json.object ?? [:]
        fields["brief"] = [
            "version": .string(brief.version.text), "install": .bool(brief.installs),
            "overwrite": .bool(brief.overwrites), "root": .optional(brief.root?.hex),
        ]
        fields["root"] = .optional(root?.hex)
        return OperationRecord(
            id: id, game: game, kind: kind.rawValue, hasEnded: standing.hasEnded,
            detail: JSON.encode(JSONValue.object(fields)))
    }

    /// Nil for a record that does not say enough to go on.
    init?(_ record: OperationRecord) {
        guard let kind = OperationKind(rawValue: record.kind),
            let detail = try? JSON.decode(JSONValue.self, from: record.detail, limit: Limits.operationRecordBytes),
            let started = detail["started"]?.string, let version = detail["brief"]?["version"]?.string,
            let version = GameVersion(version),
            let standing = detail["state"]?.string.flatMap(OperationStanding.init), standing.hasEnded == record.hasEnded
        else { return nil }
        let brief = detail["brief"] ?? .null
        self.init(
            id: record.id, game: record.game, kind: kind,
            brief: OperationBrief(
                version: version, installs: brief["install"]?.bool ?? true,
                overwrites: brief["overwrite"]?.bool ?? false,
                root: brief["root"]?.string.flatMap { Root(hex: $0) }), started: started)
        self.standing = standing
        // A phase of a later version: in the middle of something, whatever it was.
        phase = detail["phase"]?.string.flatMap(OperationPhase.init) ?? .installing
        root = detail["root"]?.string.flatMap { Root(hex: $0) }
        bytesDone = UInt64(exactly: detail["bytes_done"]?.int ?? 0) ?? 0
        bytesTotal = UInt64(exactly: detail["bytes_total"]?.int ?? 0) ?? 0
        ended = detail["ended"]?.string
        outcome = detail["outcome"]?.string
        failure = detail["failure"].flatMap { Failure(json: $0) }
    }
}

/// Where operations and their lines are kept over a restart.
struct OperationMemory: Sendable {
    let database: StateDatabase
    let lines: OperationLog
    let log: Log

    /// All of them, oldest first. The lines of those that have not ended are kept from here on.
    func recorded() async -> [OperationSnapshot] {
        do {
            var snapshots: [OperationSnapshot] = []
            for record in try await database.operations().reversed() {
                guard let snapshot = OperationSnapshot(record) else { continue }
                if !snapshot.standing.hasEnded, lines.lines(of: snapshot.id) == nil {
                    lines.open(snapshot.id, after: decode(try await database.lines(of: snapshot.id)))
                }
                snapshots.append(snapshot)
            }
            return snapshots
        } catch {
            log.warning(
                "Operations of before the restart do not go on: \(error.sentence)", kind: "operations_not_loaded")
            return []
        }
    }

    func record(_ snapshot: OperationSnapshot) async {
        lines.open(snapshot.id)
        do throws(DatabaseError) {
            try await database.record(snapshot.record, lines: JSON.encode(lines.lines(of: snapshot.id) ?? []))
        } catch {
            // It goes on, and is only not found again after a restart.
            log.error(
                "An operation was not kept: \(error.sentence)", kind: "operation_not_kept", .operation(snapshot.id),
                .game(snapshot.game))
        }
        if snapshot.standing.hasEnded { lines.close(snapshot.id) }
    }

    /// What the log said of it, oldest first.
    func history(of id: OperationID) async throws(DatabaseError) -> [OperationLog.Line] {
        if let lines = lines.lines(of: id) { return lines }
        return decode(try await database.lines(of: id))
    }

    private func decode(_ bytes: [UInt8]) -> [OperationLog.Line] {
        (try? JSON.decode([OperationLog.Line].self, from: bytes, limit: Limits.operationLogBytes)) ?? []
    }
}

extension House {
    /// An operation keeps its version: when the catalog names another one now, it has an end.
    func perform(
        _ operation: OperationSnapshot, _ report: @escaping OperationTable.Report
    ) async -> OperationEnd {
        guard let entry = catalog.current[operation.game], entry.version == operation.brief.version else {
            return .failed(.catalogChanged(operation.game, operation.brief.version))
        }
        // No scan looks at a game while its operation is active: what is known of one that waited may be nothing, or of
        // another directory.
        do throws(LibraryError) {
            try await library.refresh(operation.game)
        } catch {
            log.warning(error.sentence, kind: "game_unreadable", .operation(operation.id), .game(operation.game))
        }
        switch operation.kind {
        case .download:
            return await DownloadUseCase(
                house: self, entry: entry, brief: operation.brief, begun: operation.root, operation: operation.id,
                report: report
            ).run()
        case .install:
            return await InstallUseCase(house: self, entry: entry, operation: operation.id, report: report).run()
        }
    }
}
