import Linux
package import Model
package import Runtime
package import Storage
import Unpack

/// Unpacks a game's package into `local/`: whole, or not at all.
///
/// Order: intent, staging with its marker, entries, links, everything durable ══ one rename to `local/`, then the
/// marker, the record and the intent. Until the rename a failure removes the staging, after it recovery finishes what
/// is left.
package struct Installer: Sendable {
    private let disk: DiskPool
    private let log: Log
    private let child: UnpackChild

    /// Installs a game that is not installed; nobody else changes its directory meanwhile.
    ///
    /// - Parameters:
    ///   - helperPath: absolute path of `lanspread-unpack`.
    ///   - loop: hears the helper; any of the net loops.
    ///   - isWanted: asked in the last moment before the swap; it must not wait.
    ///   - progress: bytes of the package read, and its size; called on disk threads.
    package static func install(
        _ root: GameRoot, helperPath: String, version: GameVersion, rootDigest: Root?, loop: EventLoop,
        disk: DiskPool, time: any TimeSource = MonotonicTime(), log: Log,
        isWanted: @escaping @Sendable () -> Bool = { true },
        progress: @escaping @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    ) async throws(InstallError) {
        let child = UnpackChild(helperPath: helperPath, loop: loop, disk: disk, time: time, log: log)
        try await Installer(disk: disk, log: log, child: child).install(root, version, rootDigest, isWanted, progress)
    }

    private func install(
        _ root: GameRoot, _ version: GameVersion, _ rootDigest: Root?, _ isWanted: @escaping @Sendable () -> Bool,
        _ progress: @escaping @Sendable (UInt64, UInt64) -> Void
    ) async throws(InstallError) {
        let package = try await onDisk(root) { () throws(StorageError) in try Package.find(in: root) }
        let (archive, size) = try package.get(for: root.game)
        let intent = Intent(.install, game: root.game, version: version, root: rootDigest)
        let tree = try await begin(root, intent)
        let entries = StagedEntries(tree) { consumed in progress(min(consumed, size), size) }
        do throws(InstallError) {
            try await unpack(archive, into: entries, root)
            try await finishLinks(entries, root)
            try await onDisk(root) { () throws(StorageError) in try tree.syncAll() }
            // The last moment to turn back: from here on the steps belong together.
            if Task.isCancelled { throw .cancelled(root.game) }
            guard isWanted() else { throw .superseded(root.game) }
            try await onDisk(root) { () throws(StorageError) in try root.promoteStaging() }
        } catch {
            await undo(root)
            throw error
        }
        let record = InstalledRecord(version: version, root: rootDigest, paths: entries.ledger.leaves)
        try await onDisk(root) { () throws(StorageError) in
            try root.removeMarkerFromLocal()
            try root.writeInstalledRecord(record)
            try root.clearIntent()
        }
        progress(size, size)
    }

    // MARK: - Before the commit

    private func begin(_ root: GameRoot, _ intent: Intent) async throws(InstallError) -> StagedTree {
        let report = try await onDisk(root) { () throws(StorageError) in try Recovery.recover(root) }
        // Asked after recovery, which may just have finished an install.
        guard !root.isInstalled else { throw .alreadyInstalled(root.game) }
        // Before the intent is written: it would prove that the stranger's directory is ours.
        if let name = report.leftAlone.first { throw .inTheWay(root.game, name: name) }
        if root.exists(ReservedNames.local) { throw .inTheWay(root.game, name: ReservedNames.local) }
        do throws(InstallError) {
            return try await onDisk(root) { () throws(StorageError) in
                try root.writeIntent(intent)
                return try StagedTree.make(in: root)
            }
        } catch {
            await undo(root)
            throw error
        }
    }

    private func unpack(_ archive: Descriptor, into entries: StagedEntries, _ root: GameRoot) async throws(InstallError)
    {
        do throws(UnpackStop<StagingStop>) {
            try await child.run(archive: archive) { event throws(StagingStop) in try entries.receive(event) }
        } catch {
            switch error {
            case .helper(let error): throw InstallError(error, root.game)
            case .receiver(let stop): throw await failure(stop, root)
            }
        }
    }

    private func finishLinks(_ entries: StagedEntries, _ root: GameRoot) async throws(InstallError) {
        var isDone = false
        while !isDone {
            if Task.isCancelled { throw .cancelled(root.game) }
            do throws(StagingStop) {
                isDone = try await disk.run { () throws(StagingStop) in try entries.finishLinks() }
            } catch {
                throw await failure(error, root)
            }
        }
    }

    private func failure(_ stop: StagingStop, _ root: GameRoot) async -> InstallError {
        switch stop {
        case .entry(let fault): .refused(root.game, fault.reason)
        case .storage(let error): InstallError(error, root.game, free: await freeBytes(root))
        }
    }

    /// Clean-up does not throw: what it could not remove, recovery finds by its intent or its marker.
    private func undo(_ root: GameRoot) async {
        do throws(StorageError) {
            _ = try await disk.run { () throws(StorageError) in try Recovery.recover(root) }
        } catch {
            log.error(
                "An unfinished install was left for recovery: \(error.sentence)", kind: "game_not_recovered",
                .game(root.game))
        }
    }

    // MARK: - The disk

    private func onDisk<Value: Sendable>(
        _ root: GameRoot, _ body: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(InstallError) -> Value {
        do throws(StorageError) {
            return try await disk.run(body)
        } catch {
            throw InstallError(error, root.game, free: await freeBytes(root))
        }
    }

    /// For a sentence only; a disk that does not answer has none.
    private func freeBytes(_ root: GameRoot) async -> UInt64 {
        await disk.run { (try? root.freeBytes()) ?? 0 }
    }
}
