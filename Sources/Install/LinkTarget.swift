import Model

/// The rule for the text of a symbolic link: wherever it is followed from, it ends inside the tree.
enum LinkTarget {
    /// `..` may only stand at the beginning: there it climbs from a real directory, since nothing is ever placed below
    /// a link. Behind a name it could climb from wherever a link of that name leads, which no text shows.
    static func staysInside(_ target: [UInt8], at path: RelativePath) -> Bool {
        var rest = target[...]
        var depth = path.components.count - 1
        let dot = UInt8(ascii: "."), slash = UInt8(ascii: "/")
        while let first = rest.split(separator: slash, maxSplits: 1, omittingEmptySubsequences: false).first {
            if first.elementsEqual([dot, dot]) {
                depth -= 1
                guard depth >= 0 else { return false }
            } else if !first.elementsEqual([dot]) {
                break
            }
            rest = rest.dropFirst(first.count + 1)
            if rest.isEmpty { return target.count <= Limits.pathBytes }
        }
        if rest.last == slash { rest = rest.dropLast() }
        // The rest obeys the rules of every path: relative, no dots, no control characters.
        return (try? RelativePath(rest)) != nil
    }
}
