import Model
import Runtime
import TestKit
import Testing

@Suite struct `The door for JSON` {
    private func fault(_ bytes: [UInt8], limit: Int = 1 << 20) -> JSONFault? {
        do throws(JSONFault) {
            try JSONPrescan.check(bytes, limit: limit)
            return nil
        } catch {
            return error
        }
    }

    private func fault(_ text: String, limit: Int = 1 << 20) -> JSONFault? { fault(Array(text.utf8), limit: limit) }

    @Test(arguments: [
        "0", "-0", "1.5e+10", "true", "null", "\"\"", "[]", "{}", " [1, {\"a\": [null, false]}] \r\n\t",
        #""\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t""#, "\"é😀\"",
    ]) func `lets sound JSON in`(_ text: String) throws {
        #expect(fault(text) == nil)
        _ = try JSON.decode(JSONValue.self, from: Array(text.utf8), limit: 1 << 20)
    }

    @Test(arguments: [
        "", " ", "[", "]", "{", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{1:1}", "[1 2]", "1 2", "tru", "nul", "+1",
        "01", "1.", ".5", "1e", "-", "NaN", "Infinity", "0x10", "'a'", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"",
        "\"\\u+123\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\u{1}\"", "\"\n\"", "[1]x", "/**/1", "{\"a\":1 \"b\":2}",
    ]) func `keeps everything else out`(_ text: String) {
        #expect(fault(text) == .malformed)
    }

    @Test func `keeps out what is too deep, long before a decoder would trap`() {
        for open in ["[", "{\"a\":"] {
            for depth in [17, 512, 513, 514, 100_000] {
                #expect(fault(String(repeating: open, count: depth)) == .tooDeep)
                #expect(fault(String(repeating: open, count: depth) + "[") == .tooDeep)
            }
        }
        let deepest = String(repeating: "[", count: 16) + String(repeating: "]", count: 16)
        #expect(fault(deepest) == nil)
        #expect(fault("[\(deepest)]") == .tooDeep)
    }

    @Test func `keeps out a key that comes twice, however it is spelt`() {
        #expect(fault(#"{"a":1,"a":2}"#) == .duplicateKey)
        #expect(fault(#"{"a":1,"\u0061":2}"#) == .duplicateKey)
        #expect(fault("{\"\u{e9}\":1,\"e\u{301}\":2}") == .duplicateKey)
        #expect(fault(#"{"a":{"a":1},"b":{"a":1}}"#) == nil)
    }

    @Test func `takes exactly as many bytes as it may`() {
        #expect(fault("[10]", limit: 4) == nil)
        #expect(fault("[100]", limit: 4) == .tooLong)
    }

    @Test func `keeps out what is not UTF-8`() {
        #expect(fault([0x22, 0xff, 0x22]) == .notUTF8)
        #expect(fault([0x22, 0xc0, 0xaf, 0x22]) == .notUTF8)
        #expect(fault([0xff, 0xfe, 0x31, 0x00]) == .notUTF8)
    }

    private struct Shape: Decodable { let a: Int }

    private func decode(_ text: String) -> JSONFault? {
        do throws(JSONFault) {
            let shape = try JSON.decode(Shape.self, from: Array(text.utf8), limit: 100)
            return shape.a == 1 ? nil : .malformed
        } catch {
            return error
        }
    }

    @Test func `tells sound JSON of another shape from broken JSON`() {
        #expect(decode(#"{"a":1,"unknown":true}"#) == nil)
        for text in [#"{"a":"1"}"#, "{}", "[]", "1", #"{"a":1.5}"#, #"{"a":99999999999999999999}"#] {
            #expect(decode(text) == .unexpectedShape)
        }
    }

    @Test func `never traps on mutated JSON, and what it lets in decodes`() {
        let random = TestSeed.random
        let sample = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null,"c":[true,false]}],"d":{}}"#.utf8)
        for _ in 0..<5_000 {
            var bytes = sample
            for _ in 0..<1 + Int(random.uint64() % 3) {
                bytes[Int(random.uint64() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.uint64())
            }
            if random.uint64() % 4 == 0 { bytes.removeLast(Int(random.uint64() % UInt64(bytes.count))) }
            guard fault(bytes) == nil else { continue }
            do throws(JSONFault) {
                _ = try JSON.decode(JSONValue.self, from: bytes, limit: 1 << 20)
            } catch {
                Issue.record("seed \(TestSeed.value): \(String(decoding: bytes, as: UTF8.self)) → \(error)")
            }
        }
    }

    @Test func `writes one line, and equal values as equal bytes`() {
        let value: JSONValue = ["b": 1, "a": ["x\ny", .null, true, "/"]]
        #expect(String(decoding: JSON.encode(value), as: UTF8.self) == #"{"a":["x\ny",null,true,"/"],"b":1}"#)
    }
}
