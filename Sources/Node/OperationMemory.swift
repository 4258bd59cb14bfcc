import Control
import Database
import Library
import Model
import Runtime

/// An operation that an earlier life of the daemon did not end.
package struct UnfinishedOperation: Sendable {
    package let snapshot: OperationSnapshot
    /// Nil when it cannot go on and is only reported.
    package let body: OperationTable.Body?
}

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
            id: id, game: game, kind: kind.rawValue, hasEnded: standing != .running,
            detail: JSON.encode(JSONValue.object(fields)))
    }

    /// Nil for a record that does not say enough to go on.
    init?(_ record: OperationRecord) {
        guard let kind = OperationKind(rawValue: record.kind),
            let detail = try? JSON.decode(JSONValue.self, from: record.detail, limit: Limits.operationRecordBytes),
            let started = detail["started"]?.string, let version = detail["brief"]?["version"]?.string,
            let version = GameVersion(version)
        else { return nil }
        let brief = detail["brief"] ?? .null
        self.init(
            id: record.id, game: record.game, kind: kind,
            brief: OperationBrief(
                version: version, installs: brief["install"]?.bool ?? true,
                overwrites: brief["overwrite"]?.bool ?? false,
                root: brief["root"]?.string.flatMap { Root(hex: $0) }),
            phase: kind == .download ? .waitingForSource : .installing, started: started)
        root = detail["root"]?.string.flatMap { Root(hex: $0) }
        bytesDone = UInt64(exactly: detail["bytes_done"]?.int ?? 0) ?? 0
        bytesTotal = UInt64(exactly: detail["bytes_total"]?.int ?? 0) ?? 0
    }
}

extension House {
    /// What the last life of the daemon left unfinished, oldest first. A download goes on; of an install recovery has
    /// made an end, whichever way, and it is only reported.
    func unfinishedOperations() async -> [UnfinishedOperation] {
        // A start that is degraded must not cost anything: what cannot go on now does so at a better one.
        guard catalog.isThere, games != nil else { return [] }
        let records: [OperationRecord]
        do {
            records = try await database.operations()
        } catch {
            log.warning(
                "Operations of before the restart do not go on: \(error.sentence)", kind: "operations_not_loaded")
            return []
        }
        return records.reversed().filter { !$0.hasEnded }.compactMap { record in
            guard let snapshot = OperationSnapshot(record) else { return nil }
            return UnfinishedOperation(snapshot: snapshot, body: body(of: snapshot))
        }
    }

    private func body(of snapshot: OperationSnapshot) -> OperationTable.Body? {
        guard snapshot.kind == .download else { return nil }
        return { id, report in
            guard let entry = catalog.current[snapshot.game], entry.version == snapshot.brief.version else {
                return .failed(.catalogChanged(snapshot.game, snapshot.brief.version))
            }
            return await DownloadUseCase(
                house: self, entry: entry, brief: snapshot.brief, begun: snapshot.root, operation: id, report: report
            ).run()
        }
    }
}
