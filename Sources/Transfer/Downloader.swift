package import Content
package import Model
package import PeerLink
package import Runtime
import Wire

/// A peer that has the wanted root, with the link to ask it over.
package struct Source: Sendable {
    package let peer: PeerID
    package let link: PeerLink

    package init(peer: PeerID, link: PeerLink) {
        self.peer = peer
        self.link = link
    }

    var id: SourceID { SourceID(peer: peer, link: ObjectIdentifier(link)) }
}

/// What a download needs from its neighbours.
package struct DownloadPorts: Sendable {
    /// The live sources of the root, asked again whenever `sourcesChanged` says so.
    package let sources: @Sendable () async -> [Source]
    package let sourcesChanged: AsyncStream<Void>
    /// Bytes that failed their digest: a strike.
    package let strike: @Sendable (PeerID) async -> Void
    package let progress: @Sendable (DownloadProgress) async -> Void

    package init(
        sources: @escaping @Sendable () async -> [Source], sourcesChanged: AsyncStream<Void>,
        strike: @escaping @Sendable (PeerID) async -> Void,
        progress: @escaping @Sendable (DownloadProgress) async -> Void
    ) {
        self.sources = sources
        self.sourcesChanged = sourcesChanged
        self.strike = strike
        self.progress = progress
    }
}

package struct DownloadProgress: Sendable {
    package let bytesDone: UInt64
    package let bytesTotal: UInt64
    package let sources: Int
    package let isWaitingForSource: Bool
    /// What each peer delivered so far, verified and written.
    package let flows: [PeerID: TransferFlow]
}

/// Why a download ended without all chunks; what landed stays on disk for the next one.
package enum DownloadError: Error, Sendable {
    /// No source for the whole grace.
    case allPeersGone
    /// Every source was tried as often as it may for some chunk, and bytes that came were wrong.
    case sourcesExhausted
    /// The same, and all that was wrong is that bytes did not come.
    case sourcesBreakOff
    case disk(ContentError)
    case cancelled
}

/// Fetches the missing chunks of one root from all its sources and lands each one verified.
///
/// `DownloadPlan` decides; this actor waits. It never touches a file: `ChunkWriter` verifies and writes.
package actor Downloader {
    /// Before a source that could not give a chunk is asked again: a dozen chunks of a gigabit line.
    private static let pause = Duration.milliseconds(500)

    private var plan: DownloadPlan
    private var fatal: DownloadError?
    private var hasWrongBytes = false
    private var bytesDone: UInt64
    private var graceEnd: Instant?
    private var workers: [SourceID: Int] = [:]
    private var flows: [PeerID: TransferFlow] = [:]

    private let writer: ChunkWriter
    private let manifest: Manifest
    private let root: Root
    private let pool: MemoryPool
    private let ports: DownloadPorts
    private let time: any TimeSource
    private let grace: Duration
    private let log: Log
    private let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    package init(
        writer: ChunkWriter, built: BuiltManifest, pool: MemoryPool, ports: DownloadPorts, time: any TimeSource,
        grace: Duration, log: Log
    ) {
        let missing = writer.missing
        self.writer = writer
        manifest = built.manifest
        root = built.root
        self.pool = pool
        self.ports = ports
        self.time = time
        self.grace = grace
        self.log = log
        plan = DownloadPlan(missing: missing, chunkCount: built.manifest.grid.chunkCount)
        let missingBytes = missing.reduce(UInt64(0)) { $0 + UInt64(built.manifest.grid.byteCount(of: $1)) }
        bytesDone = built.manifest.totalBytes - missingBytes
        (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns when every chunk has landed; the sentinel is the caller's.
    package func run() async throws(DownloadError) {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in self.ports.sourcesChanged { self.change.yield() }
            }
            var wake = changes.makeAsyncIterator()
            while !plan.isComplete, fatal == nil {
                await employ(in: &group)
                await report()
                if let error = endReason() {
                    fatal = fatal ?? error
                    break
                }
                // Cancellation ends the iteration with nil.
                if await wake.next(isolation: #isolation) == nil { break }
            }
            group.cancelAll()
        }
        if plan.isComplete { return }
        throw fatal ?? .cancelled
    }

    /// Chunks that each peer delivered.
    package func delivered() -> [PeerID: Int] { plan.delivered }

    // MARK: - Deciding

    private func employ(in group: inout DiscardingTaskGroup) async {
        let sources = await ports.sources()
        plan.update(sources: sources.map(\.id))
        for source in sources {
            if flows[source.peer] == nil { flows[source.peer] = TransferFlow(since: time.now) }
            while workers[source.id, default: 0] < DownloadPlan.requestsPerSource, let chunk = plan.next(for: source.id)
            {
                workers[source.id, default: 0] += 1
                group.addTask { await self.work(at: source, first: chunk) }
            }
        }
        watchGrace(in: &group)
    }

    private func watchGrace(in group: inout DiscardingTaskGroup) {
        guard plan.usableSources == 0, !plan.isComplete else {
            graceEnd = nil
            return
        }
        guard graceEnd == nil else { return }
        let end = time.now + grace
        graceEnd = end
        log.notice(
            "The download waits for a source.", kind: "waiting_for_source", .game(manifest.game),
            .field("grace_seconds", grace.components.seconds))
        group.addTask {
            // A sleep that is cut short means the group ends; nobody waits for the wake-up then.
            try? await self.time.sleep(until: end)
            self.change.yield()
        }
    }

    private func endReason() -> DownloadError? {
        if Task.isCancelled { return .cancelled }
        if plan.isExhausted { return hasWrongBytes ? .sourcesExhausted : .sourcesBreakOff }
        if let graceEnd, time.now >= graceEnd { return .allPeersGone }
        return nil
    }

    // MARK: - Working

    /// Fetches chunks of one source, one after the other, until there is none for it.
    private func work(at source: Source, first: Int) async {
        var chunk: Int? = first
        while let current = chunk {
            let goesOn = await fetch(current, from: source)
            chunk = goesOn && fatal == nil && !Task.isCancelled ? plan.next(for: source.id) : nil
        }
        workers[source.id, default: 1] -= 1
        change.yield()
    }

    /// Returns whether the source may be asked again.
    private func fetch(_ chunk: Int, from source: Source) async -> Bool {
        let count = manifest.grid.byteCount(of: chunk)
        do {
            let block = try await pool.acquire()
            let request = ChunkRequest(game: manifest.game, root: root, first: chunk, count: 1)
            let receiver = try await source.link.chunks(request)
            try await receiver.next(into: block, count: count)
            try await writer.land(chunk, block, count: count)
            plan.landed(chunk, from: source.id)
            bytesDone += UInt64(count)
            flows[source.peer]?.count(UInt64(count), at: time.now)
            await report()
            return true
        } catch let error as LinkError {
            return await settle(error, chunk, source)
        } catch let error as ContentError {
            return await settle(error, chunk, source)
        } catch {
            plan.returned(chunk, from: source.id)
            return false
        }
    }

    private func settle(_ error: LinkError, _ chunk: Int, _ source: Source) async -> Bool {
        switch error {
        case .refused(.busy):
            plan.returned(chunk, from: source.id)
            // Another source may have nothing to do; this one would ask for the same chunk again.
            change.yield()
            // Busy is temporary by its meaning.
            try? await time.sleep(for: Downloader.pause)
            return true
        case .tooSlow, .cut:
            // The stream is gone and the link is not: another try, but not for ever.
            plan.failed(chunk, from: source.id)
            await rest(chunk, source)
            return true
        case .cancelled:
            plan.returned(chunk, from: source.id)
            return false
        default:
            plan.returned(chunk, from: source.id)
            plan.spend(source.id)
            log.info(
                "A source went.", kind: "source_lost", .game(manifest.game), .peer(source.peer),
                .field("reason", Downloader.word(for: error)))
            return false
        }
    }

    private static func word(for error: LinkError) -> String {
        switch error {
        case .refused(let refusal): "refused: \(refusal.rawValue)"
        case .malformed(let what): what
        case .tooSlow, .cut: "too slow"
        case .lost, .turnedAway, .cancelled, .failed: "lost"
        }
    }

    private func settle(_ error: ContentError, _ chunk: Int, _ source: Source) async -> Bool {
        guard error.isWrongDigest else {
            plan.returned(chunk, from: source.id)
            if !error.isCancelled { fatal = fatal ?? .disk(error) }
            return false
        }
        plan.failed(chunk, from: source.id)
        hasWrongBytes = true
        log.warning(
            "A peer sent bytes that fail their digest.", kind: "peer_wrong_bytes", .game(manifest.game),
            .peer(source.peer),
            .field("chunk", chunk))
        await ports.strike(source.peer)
        await rest(chunk, source)
        return true
    }

    /// A chunk that failed is for another source now, which may have nothing to do; the one that failed it has a moment
    /// to recover.
    private func rest(_ chunk: Int, _ source: Source) async {
        change.yield()
        // Cut short only when the download ends.
        try? await time.sleep(for: Downloader.pause)
        plan.rested(chunk, of: source.peer)
    }

    private func report() async {
        await ports.progress(
            DownloadProgress(
                bytesDone: bytesDone, bytesTotal: manifest.totalBytes, sources: plan.usableSources,
                isWaitingForSource: plan.usableSources == 0, flows: flows))
    }
}
