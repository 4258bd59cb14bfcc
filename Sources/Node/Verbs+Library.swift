import Control
import Library
import Model

extension Node {
    /// Works while LocalMonitor is down: the library looks by itself.
    func libraryRescan(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let game = parameters["game"] == nil ? nil : try entry(parameters).game
        // A directory that came back is taken up here, too.
        do throws(CancellationError) { try await house.gamesKeeper.look() } catch { throw .stopping }
        let found: (changed: [GameID], deferred: [GameID])
        do throws(LibraryError) {
            found = try await house.library.rescan(game)
        } catch .unavailable {
            throw house.gamesFailure
        } catch {
            throw Failure(.internalFault, error.sentence, subject: game?.text)
        }
        return [
            "changed": .array(found.changed.map { .string($0.text) }),
            "deferred": .array(found.deferred.map { .string($0.text) }),
            "games_dir": .string(house.gamesKeeper.path),
        ]
    }

    func gamesDirSet(_ parameters: JSONValue) async throws(Failure) -> JSONValue {
        let isChanged = try await house.gamesKeeper.choose(parameters["path"]?.string ?? "")
        if !isChanged { house.events.publish(await house.gameTable(), isAskedFor: true) }
        return ["games_dir": .string(house.gamesKeeper.path), "changed": .bool(isChanged)]
    }
}
