/// Checks bytes that claim to be JSON, in linear time and constant memory per level: size, UTF-8, depth, grammar, and
/// no key twice in one object. What passes is safe for Foundation's decoder, which traps at 513 open brackets.
package struct JSONPrescan {
    private let bytes: [UInt8]
    private var position = 0

    package static func check(_ bytes: [UInt8], limit: Int) throws(JSONFault) {
        guard bytes.count <= limit else { throw .tooLong }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
        var scan = JSONPrescan(bytes: bytes)
        scan.skipBlanks()
        try scan.value(depth: 0)
        scan.skipBlanks()
        guard scan.position == bytes.count else { throw .malformed }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(JSONFault) {
        guard next == byte else { throw .malformed }
        position += 1
    }

    private mutating func value(depth: Int) throws(JSONFault) {
        switch next {
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) {
        guard depth <= Limits.jsonDepth else { throw .tooDeep }
        position += 1
        // Swift's own string equality, so that two spellings that a decoder takes for one key are one here too.
        var keys: Set<String> = []
        skipBlanks()
        if next == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            skipBlanks()
            guard keys.insert(try string()).inserted else { throw .duplicateKey }
            skipBlanks()
            try expect(UInt8(ascii: ":"))
            skipBlanks()
            try value(depth: depth)
            skipBlanks()
            if next == UInt8(ascii: ",") {
                position += 1
                continue
            }
            return try expect(UInt8(ascii: "}"))
        }
    }

    private mutating func array(depth: Int) throws(JSONFault) {
        guard depth <= Limits.jsonDepth else { throw .tooDeep }
        position += 1
        skipBlanks()
        if next == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            skipBlanks()
            try value(depth: depth)
            skipBlanks()
            if next == UInt8(ascii: ",") {
                position += 1
                continue
            }
            return try expect(UInt8(ascii: "]"))
        }
    }

    /// Returns the unescaped text.
    private mutating func string() throws(JSONFault) -> String {
        try expect(UInt8(ascii: "\""))
        var units: [UInt16] = []
        var run: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                units.append(contentsOf: String(decoding: run, as: UTF8.self).utf16)
                guard let text = String(validating: units, as: UTF16.self) else { throw .malformed }
                return text
            case UInt8(ascii: "\\"):
                units.append(contentsOf: String(decoding: run, as: UTF8.self).utf16)
                run.removeAll(keepingCapacity: true)
                units.append(try escape())
            case 0..<0x20: throw .malformed
            default: run.append(byte)
            }
        }
        throw .malformed
    }

    private mutating func escape() throws(JSONFault) -> UInt16 {
        guard let byte = next else { throw .malformed }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "u"):
            guard bytes.count - position >= 4 else { throw .malformed }
            let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            guard !digits.hasPrefix("+"), !digits.hasPrefix("-"), let unit = UInt16(digits, radix: 16) else {
                throw .malformed
            }
            position += 4
            return unit
        default: throw .malformed
        }
    }

    private mutating func word(_ word: String) throws(JSONFault) {
        for byte in word.utf8 { try expect(byte) }
    }

    private mutating func number() throws(JSONFault) {
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(JSONFault) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw .malformed }
    }
}
