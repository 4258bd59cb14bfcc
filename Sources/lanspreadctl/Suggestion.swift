/// What was probably meant.
enum Suggestion {
    /// The nearest word, when it is near enough: one slip in three letters, at most three.
    static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        let typed = Array(word.lowercased().unicodeScalars.prefix(longest))
        let allowed = min(3, max(1, typed.count / 3))
        var best: (distance: Int, word: String)?
        for candidate in words {
            let letters = Array(candidate.lowercased().unicodeScalars.prefix(longest))
            guard abs(letters.count - typed.count) <= allowed else { continue }
            let distance = self.distance(typed, letters)
            if distance <= allowed, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.word
    }

    /// The table is quadratic in it; nobody types more.
    private static let longest = 64

    /// Insertions, deletions, replacements and neighbours that changed places.
    private static func distance(_ one: [Unicode.Scalar], _ other: [Unicode.Scalar]) -> Int {
        var before = [Int](repeating: 0, count: other.count + 1)
        var above = Array(0...other.count)
        for row in 0..<one.count {
            var line = [row + 1]
            for column in 0..<other.count {
                var least = above[column] + (one[row] == other[column] ? 0 : 1)
                least = min(least, above[column + 1] + 1, line[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    least = min(least, before[column - 1] + 1)
                }
                line.append(least)
            }
            before = above
            above = line
        }
        return above[other.count]
    }
}
