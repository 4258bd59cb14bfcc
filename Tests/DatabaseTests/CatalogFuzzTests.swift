import CatalogFuzz
import Database
import Fixture
import Linux
import Model
import TestKit
import Testing

/// The fuzz target's own rules, on its seeds and some thousand changes of them; `make fuzz` goes on from there.
@Suite struct `The fuzz target of the catalog reader` {
    @Test func `accepts its seeds, and whatever comes of them by chance`() throws {
        let directory = try TemporaryDirectory()
        try FixtureCatalog.writeSeeds(to: directory.path + "/seeds")
        let names = try Beneath.list(try Files.openDirectory(atPath: directory.path + "/seeds")).map {
            String(decoding: $0.name, as: UTF8.self)
        }
        #expect(names.count == 8)
        var numbers = SplitMix(state: TestSeed.value)
        var taken = 0
        for name in names.sorted() {
            let seed = try #require(try directory.read("seeds/\(name)"))
            CatalogFuzz.run(seed)
            if (try? CatalogReader.load(bytes: seed, name: name)) != nil { taken += 1 }
            for _ in 0..<250 {
                var bytes = seed
                for _ in 0..<(1 + numbers.next() % 3) {
                    bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next())
                }
                CatalogFuzz.run(bytes)
            }
        }
        // All but the one that computes a column.
        #expect(taken == 7)
    }
}
