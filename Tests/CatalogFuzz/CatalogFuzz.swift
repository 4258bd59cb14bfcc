import Database
import Glibc
import Model

/// libFuzzer's door to the catalog reader: scripts/fuzz links it, and nothing else uses it.
///
/// Any bytes give a catalog or an error that names a rule of the file; what is given holds every bound that the rest of
/// the house relies on, and survives being written and read again. Whatever does not ends the process, and libFuzzer
/// keeps the bytes.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzCatalog(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    CatalogFuzz.run(UnsafeBufferPointer(start: start, count: count))
    return 0
}

package enum CatalogFuzz {
    /// Proves that the fuzzer finds something: what no seed has, and a few changed bytes have, is then called a bug.
    private static let isPlanted = getenv("LANSPREAD_FUZZ_PLANTED") != nil

    package static func run(_ bytes: some Collection<UInt8>) {
        let reading: CatalogReading
        do {
            reading = try CatalogReader.load(bytes: bytes, name: "input")
        } catch {
            switch error {
            case .catalog, .damaged, .tooSlow, .cannotOpen:
                demand(!error.sentence.isEmpty, "an error says nothing")
            default: demand(false, "the file is not to blame for \(error)")
            }
            return
        }
        demand(reading.catalog.entries.count + reading.dropped.count <= Limits.catalogRows, "too many rows")
        demand(reading.withdrawn.count <= Limits.catalogRows, "too many withdrawn games")
        for (game, entry) in reading.catalog.entries { check(game, entry, reading) }
        if isPlanted {
            let hasLetter = reading.catalog.entries.values.contains { $0.version.text.utf8.contains { $0 > 0x39 } }
            demand(!hasLetter, "the planted bug")
        }
        checkRewritten(reading)
    }

    /// A release build keeps the reason of a failed precondition to itself.
    private static func demand(_ condition: Bool, _ reason: @autoclosure () -> String) {
        if condition { return }
        var text = "CatalogFuzz: \(reason())\n"
        let written = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        preconditionFailure("\(written) bytes of a reason")
    }

    private static func check(_ game: GameID, _ entry: CatalogEntry, _ reading: CatalogReading) {
        demand(entry.game == game && GameID(game.text) == game, "an id that is none: \(game)")
        demand(!reading.withdrawn.contains(game), "\(game) is withdrawn and offered")
        demand(GameVersion(entry.version.text) == entry.version, "a version that is none")
        demand(entry.bytes <= Limits.gameBytes, "\(entry.bytes) bytes")
        demand(entry.players.map { (1...Limits.gamePlayers).contains($0) } ?? true, "a number of players")
        demand(!entry.title.isEmpty && entry.title.utf8.count <= Limits.catalogTitleBytes, "a title")
        let fields = [entry.publisher, entry.released, entry.playersLimit].compactMap { $0 } + entry.genres.all
        for field in fields {
            demand(!field.isEmpty && field.utf8.count <= Limits.catalogFieldBytes, "a field: \(field)")
        }
        for line in fields + [entry.title] {
            demand(line.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "a line of several: \(line)")
        }
        for readme in entry.readme.all {
            demand(!readme.isEmpty && readme.utf8.count <= Limits.catalogReadmeBytes, "a readme")
        }
    }

    private static func checkRewritten(_ reading: CatalogReading) {
        do {
            let again = try CatalogReader.load(bytes: try CatalogDraft(reading).bytes(path: "again"), name: "again")
            demand(again.catalog == reading.catalog, "it is another one when it was written and read again")
            demand(again.withdrawn == reading.withdrawn && again.dropped.isEmpty && again.isOurs, "lost")
        } catch {
            demand(false, "what was read cannot be written and read again: \(error)")
        }
    }
}
