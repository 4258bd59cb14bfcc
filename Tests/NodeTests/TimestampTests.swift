import Testing

@testable import Node

@Suite struct `A timestamp` {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_735_689_599, "2024-12-31T23:59:59Z"),
        (4_102_444_800, "2100-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    ])
    func `is the date in UTC`(_ seconds: Int64, _ text: String) {
        #expect(Timestamp.text(seconds) == text)
    }
}
