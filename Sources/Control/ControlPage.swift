package import Model

/// A result that is a list: it goes out in pages, so that no reply outgrows its limit.
///
/// A page continues after a key and not after an index: what came or went meanwhile moves nothing.
package struct ControlPage: Sendable {
    /// The field that holds the list.
    package let list: String
    /// The field of a row by which the list is ordered; a text or a number.
    package let key: String
    /// The highest key comes first.
    package let isDescending: Bool

    package init(list: String, key: String, isDescending: Bool = false) {
        self.list = list
        self.key = key
        self.isDescending = isDescending
    }

    static let parameters = [
        ControlParameter("after", .text, .optional, "Begin after this key: `next` of the page before."),
        ControlParameter("limit", .count, .preset(.count(Limits.controlPageRows)), "Rows of a page, at most 500."),
    ]

    /// The rows that `parameters` ask for, and `next`: null when these were the last.
    package func cut(_ result: JSONValue, _ parameters: JSONValue) -> JSONValue {
        guard var fields = result.object, let rows = fields[list]?.array else { return result }
        let limit = min(max(Int(clamping: parameters["limit"]?.int ?? 0), 1), Limits.controlPageRows)
        var keyed = rows.map { (key: order($0[key]), row: $0) }
        let isBefore: (Order, Order) -> Bool = isDescending ? { $1 < $0 } : { $0 < $1 }
        keyed.sort { isBefore($0.key, $1.key) }
        if let after = parameters["after"]?.string {
            let first = order(Int64(after).map(JSONValue.int) ?? .string(after), as: keyed.first?.key)
            keyed.removeAll { !isBefore(first, $0.key) }
        }
        let page = keyed.prefix(limit)
        fields[list] = .array(page.map(\.row))
        fields["next"] = keyed.count > page.count ? .optional(page.last?.key.text) : .null
        return .object(fields)
    }

    /// Numbers by value, texts by their bytes.
    private struct Order: Comparable {
        let number: Int64?
        let text: String

        static func < (left: Order, right: Order) -> Bool {
            if let one = left.number, let other = right.number { return one < other }
            return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
        }

        static func == (left: Order, right: Order) -> Bool { left.text == right.text }
    }

    private func order(_ value: JSONValue?, as example: Order? = nil) -> Order {
        switch value {
        case .int(let number):
            // A game may be called 1942: a key counts as a number only where the list's keys are numbers.
            if let example, example.number == nil { return Order(number: nil, text: String(number)) }
            return Order(number: number, text: String(number))
        case .string(let text): return Order(number: nil, text: text)
        default: return Order(number: nil, text: "")
        }
    }
}
