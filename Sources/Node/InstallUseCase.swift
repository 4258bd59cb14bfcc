import Control
import Install
import Library
import Model
import Runtime
import Settings
import Storage

/// One downloaded game becomes an installed one; it touches `local/` only and closes nothing.
struct InstallUseCase: Sendable {
    let house: House
    let entry: CatalogEntry
    let operation: OperationID
    let report: OperationTable.Report

    func run() async -> OperationEnd {
        await report(OperationProgress(phase: .installing))
        let library = await house.library.entry(of: entry.game)
        guard library?.localVersion == entry.version else { return .failed(.notDownloaded(entry)) }
        guard library?.installed == false else { return .failed(.alreadyInstalled(entry)) }
        // The installer tells its progress on disk threads and waits for nobody; the newest word is enough.
        let (steps, step) = AsyncStream.makeStream(of: OperationProgress.self, bufferingPolicy: .bufferingNewest(1))
        return await withTaskGroup(of: OperationEnd?.self) { group in
            group.addTask {
                for await progress in steps { await report(progress) }
                return nil
            }
            group.addTask {
                defer { step.finish() }
                return await install(library?.root) { done, total in
                    step.yield(OperationProgress(phase: .installing, bytesDone: done, bytesTotal: total))
                }
            }
            var end: OperationEnd?
            for await result in group { end = result ?? end }
            return end ?? .cancelled
        }
    }

    private func install(
        _ digest: Root?, progress: @escaping @Sendable (UInt64, UInt64) -> Void
    ) async -> OperationEnd {
        guard let games = house.games else {
            return .failed(house.gamesFailure)
        }
        let (catalog, entry) = (house.catalog, entry)
        do {
            try await Installer.install(
                try games.root(entry.game), helperPath: house.helperPath, version: entry.version,
                rootDigest: digest, loop: house.loops.net[0], disk: house.loops.disk, time: house.time,
                log: house.log.component("Install").about(.operation(operation), .game(entry.game)),
                isWanted: { catalog.current[entry.game]?.version == entry.version }, progress: progress)
            return .finished("installed")
        } catch {
            return UseCaseError.describe(error, game: entry).end
        }
    }
}
