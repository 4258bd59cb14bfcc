import Content
import Control
import Library
import Linux
import Model
import PeerLink
import Peers
import Runtime
import Settings
import Storage
import Transfer

/// The way of one game from the peers to this disk: root, manifest, chunks, sentinel, and then the install.
///
/// Each step asks the world again; nothing is remembered across a wait but the root, which an operation keeps.
struct DownloadUseCase: Sendable {
    let house: House
    let entry: CatalogEntry
    let brief: OperationBrief
    /// The root that was chosen before a pause or a restart; nil when none was, or when nothing lies behind.
    let begun: Root?
    let operation: OperationID
    let report: OperationTable.Report

    private var game: GameID { entry.game }
    private var log: Log { house.log.component("Download").about(.operation(operation), .game(game)) }

    func run() async -> OperationEnd {
        do {
            let standing = try await download()
            return try await installPhase(standing)
        } catch .allPeersGone {
            let why = await house.gameRow(entry).row.remote.whyNoSource(entry)
            return .allPeersGone(why ?? "No peer has the content that was chosen.")
        } catch {
            return error.end
        }
    }

    // MARK: - Phases

    /// Returns how sure the root is, or nil when the game was here already.
    private func download() async throws(UseCaseError) -> RootStanding? {
        if await isHere() { return nil }
        await report(OperationProgress(phase: .preparing, bytesTotal: entry.bytes))
        let known = await recorded()
        let (built, standing) = if let known { (known, RootStanding?.none) } else { try await chosen() }
        log.notice(
            standing == nil ? "The root is the one that the download began with." : "The root is chosen.",
            kind: "root_chosen", .operation(operation), .game(game), .field("root", built.root.hex),
            .field("verified", standing?.text ?? "as before"), .field("bytes", built.manifest.totalBytes))
        let bytes = built.manifest.totalBytes
        await report(OperationProgress(phase: .preparing, bytesTotal: bytes, root: built.root))
        let closing = house.time.now
        try await house.registry.closing(game, cancelled: UseCaseError.cancelled) { () async throws(UseCaseError) in
            log.info(
                "Nobody reads the game any more.", kind: "readers_gone", .operation(operation), .game(game),
                .field("milliseconds", (house.time.now - closing) / .milliseconds(1)))
            try await fetch(built)
        }
        if let standing { return standing }
        guard case .elected(built.root, let standing) = await election() else { return .unconfirmed }
        return standing
    }

    private func chosen() async throws(UseCaseError) -> (BuiltManifest, RootStanding?) {
        let (root, standing) = try await chooseRoot()
        return (try await fetchManifest(root), standing)
    }

    /// The content that this download was about before the restart; nil when nothing of it had landed.
    private func recorded() async -> BuiltManifest? {
        guard let games = house.games, let begun else { return nil }
        let (game, version) = (game, entry.version)
        return await house.loops.disk.run {
            guard let root = try? games.root(game), let record = try? root.downloadRecord() else { return nil }
            return try? ManifestBuilder.decode(record.manifest, game: game, version: version, root: begun)
        }
    }

    private func fetch(_ built: BuiltManifest) async throws(UseCaseError) {
        guard let games = house.games else {
            throw .failed(house.gamesFailure)
        }
        let writer: ChunkWriter
        do {
            writer = try await ChunkWriter.open(
                games: games, built: built, overwrite: brief.overwrites, disk: house.loops.disk,
                log: house.log.component("Content").about(.operation(operation), .game(game)))
        } catch {
            throw .describe(error, game: entry)
        }
        let ports = DownloadPorts(
            sources: { await sources(of: built.root) }, sourcesChanged: await house.peers.changes(),
            strike: { await house.peers.strike($0) }, progress: { await tell($0, built.root) })
        let downloader = Downloader(
            writer: writer, built: built, pool: house.fetchPool, ports: ports, time: house.time,
            grace: house.settings.sourceGrace.value, log: log)
        defer { house.inbound.end(operation) }
        do {
            try await downloader.run()
        } catch {
            await writer.abandon()
            throw .describe(error, game: entry)
        }
        guard house.catalog.current[game]?.version == entry.version else {
            await writer.abandon()
            throw .failed(.catalogChanged(entry))
        }
        do {
            try await writer.commit()
        } catch {
            await writer.abandon()
            throw .describe(error, game: entry)
        }
        for (peer, chunks) in await downloader.delivered() where chunks > 0 {
            log.notice(
                "A source delivered.", kind: "source_delivered", .operation(operation), .game(game), .peer(peer),
                .field("chunks", chunks))
        }
        do {
            try await house.library.refresh(game, verified: built)
        } catch {
            // The game is here and its sentinel says so; the next scan finds it.
            log.warning(error.sentence, kind: "library_unavailable", .operation(operation), .game(game))
        }
    }

    private func installPhase(_ standing: RootStanding?) async throws(UseCaseError) -> OperationEnd {
        let fetched = standing == nil ? "already downloaded" : "downloaded"
        let trust = standing.map { ", \($0.text)" } ?? ""
        guard brief.installs else { return .finished(fetched + trust) }
        let install = InstallUseCase(house: house, entry: entry, operation: operation, report: report)
        switch await install.run() {
        case .finished(let outcome): return .finished("\(fetched) and \(outcome)\(trust)")
        case .failed(let failure) where failure.kind == .alreadyInstalled:
            return .finished("\(fetched)\(trust); the installed game was left as it is")
        case .failed(let failure): return .failed(failure.afterDownload)
        case .cancelled: return .cancelled
        case .allPeersGone(let why): return .allPeersGone(why)
        }
    }

    private func isHere() async -> Bool {
        let row = await house.gameRow(entry).row
        guard row.local?.localVersion == entry.version else { return false }
        if let root = brief.root { return row.local?.root == root }
        // What most have is what was asked for, not what happens to be here.
        return row.verdict.availability != .differs
    }

    private func tell(_ progress: DownloadProgress, _ root: Root) async {
        house.inbound.set(operation, game, root, progress.flows)
        await report(
            OperationProgress(
                phase: progress.isWaitingForSource ? .waitingForSource : .downloading, bytesDone: progress.bytesDone,
                bytesTotal: progress.bytesTotal, sources: progress.sources))
    }

    // MARK: - Root and manifest

    private func sources(of root: Root) async -> [Source] {
        await house.peers.sources(game, version: entry.version).filter { $0.root == root }
            .map { Source(peer: $0.peer, link: $0.link) }
    }

    private func chooseRoot() async throws(UseCaseError) -> (Root, RootStanding) {
        if let root = brief.root { return (root, .chosen) }
        let end = house.time.now + house.settings.sourceGrace.value
        var patience = HashingPatience()
        while true {
            switch await election() {
            case .elected(let root, let standing): return (root, standing)
            case .ambiguous(let candidates): throw .failed(.ambiguousRoot(entry, candidates))
            case .noVotes: try await awaitSource(of: nil, until: end, &patience)
            }
        }
    }

    private func election() async -> RootElection {
        RootElection.hold(
            await house.peers.sources(game, version: entry.version).map {
                RootVote(
                    peer: $0.peer, address: $0.link.remote.host, isLoopback: $0.link.remote.isLoopback, root: $0.root)
            })
    }

    /// Waits for a source of `root`, or of any, until `end`; a peer that still hashes the game is asked to do it first,
    /// and is waited for as long as the patience lasts.
    private func awaitSource(
        of root: Root?, until end: Instant, _ patience: inout HashingPatience
    ) async throws(UseCaseError) {
        let bell = await house.peers.changes()
        // The peers may have changed between the question and the listening.
        let sources = await house.peers.sources(game, version: entry.version)
        if sources.contains(where: { root == nil || $0.root == root }) { return }
        await report(OperationProgress(phase: .waitingForSource, bytesTotal: entry.bytes))
        let isHashing = await nudgeHashingPeers(&patience)
        if Task.isCancelled { throw .cancelled }
        guard isHashing || house.time.now < end else { throw .allPeersGone }
        let wake = isHashing ? house.time.now + .milliseconds(500) : end
        await house.wait(until: wake) { for await _ in bell { break } }
        if Task.isCancelled { throw .cancelled }
    }

    /// Asks peers that have the version but no manifest yet to build it now; answers whether there is one that is worth
    /// waiting for.
    private func nudgeHashingPeers(_ patience: inout HashingPatience) async -> Bool {
        var done: UInt64 = 0
        var total: UInt64 = 0
        var isBuilt = false
        for peer in await house.peers.snapshot() where peer.games.contains(where: isHashing) {
            guard let link = await house.peers.link(peer.peer) else { continue }
            switch try? await link.manifest(game, root: nil) {
            case .hashing(let part, let whole)?:
                guard patience.believes(peer.peer, done: part, now: house.time.now) else { continue }
                done = max(done, part)
                total = max(total, whole)
            case .manifest?:
                // It was faster than the summary that names its root, which is on its way.
                isBuilt = patience.believes(peer.peer, done: .max, now: house.time.now) || isBuilt
            case nil:
                // Its summary still says that it hashes: it may be between its last chunk and its index.
                isBuilt = patience.believes(peer.peer, done: 0, now: house.time.now) || isBuilt
            }
        }
        guard total > 0 else { return isBuilt }
        await report(OperationProgress(phase: .waitingForSource, bytesDone: done, bytesTotal: total))
        return true
    }

    private func isHashing(_ summary: GameSummary) -> Bool {
        summary.game == game && summary.version == entry.version && summary.availability == .hashing
    }

    private func fetchManifest(_ root: Root) async throws(UseCaseError) -> BuiltManifest {
        let end = house.time.now + house.settings.sourceGrace.value
        var patience = HashingPatience()
        while true {
            let candidates = await sources(of: root)
            for source in candidates {
                if let built = try await manifest(root, from: source) { return built }
            }
            guard candidates.isEmpty else { throw .failed(.noManifest(entry)) }
            try await awaitSource(of: root, until: end, &patience)
        }
    }

    private func manifest(_ root: Root, from source: Source) async throws(UseCaseError) -> BuiltManifest? {
        do {
            guard case .manifest(let bytes) = try await source.link.manifest(game, root: root) else { return nil }
            return try ManifestBuilder.decode(bytes, game: game, version: entry.version, root: root)
        } catch let error as ContentError {
            log.warning(
                "A peer sent a manifest that is refused.", kind: "manifest_refused", .operation(operation), .game(game),
                .peer(source.peer),
                .field("reason", error.sentence))
            await house.peers.strike(source.peer)
            return nil
        } catch {
            if Task.isCancelled { throw .cancelled }
            return nil
        }
    }
}
