import Database
import Model
import Testing

@testable import Node

@Suite struct `The catalog in force` {
    private let named = CatalogPlace(path: "/a/game.db", isNamed: true)
    private let own = CatalogPlace(path: "/state/game.db", isNamed: false)

    private func look(_ games: String...) throws -> CatalogLook {
        let version = try #require(GameVersion("1"))
        let entries = try games.map { text in
            CatalogEntry(game: try #require(GameID(text)), title: text, version: version, bytes: 0)
        }
        var reading = CatalogReading()
        reading.catalog = Catalog(entries: Dictionary(entries.map { ($0.game, $0) }, uniquingKeysWith: { $1 }))
        return .sound(reading)
    }

    private func games(_ state: CatalogState) -> [String]? {
        state.inForce?.reading.catalog.sorted.map(\.game.text)
    }

    @Test func `is the one of a sound file, and the same file again changes nothing`() throws {
        var state = CatalogState()
        #expect(state.take(try look("a"), at: named) == .swapped)
        #expect(state.take(try look("a"), at: named) == .nothing)
        #expect(state.take(try look("a", "b"), at: named) == .swapped)
        #expect(games(state) == ["a", "b"])
        #expect(state.take(try look("a", "b"), at: own) == .swapped)
        #expect(state.inForce?.place == own)
    }

    @Test func `stays when its file is refused or gone, and the trouble is told once and over with the next sound one`()
        throws
    {
        var state = CatalogState()
        _ = state.take(try look("a"), at: named)
        #expect(state.take(.refused("It is damaged."), at: named) == .troubled)
        #expect(state.take(.refused("It is damaged."), at: named) == .nothing)
        #expect(games(state) == ["a"])
        #expect(state.problem == "It is damaged.")
        #expect(state.take(.missing, at: named) == .troubled)
        #expect(state.problem == "/a/game.db is not there.")
        #expect(state.take(try look("a"), at: named) == .healed)
        #expect(state.problem == nil)
        _ = state.take(.missing, at: named)
        #expect(state.take(try look("b"), at: named) == .swapped)
        #expect(state.problem == nil)
    }

    @Test func `stays when another file is named that is not there or refused`() throws {
        var state = CatalogState()
        _ = state.take(try look("a"), at: own)
        #expect(state.take(.missing, at: named) == .troubled)
        #expect(state.take(.refused("No."), at: named) == .troubled)
        #expect(games(state) == ["a"])
        #expect(state.inForce?.place == own)
    }

    @Test func `is none when no file is named any more and there is none of our own`() throws {
        var state = CatalogState()
        _ = state.take(try look("a"), at: named)
        #expect(state.take(.missing, at: own) == .released)
        #expect(state.inForce == nil)
        #expect(state.take(.missing, at: own) == .nothing)
        #expect(state.problem == nil)
    }

    @Test func `stays when our own file vanishes`() throws {
        var state = CatalogState()
        _ = state.take(try look("a"), at: own)
        #expect(state.take(.missing, at: own) == .troubled)
        #expect(games(state) == ["a"])
    }

    @Test func `is none at a start without a file, and the reason is known where one was named`() throws {
        var state = CatalogState()
        #expect(state.take(.missing, at: own) == .nothing)
        #expect(state.problem == nil)
        #expect(state.take(.missing, at: named) == .troubled)
        #expect(state.inForce == nil)
        #expect(state.problem == "/a/game.db is not there.")
        #expect(state.take(.refused("It is a pipe."), at: named) == .troubled)
        #expect(state.inForce == nil)
    }
}
