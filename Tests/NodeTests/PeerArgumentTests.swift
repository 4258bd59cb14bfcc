import Control
import Model
import Testing

@testable import Node

@Suite struct `A peer that a person names` {
    private let alpha = PeerArgumentTests.peer("5f0c")
    private let bravo = PeerArgumentTests.peer("5f0d")
    private let charlie = PeerArgumentTests.peer("beef")

    private var known: [(peer: PeerID, name: String)] {
        [(alpha, "alpha"), (bravo, "bravo"), (charlie, "bravo"), (PeerArgumentTests.peer("aaaa"), "5f0c")]
    }

    private func meant(_ text: String) throws -> PeerID { try PeerArgument.resolve(text, among: known) }

    @Test func `is found by its identity, the beginning of one only, or its whole name`() throws {
        #expect(try meant(alpha.hex) == alpha)
        #expect(try meant("5f0d") == bravo)
        #expect(try meant("BEEF0") == charlie)
        #expect(try meant("alpha") == alpha)
    }

    @Test(arguments: [
        ("5f0", "No peer 5f0 is known."), ("alph", "No peer alph is known."), ("", "No peer  is known."),
        ("5f0e", "No peer 5f0e is known."), ("bravo", "Several peers are meant by bravo: 5f0d0000, beef0000."),
        // A name that another identity begins with.
        ("5f0c", "Several peers are meant by 5f0c: 5f0c0000, aaaa0000."), ("a\u{1b}", "No peer a\\u{1b} is known."),
    ])
    func `is asked for again when it is none or several`(_ text: String, _ sentence: String) throws {
        let failure = #expect(throws: Failure.self) { try meant(text) }
        #expect(failure?.kind == .noSuchPeer && failure?.sentence == sentence)
        #expect(failure?.hint?.contains("lanspreadctl peer list") == true)
    }
}

private enum PeerArgumentTests {
    static func peer(_ beginning: String) -> PeerID {
        guard let peer = PeerID(hex: beginning + String(repeating: "0", count: 64 - beginning.count)) else {
            preconditionFailure("64 digits")
        }
        return peer
    }
}
