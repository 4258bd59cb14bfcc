import Fixture
import Library
import Linux
import Model
import Runtime
import Storage
import Synchronization
import TestKit
import Testing

@Suite struct `A local monitor` {
    private func monitor(
        _ shelf: Shelf, time: any TimeSource = MonotonicTime(), disk: DiskPool? = nil,
        degraded: @escaping @Sendable (String?) -> Void = { _ in }
    ) -> LocalMonitor {
        LocalMonitor(
            library: shelf.library, loop: shelf.loops.net[0], disk: disk ?? shelf.loops.disk, time: time,
            log: .silent, degraded: degraded)
    }

    /// Runs the monitor for as long as the body takes.
    private func running(
        _ monitor: LocalMonitor, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await within {
            try await withThrowingTaskGroup { group in
                group.addTask {
                    do {
                        try await monitor.run(up: {})
                        Issue.record("the monitor ended by itself")
                    } catch is CancellationError {}
                }
                try await body()
                group.cancelAll()
            }
        }
    }

    private func wait(_ shelf: Shelf, _ game: String, _ availability: Availability?) async throws {
        let id = try shelf.id(game)
        await shelf.until { await $0.entry(of: id)?.availability == availability }
    }

    @Test func `sees games come, change, be installed and go`() async throws {
        let shelf = try await Shelf(.alpha)
        try await running(monitor(shelf)) {
            try await wait(shelf, "ggoo", .ready)
            // Comes in one step, as a move from another directory does.
            try shelf.set.cnc4.write(to: shelf.directory.path + "/aside")
            try Files.rename(shelf.directory.path + "/aside", to: shelf.root("cnc4"))
            try await wait(shelf, "cnc4", .ready)
            try shelf.write("cnc4/version.ini", "19990101\n")
            try await wait(shelf, "cnc4", .outdated)
            try FixtureFile.makeDirectories(shelf.root("cnc4") + "/local")
            let cnc4 = try shelf.id("cnc4")
            await shelf.until { await $0.entry(of: cnc4)?.installed == true }
            try Files.rename(shelf.root("cnc4"), to: shelf.directory.path + "/gone")
            try await wait(shelf, "cnc4", nil)
        }
    }

    @Test func `sees a game that is copied file by file`() async throws {
        let shelf = try await Shelf(.alpha)
        try await running(monitor(shelf)) {
            try await wait(shelf, "ggoo", .ready)
            try shelf.set.cnc4.write(to: shelf.root("cnc4"))
            try await wait(shelf, "cnc4", .ready)
            let summary = try await shelf.summary("cnc4")
            #expect(summary?.files == 5)
        }
    }

    @Test func `finds by its scan what watching cannot see`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(.alpha)
        try shelf.write("ggoo/before.txt", "For the first scan.\n")
        try await running(monitor(shelf, time: clock)) {
            let id = try shelf.id("ggoo")
            await shelf.until { await $0.entry(of: id)?.files == 6 }
            // The watch is older than the first scan. One event, and it is heard when somebody waits for quiet.
            try FixtureFile.write(.text("Watched.\n"), to: shelf.directory.path + "/new.txt")
            try Files.rename(shelf.directory.path + "/new.txt", to: shelf.root("ggoo") + "/new.txt")
            await clock.sleepers(2)
            clock.advance(by: Limits.watchQuiet)
            // Hashed too: nothing else looks at the game any more.
            await shelf.until { library in
                let entry = await library.entry(of: id)
                return entry?.files == 7 && entry?.availability == .ready
            }
            try shelf.write("ggoo/extras/deeper.txt", "Not watched.\n")
            while await shelf.library.entry(of: id)?.files != 8 {
                clock.advance(by: Limits.scanInterval)
                await Task.yield()
                try Task.checkCancellation()
            }
        }
    }

    @Test func `lets the disk rest after a long look, but not for ever`() async throws {
        let clock = ManualClock()
        let shelf = try await Shelf(.alpha)
        try shelf.write("ggoo/before.txt", "For the first scan.\n")
        let isSlow = Atomic(true)
        let disk = DiskPool { work in
            if isSlow.exchange(false, ordering: .relaxed) { clock.advance(by: .seconds(30)) }
            shelf.loops.disk.begin(work)
        }
        try await running(monitor(shelf, time: clock, disk: disk)) {
            let id = try shelf.id("ggoo")
            await shelf.until { await $0.entry(of: id)?.files == 6 }
            try shelf.write("ggoo/new.txt", "Watched.\n")
            await clock.sleepers(2)
            #expect(clock.nextWake == Limits.watchRestLast)
        }
    }

    @Test func `runs again after it was stopped, and sees what happened meanwhile`() async throws {
        let shelf = try await Shelf(.alpha)
        let monitor = monitor(shelf)
        try await running(monitor) { try await wait(shelf, "ggoo", .ready) }
        try shelf.write("ggoo/version.ini", "19990101\n")
        let again = try await Shelf(.alpha, in: shelf.directory)
        let second = self.monitor(again)
        try await running(second) { try await wait(again, "ggoo", .outdated) }
        try again.write("ggoo/version.ini", "20240501\n")
        try await running(second) {
            let id = try again.id("ggoo")
            await again.until { await $0.entry(of: id)?.availability == .ready }
        }
    }

    @Test func `looks at everything when the kernel dropped events`() async throws {
        let shelf = try await Shelf(.alpha)
        try await running(monitor(shelf)) {
            try await wait(shelf, "ggoo", .ready)
            // Nobody listens while more happens than the kernel keeps.
            let (isHeld, mayGo) = (OneShot<Void>(), Semaphore())
            shelf.loops.net[0].perform {
                isHeld.give()
                mayGo.wait()
            }
            await isHeld.take()
            try FixtureFile.write(.text(""), to: shelf.root("ggoo") + "/a")
            for _ in 0..<10_000 {
                try Files.rename(shelf.root("ggoo") + "/a", to: shelf.root("ggoo") + "/b")
                try Files.rename(shelf.root("ggoo") + "/b", to: shelf.root("ggoo") + "/a")
            }
            try Files.removeFile(atPath: shelf.root("ggoo") + "/a")
            try shelf.set.cnc4.write(to: shelf.directory.path + "/aside")
            try Files.rename(shelf.directory.path + "/aside", to: shelf.root("cnc4"))
            mayGo.signal()
            try await wait(shelf, "cnc4", .ready)
            try await wait(shelf, "ggoo", .ready)
        }
    }

    @Test func `follows a root that gets another name and a directory that is another one`() async throws {
        let shelf = try await Shelf(.bravo)
        try await running(monitor(shelf)) {
            try await wait(shelf, "ggoo", .ready)
            try await wait(shelf, "cnc4", .ready)
            // What was cnc4 is now ggoo, and watched as that.
            try Files.rename(shelf.root("ggoo"), to: shelf.directory.path + "/ggoo")
            try Files.rename(shelf.root("cnc4"), to: shelf.root("ggoo"))
            try await wait(shelf, "ggoo", .outdated)
            try await wait(shelf, "cnc4", nil)
            try shelf.write("ggoo/version.ini", "20240501\n")
            try await wait(shelf, "ggoo", .ready)

            let other = shelf.directory.path + "/other"
            try FixtureFile.makeDirectories(other)
            let games = try GamesDirectory.open(path: other, newID: String(repeating: "b", count: 32))
            await shelf.library.setDirectory(games)
            try await wait(shelf, "ggoo", nil)
            try Files.rename(shelf.directory.path + "/ggoo", to: other + "/ggoo")
            try await wait(shelf, "ggoo", .ready)
        }
    }

    @Test func `says that its games directory is another one`() async throws {
        let shelf = try await Shelf(.alpha)
        let disturbed = AsyncGate()
        let monitor = LocalMonitor(
            library: shelf.library, loop: shelf.loops.net[0], disk: shelf.loops.disk, time: MonotonicTime(),
            log: .silent, disturbed: { disturbed.open() }, degraded: { _ in })
        let games = shelf.set.gamesDirectory(of: .alpha)
        try await running(monitor) {
            try await wait(shelf, "ggoo", .ready)
            try Files.rename(games + "/.lanspread_games", to: games + "/.gone")
            try await disturbed.wait()
            try Files.rename(games + "/.gone", to: games + "/.lanspread_games")
            disturbed.close()
            try Files.rename(games, to: games + ".away")
            try await disturbed.wait()
        }
    }
}

@Suite struct `The pace of looks` {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test func `gives the disk a rest that grows with the look and has an end`() {
        var pace = LookPace()
        #expect(pace.next(after: start) == start + Limits.watchQuiet)
        pace.looked(from: start, until: start + .seconds(2))
        #expect(pace.next(after: start + .seconds(3)) == start + .seconds(10))
        pace.looked(from: start, until: start + .seconds(30))
        #expect(pace.next(after: start + .seconds(31)) == start + .seconds(30) + Limits.watchRestLast)
    }

    @Test func `does not charge a long look to a change that comes hours later`() {
        var pace = LookPace()
        pace.looked(from: start, until: start + .seconds(30))
        let later = start + .seconds(3 * 3_600)
        #expect(pace.next(after: later) == later + Limits.watchQuiet)
    }
}
