import Control
import Database
import Library
import Linux
import Model
import Storage
import TestKit
import Testing

@testable import Node

@Suite struct `A catalog of what is here` {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func facts(_ sentinel: String?) throws -> GameFacts {
        try directory.write("games/game/data", [1, 2, 3])
        if let sentinel { try directory.write("games/game/version.ini", Array(sentinel.utf8)) }
        let games = try GamesDirectory.open(
            path: "\(directory.path)/games", newID: "0123456789abcdef0123456789abcdef")
        return try GameFacts.read(try games.root(try #require(GameID("game"))))
    }

    @Test func `says which games it leaves out: without a version, not to be read, or beyond its last row`() throws {
        let (bare, broken, sound) = (try facts(nil), try facts("\n"), try facts("1"))
        var found = FoundGames()
        found.add(try #require(GameID("bare")), bare)
        found.add(try #require(GameID("broken")), broken)
        found.add(try #require(GameID("unreadable")), nil)
        for number in 0...Limits.catalogRows { found.add(try #require(GameID("game\(number)")), sound) }
        #expect(found.games.count == Limits.catalogRows)
        #expect(found.skipped.map(\.text) == ["broken", "unreadable", "game\(Limits.catalogRows)"])
    }

    @Test func `is only to be lost where its file is at fault, and not for what passes`() {
        func failure(_ error: DatabaseError, isRenewed: Bool = false) -> Failure {
            .ownCatalog("/p", error, isRenewed: isRenewed)
        }
        for error in [DatabaseError.damaged(path: "/p"), .catalog(path: "/p", .noTable("games"))] {
            #expect(failure(error).kind == .badConfiguration)
            #expect(failure(error).hint?.contains("--force") == true)
            #expect(failure(error, isRenewed: true).hint == nil)
        }
        let passing: [DatabaseError] = [
            .tooSlow(path: "/p", after: .seconds(1)), .cannotOpen(path: "/p", code: 5), .function("f", code: 7),
        ]
        for error in passing {
            #expect(failure(error).kind == .internalFault && failure(error).retryable)
            #expect(failure(error).sentence == error.sentence && failure(error).hint == nil)
        }
        #expect(failure(.notWritable(path: "/p")).kind == .notAllowed)
    }
}
