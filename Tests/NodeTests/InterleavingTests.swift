import Control
import Library
import Linux
import Model
import Runtime
import Storage
import TestKit
import Testing
import Transfer

@testable import Node

/// Everything that may happen to two games at once, in orders that chance chooses: verbs, scans, peers' requests,
/// cancellations, failures and the stop of the daemon.
@Suite(.serialized) struct `In any order of events` {
    /// LANSPREAD_INTERLEAVINGS asks for more; `make campaigns` does.
    private static let count = Machine.environment("LANSPREAD_INTERLEAVINGS").flatMap { UInt64($0) } ?? 400

    private struct Totals: Sendable {
        var choices = 0
        var ends = 0
        var chunks = 0
        var cuts = 0
        var writes = 0
    }

    @Test func `no byte of a game that changes is read, and every operation has one end`() async throws {
        // A lane a processor; each has a ground of its own and stays on its thread.
        let lanes = UInt64(max(1, min(Machine.processorCount, 8)))
        let totals = try await withThrowingTaskGroup(of: Totals.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    try await Self.run(stride(from: lane, to: Self.count, by: Int(lanes)).map { TestSeed.value &+ $0 })
                }
            }
            return try await group.reduce(into: Totals()) { sum, lane in
                sum.choices += lane.choices
                sum.ends += lane.ends
                sum.chunks += lane.chunks
                sum.cuts += lane.cuts
                sum.writes += lane.writes
            }
        }
        StandardStream.writeError(
            "interleavings: \(Self.count), choices: \(totals.choices), writes: \(totals.writes), "
                + "chunks: \(totals.chunks), cut readers: \(totals.cuts), ends: \(totals.ends), "
                + "seed: \(TestSeed.value)\n")
        // A campaign that meets nothing shows nothing.
        #expect(totals.chunks > 0 && totals.writes > 0 && totals.cuts > 0 && totals.ends > 0)
    }

    /// Ends with the first seed that breaks a law.
    private static func run(_ seeds: [UInt64]) async throws -> Totals {
        let ground = try await Ground()
        var totals = Totals()
        for seed in seeds {
            try ground.reset()
            let world = try await World.make(ground, seed: seed)
            do {
                totals.choices += try world.executor.run { await live(world) }
            } catch {
                throw Broken(description: "LANSPREAD_SEED=\(seed): \(error)")
            }
            let (counts, steps) = (world.counts.now, world.trace.events)
            let broken = counts.broken + brokenEnds(steps)
            guard broken.isEmpty else { throw Broken(description: "LANSPREAD_SEED=\(seed): \(broken)") }
            totals.chunks += counts.chunks
            totals.cuts += counts.cuts
            totals.writes += counts.writes
            totals.ends += ends(steps).count
        }
        return totals
    }

    private struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: - One life

    /// The table lives until all that was begun has ended, or is stopped in the middle of it; then it lives once more.
    private static func live(_ world: World) async {
        await world.library.open(world.ground.games, key: "ground", catalog: world.ground.catalog)
        let isWhole = world.chance(60)
        await live(world, isLast: isWhole) { table in
            await withTaskGroup(of: Void.self) { actors in
                for _ in 0..<2 { actors.addTask { await Self.begin(world, table) } }
                actors.addTask { await Self.meddle(world, table) }
                actors.addTask { await Self.scan(world) }
            }
        }
        if !isWhole { await live(world, isLast: true) { _ in } }
    }

    private static func live(
        _ world: World, isLast: Bool, _ body: @escaping @Sendable (OperationTable) async -> Void
    ) async {
        let (table, isUp) = (world.table(), OneShot<Void>())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await table.run { isUp.give() } }
            group.addTask { try? await world.library.buildManifests() }
            await isUp.take()
            // Here, since a stalled one only ends when a writer or the end of all cuts it.
            for _ in 0..<3 { group.addTask { for _ in 0..<3 { await world.read() } } }
            if isLast {
                await body(table)
                await Self.settle(world, table)
            } else {
                group.addTask { await body(table) }
                for _ in 0..<world.random.uint64() % 60 { await Task.yield() }
            }
            group.cancelAll()
        }
        await world.check(after: table)
    }

    private static func begin(_ world: World, _ table: OperationTable) async {
        let brief = OperationBrief(version: world.ground.version)
        for _ in 0..<3 {
            let game = world.pick(world.ground.ids)
            // Again and again while it is busy: the instant at which one operation ends and the next begins counts.
            for _ in 0..<world.random.uint64() % 20 {
                await world.pause()
                if (try? await table.begin(.download, game, brief)) != nil { break }
            }
        }
    }

    private static func meddle(_ world: World, _ table: OperationTable) async {
        for _ in 0..<4 {
            await world.pause()
            guard let operation = await table.snapshots().last(where: { !$0.standing.hasEnded }) else { continue }
            switch world.random.uint64() % 5 {
            case 4:
                world.counts.change { $0.isHeld.toggle() }
                await table.takeUp()
            case 0: _ = await table.cancel(operation.id)
            case 1: try? await table.pause(operation.id)
            case 2: try? await table.resume(operation.id)
            default: await table.setLimit(1 + Int(world.random.uint64() % 3))
            }
        }
    }

    private static func scan(_ world: World) async {
        for _ in 0..<3 {
            await world.pause()
            if world.chance(50) {
                try? await world.library.scan()
            } else {
                await world.library.noticed(world.pick(world.ground.ids))
            }
        }
    }

    /// Everything that was begun comes to its end.
    private static func settle(_ world: World, _ table: OperationTable) async {
        world.counts.change { $0.isHeld = false }
        await table.takeUp()
        for operation in await table.snapshots() where !operation.standing.hasEnded {
            // Refused for one that is neither paused nor about to be.
            try? await table.resume(operation.id)
            _ = await table.wait(operation.id)
        }
    }

    // MARK: - The order of an end

    private static func ends(_ steps: [World.Step]) -> [OperationID] {
        steps.compactMap { step in
            guard case .event(let event) = step else { return nil }
            return event.end?.id
        }
    }

    /// Settled snapshot, release, peers, terminal event: in this order, once, after the work.
    private static func brokenEnds(_ steps: [World.Step]) -> [String] {
        var broken: [String] = []
        let ends = Self.ends(steps)
        if Set(ends).count != ends.count { broken.append("I24: an operation ended twice") }
        let started = steps.compactMap { step in
            if case .event(.operationStarted(let operation)) = step { operation.id } else { nil }
        }
        if Set(started) != Set(ends) { broken.append("I24: \(Set(started).symmetricDifference(ends)) have no end") }
        for (end, step) in steps.enumerated() {
            guard case .event(let event) = step, let snapshot = event.end else { continue }
            let before = steps[..<end]
            let told = before.lastIndex { step in
                if case .told = step { true } else { false }
            }
            let released = before.lastIndex { step in
                guard case .event(.activeOperationsChanged(let active)) = step else { return false }
                return active.contains { $0.id == snapshot.id }
            }.flatMap { lastActive in
                before[lastActive...].firstIndex { step in
                    guard case .event(.activeOperationsChanged(let active)) = step else { return false }
                    return !active.contains { $0.id == snapshot.id }
                }
            }
            let worked = before.lastIndex { step in
                if case .worked(snapshot.id) = step { true } else { false }
            }
            guard let told, let released, released < told else {
                broken.append("I24: operation \(snapshot.id) ended before the peers were told of it")
                continue
            }
            let settled = before[(worked ?? 0)..<released].contains { step in
                if case .rows = step { true } else { false }
            }
            if !settled { broken.append("I24: operation \(snapshot.id) was released before its game was settled") }
        }
        return broken
    }
}

extension NodeEvent {
    /// The operation that this event is the end of.
    fileprivate var end: OperationSnapshot? {
        switch self {
        case .operationFinished(let end), .operationFailed(let end), .allPeersGone(let end): end
        default: nil
        }
    }
}

extension World {
    static func make(_ ground: Ground, seed: UInt64) async throws -> World {
        let made = OneShot<World>()
        let executor = ShuffledExecutor(seed: seed)
        _ = try executor.run { made.give(try await World(ground, executor, seed: seed)) }
        return try #require(made.value)
    }

    /// What holds when everything has ended.
    func check(after table: OperationTable) async {
        if await table.activeCount != 0 { counts.broken("I24: a claim is left") }
        if await !registry.transfers().isEmpty { counts.broken("I20: a transfer is left") }
        // Hidden for ever, the game would be in no list of a peer any more.
        try? await library.scan()
        let shown = await library.summaries().games.map(\.game)
        for game in ground.ids where (try? ground.games.root(game).sentinel()) != nil && !shown.contains(game) {
            counts.broken("I23: \(game) stays hidden")
        }
        if counts.now.working.isEmpty == false { counts.broken("I24: a body is left") }
    }
}
