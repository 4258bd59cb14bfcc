/// Rules that follow brackets over several lines.
enum ShapeRules {
    static let functionLines = 60

    /// A long function is sometimes the honest form (a table, a state machine); then a line above says so.
    static func functionLength(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.code.enumerated() where declaresFunction(line) {
            guard let end = endOfBody(from: number, in: file.code) else { continue }
            let length = end - number + 1
            if length > functionLines, !hasLongReason(above: number, in: file) {
                findings.append(file.find(number, "\(length) lines, over \(functionLines) need `// long: reason`"))
            }
        }
        return findings
    }

    private static func declaresFunction(_ line: String) -> Bool {
        Words.contains("func", in: line) || Words.contains("deinit", in: line)
            || (Words.contains("init", in: line) && !line.contains("="))
    }

    private static func hasLongReason(above number: Int, in file: SourceFile) -> Bool {
        var above = number - 1
        while above >= 0 {
            let line = file.lines[above].drop { $0 == " " }
            if line.hasPrefix("// long:") { return line.count > "// long: ".count }
            guard line.hasPrefix("//") || line.hasPrefix("@") else { return false }
            above -= 1
        }
        return false
    }

    /// The line of the brace that closes the function that begins at `number`; nil for a requirement without a body.
    private static func endOfBody(from number: Int, in code: [String]) -> Int? {
        var round = 0
        var curly = 0
        for index in number..<code.count {
            if index > number, round == 0, curly == 0, declaresFunction(code[index]) { return nil }
            for byte in code[index].utf8 {
                switch byte {
                case UInt8(ascii: "("), UInt8(ascii: "["): round += 1
                case UInt8(ascii: ")"), UInt8(ascii: "]"): round -= 1
                case UInt8(ascii: "{") where round == 0 || curly > 0: curly += 1
                case UInt8(ascii: "}") where curly > 0:
                    curly -= 1
                    if curly == 0 { return index }
                case UInt8(ascii: "}") where round == 0: return nil
                default: break
                }
            }
        }
        return nil
    }

    /// An unbounded buffer is a leak with a delay. A `Void` stream carries no values, only its end.
    static func streamsNamePolicy(_ file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        for (number, line) in file.code.enumerated() where line.contains("Stream") {
            for name in ["AsyncStream", "AsyncThrowingStream"] {
                guard Words.contains(name, in: line), let range = line.firstRange(of: name) else { continue }
                guard let call = call(after: range.upperBound, line: number, in: file.code) else { continue }
                let isVoid = call.contains("<Void") || call.contains("Void.self") || call.contains("Never.self")
                if !isVoid, !call.contains("uffering"), !call.contains("unfolding") {
                    findings.append(file.find(number, "an \(name) without a buffering policy"))
                }
            }
        }
        return findings
    }

    /// The text from after the type's name to the end of its argument list; nil where the name is only a type.
    private static func call(after start: String.Index, line number: Int, in code: [String]) -> String? {
        var text = String(code[number][start...])
        for index in number + 1..<max(number + 1, min(number + 8, code.count)) { text += "\n" + code[index] }
        var result = ""
        var rest = text[...]
        if rest.first == "<" {
            var depth = 0
            while let character = rest.popFirst() {
                result.append(character)
                if character == "<" { depth += 1 }
                if character == ">", result.dropLast().last != "-" { depth -= 1 }
                if depth == 0 { break }
            }
        }
        if rest.hasPrefix(".makeStream") {
            result += ".makeStream"
            rest = rest.dropFirst(".makeStream".count)
        }
        // `: AsyncStream<T> {` and `-> AsyncStream<T> {` open the body of a property or function.
        let before = code[number][..<start].split(separator: " ").dropLast().last ?? ""
        let isType = before.hasSuffix(":") || before.hasSuffix("->")
        guard rest.first == "(" || rest.hasPrefix(" {") && !isType else { return nil }
        // A closure without a parameter is asked for each element: nothing is buffered.
        let opening = rest.prefix { $0 != "\n" }
        if rest.first == " ", !opening.contains(" in"), !opening.contains("$0") { return nil }
        var depth = 0
        while let character = rest.popFirst() {
            result.append(character)
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if depth == 0 { break }
        }
        return result
    }

    /// Only structured tasks, but for the few places that begin or end a structure.
    static func looseTasks(_ file: SourceFile, allowed: [String: String]) -> [Finding] {
        guard allowed[file.path] == nil else { return [] }
        var findings: [Finding] = []
        for (number, line) in file.code.enumerated() where Words.contains("Task", in: line) {
            if startsTask(line) {
                findings.append(file.find(number, "a task of its own: belongs to a run() group, or name the file here"))
            }
        }
        return findings
    }

    private static func startsTask(_ line: String) -> Bool {
        var rest = line[...]
        while let range = rest.firstRange(of: "Task") {
            let before = line[..<range.lowerBound].last ?? " "
            rest = rest[range.upperBound...]
            if before.isLetter || before.isNumber || before == "_" || before == "." { continue }
            if rest.hasPrefix(".detached") || rest.hasPrefix(".immediate") { return true }
            var after = rest
            if after.first == "<", let end = after.lastIndex(of: ">") { after = after[after.index(after: end)...] }
            if after.hasPrefix("(") || after.drop(while: { $0 == " " }).hasPrefix("{") { return true }
        }
        return false
    }
}
