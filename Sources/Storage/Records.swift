package import Model

/// What was unpacked into `local/`: paths, version and root. It travels with the disk.
package struct InstalledRecord: Sendable, Codable, Hashable {
    package static let format = 1

    package let format: Int
    package let version: String
    package let root: String?
    /// Paths as they were written, in byte order.
    package let paths: [String]

    package init(version: GameVersion, root: Root?, paths: [RelativePath]) {
        format = InstalledRecord.format
        self.version = version.text
        self.root = root?.hex
        self.paths = paths.sorted().map(\.text)
    }
}

/// An unfinished download: which content, and which of its chunks have landed.
///
/// Bytes: "LSDL" · format u8 = 1 · manifest length u32 · canonical manifest · chunk count u32 · one bit per chunk, the
/// lowest bit first. The root is the manifest's hash, so it is not stored.
///
/// Its law: a bit is a hint. Every chunk that it names is read and hashed again before it counts, so the bits need no
/// order with the data on the disk, and a power loss can cost a chunk but never pass off a wrong one.
package struct DownloadRecord: Sendable, Hashable {
    private static let magic = Array("LSDL".utf8)
    private static let format: UInt8 = 1

    package let manifest: [UInt8]
    package let landed: [Bool]

    package init(manifest: [UInt8], landed: [Bool]) {
        self.manifest = manifest
        self.landed = landed
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.append(DownloadRecord.magic)
        writer.append(DownloadRecord.format)
        writer.append(UInt32(manifest.count))
        writer.append(manifest)
        writer.append(UInt32(landed.count))
        var bits = [UInt8](repeating: 0, count: (landed.count + 7) / 8)
        for (index, isLanded) in landed.enumerated() where isLanded { bits[index / 8] |= 1 << (index % 8) }
        writer.append(bits)
        return writer.bytes
    }

    /// Nil for anything but a whole record.
    package init?(decoding bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.bytes(DownloadRecord.magic.count).map(Array.init) == DownloadRecord.magic,
            reader.uint8() == DownloadRecord.format,
            let length = reader.uint32().flatMap(Int.init(exactly:)), length <= Limits.manifestBytes,
            let manifest = reader.bytes(length),
            let count = reader.uint32().flatMap(Int.init(exactly:)), count <= Limits.chunks,
            let bits = reader.bytes((count + 7) / 8), reader.isAtEnd
        else { return nil }
        self.manifest = Array(manifest)
        landed = (0..<count).map { bits[bits.startIndex + $0 / 8] & (1 << ($0 % 8)) != 0 }
    }
}

extension GameRoot {
    /// Nil when there is none or it cannot be read: then nobody knows what was unpacked.
    package func installedRecord() throws(StorageError) -> InstalledRecord? {
        let name = Array(ReservedNames.installed.utf8)
        let bytes: [UInt8]?
        do {
            bytes = try AtomicFile.read(name, in: directory, limit: Limits.recordBytes)
        } catch {
            if case .unreadable = error { return nil }
            throw error
        }
        guard let bytes else { return nil }
        guard let record = try? JSON.decode(InstalledRecord.self, from: bytes, limit: Limits.recordBytes),
            record.format == InstalledRecord.format
        else { return nil }
        return record
    }

    package func writeInstalledRecord(_ record: InstalledRecord) throws(StorageError) {
        try AtomicFile.write(
            JSON.encode(record), to: Array(ReservedNames.installed.utf8),
            through: Array((ReservedNames.installed + ".tmp").utf8), in: directory, disk)
    }

    /// Nil when there is none or it cannot be read: then nothing has landed.
    package func downloadRecord() throws(StorageError) -> DownloadRecord? {
        let name = Array(ReservedNames.download.utf8)
        do {
            return try AtomicFile.read(name, in: directory, limit: Limits.downloadRecordBytes)
                .flatMap { DownloadRecord(decoding: $0) }
        } catch {
            if case .unreadable = error { return nil }
            throw error
        }
    }

    /// Writes the record whole; durable when it returns, so that it explains every file that is made after it.
    package func beginDownloadRecord(_ record: DownloadRecord) throws(StorageError) -> OpenDownloadRecord {
        let bytes = record.encoded
        let file = try AtomicFile.write(
            bytes, to: Array(ReservedNames.download.utf8),
            through: Array((ReservedNames.download + ".tmp").utf8), in: directory, disk)
        let bits = bytes.suffix((record.landed.count + 7) / 8)
        return OpenDownloadRecord(bits: Array(bits), offset: UInt64(bytes.count - bits.count), file: file, disk: disk)
    }

    package func clearDownloadRecord() throws(StorageError) {
        try AtomicFile.remove(Array(ReservedNames.download.utf8), in: directory, disk)
    }
}
