import Linux
import Model
package import Runtime
package import Storage

/// What recovery found in one game's directory and did about it.
package struct RecoveryReport: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// Nothing was begun.
        case clean
        /// The change was already committed; what was left of it is done.
        case finished(Intent.Change)
        /// The change had not been committed; nothing is left of it.
        case undone(Intent.Change)
    }

    package let outcome: Outcome
    /// Things that look like ours and are not proven to be, or that this version cannot read. They stay.
    package let leftAlone: [String]

    /// For the log; nil when there was nothing to do.
    package var sentence: String? {
        var clauses: [String] = []
        switch outcome {
        case .clean: break
        case .finished(let change): clauses.append("An unfinished \(change.rawValue) was finished.")
        case .undone(let change): clauses.append("An unfinished \(change.rawValue) was undone.")
        }
        for name in leftAlone { clauses.append("\(name) stays as it is: nothing proves that it is ours.") }
        return clauses.isEmpty ? nil : clauses.joined(separator: " ")
    }
}

/// Finishes or undoes what an intent left: at start, and before each install.
///
/// Its laws: `local/` is whole-old or whole-new (I15), a second recovery changes nothing (I16), and nothing is deleted
/// without proof (I10).
package enum Recovery {
    package static func recover(
        _ root: GameRoot, disk: DiskPool
    ) async throws(StorageError) -> RecoveryReport {
        try await disk.run { () throws(StorageError) in try recover(root) }
    }

    /// On a disk thread.
    static func recover(_ root: GameRoot) throws(StorageError) -> RecoveryReport {
        switch try root.intent() {
        case .none:
            let leftAlone = try removeStaging(root)
            return RecoveryReport(outcome: .clean, leftAlone: leftAlone)
        case .unreadable:
            return RecoveryReport(outcome: .clean, leftAlone: [ReservedNames.intent])
        case .begun(let intent):
            guard intent.change == .install else {
                // Written by a version that knows how to update: what it meant is not guessed.
                return RecoveryReport(outcome: .clean, leftAlone: [ReservedNames.intent])
            }
            return try recoverInstall(root, intent)
        }
    }

    /// A first install is begun only where there is no `local/`, and the staging becomes it in one rename: while the
    /// staging stands, the rename has not happened.
    private static func recoverInstall(_ root: GameRoot, _ intent: Intent) throws(StorageError) -> RecoveryReport {
        if root.isInstalled, !root.exists(ReservedNames.installing) {
            try finish(root, intent)
            return RecoveryReport(outcome: .finished(.install), leftAlone: [])
        }
        let leftAlone = try removeStaging(root)
        try root.clearIntent()
        return RecoveryReport(outcome: .undone(.install), leftAlone: leftAlone)
    }

    /// What follows the swap, each step again without harm.
    private static func finish(_ root: GameRoot, _ intent: Intent) throws(StorageError) {
        try root.removeMarkerFromLocal()
        let known = try root.installedRecord()
        if known?.version != intent.version || known?.root != intent.root, let version = GameVersion(intent.version) {
            // The list of what was unpacked went with the process; what is there now is what there was.
            let record = InstalledRecord(
                version: version, root: intent.root.flatMap { Root(hex: $0) }, paths: try leaves(of: root))
            try root.writeInstalledRecord(record)
        }
        try root.clearIntent()
    }

    /// - Returns: the name of what stands there and is not proven to be ours.
    private static func removeStaging(_ root: GameRoot) throws(StorageError) -> [String] {
        guard root.exists(ReservedNames.installing) else { return [] }
        guard let proof = try root.proveOwnership(of: .installing) else { return [ReservedNames.installing] }
        try root.remove(proof)
        return root.exists(ReservedNames.installing) ? [ReservedNames.installing] : []
    }

    private static func leaves(of root: GameRoot) throws(StorageError) -> [RelativePath] {
        var leaves: [RelativePath] = []
        do throws(LinuxError) {
            let local = try Beneath.openDirectory(root.directory, Array(ReservedNames.local.utf8))
            try collect(local, below: [], into: &leaves)
        } catch {
            throw StorageError(error)
        }
        return leaves
    }

    private static func collect(
        _ local: Descriptor, below prefix: [UInt8], into leaves: inout [RelativePath]
    ) throws(LinuxError) {
        for entry in try Beneath.list(try Beneath.openDirectory(local, prefix)) {
            let bytes = prefix.isEmpty ? entry.name : prefix + [UInt8(ascii: "/")] + entry.name
            // A name that breaks the rules did not come out of an archive.
            guard let path = try? RelativePath(bytes) else { continue }
            switch entry.kind {
            case .directory: try collect(local, below: bytes, into: &leaves)
            case .regular, .symlink: leaves.append(path)
            case .other: continue
            }
        }
    }
}
