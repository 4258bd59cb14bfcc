import Library
import Model
import Testing

@Suite struct `A hash queue` {
    private func games(_ ids: String...) throws -> [GameID] { try ids.map { try #require(GameID($0)) } }

    @Test func `gives games in the order of asking, those that a peer waits for first`() throws {
        let all = try games("a", "b", "c", "d")
        var queue = HashQueue()
        for game in all + all { queue.add(game) }
        queue.hasten(all[2])
        queue.hasten(all[3])
        queue.hasten(all[2])
        queue.remove(all[0])
        var order: [String] = []
        while let next = queue.next() { order.append(next.game.text + (next.isIdle ? " idle" : "")) }
        #expect(order == ["c", "d", "b idle"])
        #expect(queue.isEmpty)
    }

    @Test func `does not hasten what does not wait`() throws {
        var queue = HashQueue()
        queue.hasten(try games("a")[0])
        #expect(queue.isEmpty)
    }
}
