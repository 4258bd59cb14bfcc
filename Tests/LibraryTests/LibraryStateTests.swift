import Model
import Testing

@testable import Library

@Suite struct `The library state` {
    @Test func `hides a game as long as one operation changes it, whichever end is heard first`() throws {
        var state = LibraryState()
        let quake = try #require(GameID("quake"))
        state.activate(quake)
        // The next operation has begun before the end of the last one got here.
        state.activate(quake)
        state.deactivate(quake)
        #expect(state.isActive(quake))
        state.deactivate(quake)
        #expect(!state.isActive(quake))
    }
}
