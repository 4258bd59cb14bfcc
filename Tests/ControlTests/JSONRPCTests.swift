import Control
import Model
import Testing

@Suite struct `A JSON-RPC line` {
    private func fault(_ text: String) -> JSONRPC.Fault? {
        do {
            _ = try JSONRPC.decodeRequest(Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func `is a request with its id, method and parameters`() throws {
        let line = Array(#"{"jsonrpc":"2.0","id":7,"method":"game.info","params":{"game":"quake"}}"#.utf8)
        let request = try JSONRPC.decodeRequest(line)
        #expect(request == JSONRPC.Request(id: 7, method: "game.info", parameters: ["game": "quake"]))
    }

    @Test func `without an id is a notification`() throws {
        let request = try JSONRPC.decodeRequest(Array(#"{"jsonrpc":"2.0","method":"peer.list"}"#.utf8))
        #expect(request.id == nil)
        #expect(request.parameters == [:])
    }

    @Test func `comes back from the encoder as it went in`() throws {
        let request = JSONRPC.Request(id: "a", method: "peer.wait", parameters: ["count": 2])
        let line = JSONRPC.encodeRequest(request)
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(try JSONRPC.decodeRequest(line.dropLast()) == request)
    }

    @Test(arguments: [
        ("", -32700), ("{", -32700), ("\u{0}", -32700), (#"{"id":1,"id":2}"#, -32700), ("[]", -32600), ("1", -32600),
        (#"{"id":1,"method":"x"}"#, -32600), (#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (#"{"jsonrpc":"2.0","id":[],"method":"x"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#, -32600), (#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, -32600),
    ])
    func `that is no request is a fault with JSON-RPC's own number`(_ text: String, _ code: Int) {
        #expect(fault(text)?.code == Int64(code))
        #expect(fault(text)?.failure.kind == .malformed)
    }

    @Test func `keeps the id of a bad request for the reply`() {
        #expect(fault(#"{"jsonrpc":"1.0","id":9,"method":"x"}"#)?.id == 9)
        let long = String(repeating: "x", count: Limits.controlRequestIDBytes + 1)
        #expect(fault(#"{"jsonrpc":"2.0","id":"\#(long)","method":"x"}"#)?.id == .null)
    }

    @Test func `of 513 brackets is refused and ends nothing`() {
        for opening in ["[", #"{"a":"#] {
            let bytes = String(repeating: opening, count: 513)
            #expect(fault(bytes)?.code == -32700)
            #expect(fault(#"{"jsonrpc":"2.0","id":1,"method":"x","params":"# + bytes)?.code == -32700)
        }
    }

    @Test func `is taken at the limit and refused one byte over it`() throws {
        let shell = #"{"jsonrpc":"2.0","id":1,"method":""}"#.utf8.count
        for extra in [0, 1] {
            let name = String(repeating: "m", count: Limits.controlRequestBytes - shell + extra)
            let line = #"{"jsonrpc":"2.0","id":1,"method":"\#(name)"}"#
            #expect((fault(line) == nil) == (extra == 0))
        }
    }

    @Test func `carries a failure to the client and loses nothing`() throws {
        let failure = Failure(
            Failure.Kind("a_word_of_tomorrow"), "It is raining.", subject: "quake", hint: "Wait.", retryable: true)
        let line = JSONRPC.encodeFailure(id: 3, failure)
        #expect(try JSONRPC.decodeIncoming(line.dropLast()) == .failure(id: 3, failure))
        #expect(ExitCode.of(failure.kind) == .failed)
    }

    @Test func `carries an event and its number`() throws {
        let event = ControlEvent(number: 41, name: EventName.peerAppeared, fields: ["peer": ["name": "bravo"]])
        #expect(try JSONRPC.decodeIncoming(JSONRPC.encodeEvent(event).dropLast()) == .event(event))
    }

    @Test func `of a newer daemon is passed over`() throws {
        #expect(try JSONRPC.decodeIncoming(Array(#"{"jsonrpc":"2.0","method":"weather","params":{}}"#.utf8)) == nil)
        #expect(try JSONRPC.decodeIncoming(Array(#"{"method":"event","params":{"number":-1}}"#.utf8)) == nil)
    }
}

@Suite struct `Line framing` {
    private func lines(_ pieces: [String], limit: Int = 8) -> [String] {
        var framing = LineFraming(limit: limit)
        var lines: [String] = []
        for piece in pieces {
            framing.append(Array(piece.utf8))
            while let line = framing.next() {
                switch line {
                case .line(let bytes): lines.append(String(decoding: bytes, as: UTF8.self))
                case .tooLong: lines.append("too long")
                }
            }
        }
        return lines
    }

    @Test func `does not care how the bytes arrive`() {
        #expect(lines(["ab\nc", "d", "\n\n", "e\nf\n"]) == ["ab", "cd", "e", "f"])
        #expect(lines(["ab\ncd\n\ne\nf\n".map(String.init)].flatMap { $0 }) == ["ab", "cd", "e", "f"])
    }

    @Test func `takes a line of the limit and breaks off one byte over it`() {
        #expect(lines(["12345678\n"]) == ["12345678"])
        #expect(lines(["123456789\nab\n"]) == ["too long"])
        #expect(lines(["1234", "56789"]) == ["too long"])
        #expect(lines(["ab\n123456789", "\ncd\n", "ef\n"]) == ["ab", "too long"])
    }

    @Test func `passes over blank lines`() {
        #expect(lines([" \r\n\t\nx\r\n"]) == ["x\r"])
    }
}
