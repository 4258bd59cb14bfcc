package import Control
import Database
import Linux
import Model
import Runtime
package import Storage
import Synchronization

extension GamesKeeper {
    /// Uses another directory from now on, also after a restart, until the configuration names another one. On any
    /// error the old one stays.
    ///
    /// - Returns: false when it is the one that is used already, under whatever path.
    package func choose(_ path: String) async throws(Failure) -> Bool {
        do throws(CancellationError) { try await enter() } catch { throw .stopping }
        defer { leave() }
        guard await ports.reserve() else { throw .gamesDirectoryInUse }
        let result: Result<Bool, Failure>
        do throws(Failure) {
            result = .success(try await chooseReserved(path))
        } catch {
            result = .failure(error)
        }
        await ports.release()
        return try result.get()
    }

    private func chooseReserved(_ path: String) async throws(Failure) -> Bool {
        let old = current
        if let old, await disk.run({ old.stands(at: path) }) { return false }
        do {
            try await replace(with: path)
        } catch let error as StorageError {
            throw .gamesDirectoryKept(self.path, path, error)
        } catch let error as DatabaseError {
            throw Failure(.internalFault, "The games directory stays \(self.path): \(error.sentence)")
        } catch let failure as Failure {
            throw failure
        } catch {
            preconditionFailure("only three kinds of error come from below")
        }
        old?.leave()
        log.notice("Another games directory was chosen.", kind: "games_chosen", .path("path", self.path))
        await ports.take(current, nil)
        tell()
        await ports.changed()
        return true
    }

    private func replace(with path: String) async throws {
        // A link may lead elsewhere tomorrow; what was chosen is the directory.
        let resolved = try await disk.run { () throws(StorageError) in
            do throws(LinuxError) {
                return try Files.path(of: try Files.openDirectory(atPath: path))
            } catch {
                throw error.isNoEntry || error.isNotDirectory ? .unavailable(path: path) : StorageError(error)
            }
        }
        let games = try await opened(resolved, within: ports.roots())
        do {
            await recover(games)
            var next = memory.using(games)
            next.choose(resolved, configured: configured)
            try await remember(next)
        } catch {
            games.leave()
            throw error
        }
        use(games)
    }
}

extension GamesMemory {
    func using(_ games: GamesDirectory) -> GamesMemory {
        var next = self
        if let id = games.id { next.remember(games.path, id: id) }
        return next
    }
}

extension StorageError {
    /// Why the games directory is away, as a clause.
    var clause: String {
        if case .unavailable = self { "it is not the directory that was there before" } else { sentence }
    }
}

extension GamesKeeper {
    /// Why the games cannot be used as they should; nil when they can.
    nonisolated var failure: Failure? {
        let standing = standing
        guard let games = standing.games else {
            return .noGamesDirectory(standing.path, standing.reason ?? "it is not there")
        }
        return games.readOnly.map { .readOnlyGames(standing.path, $0) }
    }
}

extension House {
    /// Nil while it is not there: nothing is written or recovered then. To be asked anew after each wait.
    package var games: GamesDirectory? { gamesKeeper.current }

    /// Why nothing can be written among the games.
    var gamesFailure: Failure {
        gamesKeeper.failure ?? .noGamesDirectory(gamesKeeper.path, "it went a moment ago")
    }

    /// For what writes among the games: refused at once where that cannot be.
    func requireWritableGames() throws(Failure) {
        if let failure = gamesKeeper.failure { throw failure }
    }
}
