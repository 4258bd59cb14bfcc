/// Numbers as people read them: decimal units, three digits.
enum Figures {
    static func bytes(_ count: Int64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        var value = Double(max(0, count))
        var unit = 0
        // 999.5 would be written as 1000.
        while value >= 999.5, unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        return "\(unit == 0 || value >= 99.95 ? String(Int(value.rounded())) : tenths(value)) \(units[unit])"
    }

    static func rate(_ perSecond: Int64) -> String { bytes(perSecond) + "/s" }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    static func seconds(_ count: Int64) -> String {
        let seconds = max(0, count)
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min \(seconds % 60) s" }
        if seconds < 86_400 { return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min" }
        return "\(seconds / 86_400) d \(seconds % 86_400 / 3_600) h"
    }

    /// "1 game", "2 games".
    static func count(_ number: Int64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
