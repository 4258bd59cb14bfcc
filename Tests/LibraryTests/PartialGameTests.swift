import Content
import Fixture
import Library
import Linux
import Model
import Storage
import TestKit
import Testing

@Suite struct `A game of which a part has landed` {
    @Test func `is partial for this host, and nothing to its peers`() async throws {
        let bravo = try await Shelf(.bravo)
        try await bravo.build()
        let id = try bravo.id("ggoo")
        let built = try #require(await bravo.library.manifest(id))
        let grid = built.manifest.grid
        // As a download leaves it that was cut short: a record with one chunk, and no sentinel.
        let landed = (0..<grid.chunkCount).map { $0 == 0 }
        let root = try bravo.games().root(id)
        _ = try root.beginDownloadRecord(DownloadRecord(manifest: built.bytes, landed: landed))
        try Files.removeFile(atPath: bravo.root("ggoo") + "/version.ini")
        try await bravo.library.refresh(id)
        let entry = try await bravo.entry("ggoo")
        #expect(entry.availability == .partial)
        #expect(entry.localVersion == nil && entry.root == nil)
        #expect(entry.part?.version == entry.catalogVersion)
        #expect(entry.part?.bytes == UInt64(grid.byteCount(of: 0)))
        #expect(entry.part?.totalBytes == built.manifest.totalBytes)
        #expect(try await bravo.summary("ggoo") == nil, "a part is offered by have alone")

        try bravo.write("ggoo/.lanspread.download", "none of ours")
        try await bravo.library.refresh(id)
        #expect(try await bravo.entry("ggoo").availability == nil)
    }
}
