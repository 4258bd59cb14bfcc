/// The canonical bytes of a manifest: one value has one encoding, and anything else does not decode.
///
/// Big-endian: "LSMF" · format u8 = 1 · digest u8 = 1 (SHA-256) · game (u8 length, bytes) · version (u8 length, bytes)
/// · chunk bytes u32 · file count u32 · files (path u16 length, bytes; size u64) · chunk count u32 · digests (32
/// bytes).
package enum ManifestCodec {
    private static let magic = Array("LSMF".utf8)
    private static let format: UInt8 = 1
    private static let sha256: UInt8 = 1

    package static func encode(_ manifest: Manifest) -> [UInt8] {
        var bytes = ByteWriter()
        bytes.append(magic)
        bytes.append(format)
        bytes.append(sha256)
        bytes.append(UInt8(manifest.game.text.utf8.count))
        bytes.append(Array(manifest.game.text.utf8))
        bytes.append(UInt8(manifest.version.text.utf8.count))
        bytes.append(Array(manifest.version.text.utf8))
        bytes.append(UInt32(Grid.chunkBytes))
        bytes.append(UInt32(manifest.files.count))
        for file in manifest.files {
            bytes.append(UInt16(file.path.bytes.count))
            bytes.append(file.path.bytes)
            bytes.append(file.size)
        }
        bytes.append(UInt32(manifest.digests.count))
        for digest in manifest.digests { bytes.append(digest.bytes) }
        return bytes.bytes
    }

    package static func decode(_ bytes: [UInt8]) throws(ManifestFault) -> Manifest {
        guard bytes.count <= Limits.manifestBytes else { throw .tooLarge }
        var reader = ByteReader(bytes)
        guard reader.bytes(magic.count).map(Array.init) == magic else { throw .notAManifest }
        guard reader.uint8() == format else { throw .unknownFormat }
        guard reader.uint8() == sha256 else { throw .unknownDigest }
        guard let gameBytes = reader.uint8().flatMap({ reader.bytes(Int($0)) }) else { throw .truncated }
        guard let game = GameID(String(decoding: gameBytes, as: UTF8.self)) else { throw .badGame }
        guard let versionBytes = reader.uint8().flatMap({ reader.bytes(Int($0)) }) else { throw .truncated }
        guard let version = GameVersion(String(decoding: versionBytes, as: UTF8.self)) else { throw .badVersion }
        guard let chunkBytes = reader.uint32() else { throw .truncated }
        guard chunkBytes == UInt32(Grid.chunkBytes) else { throw .unknownChunkSize }
        let files = try decodeFiles(&reader)
        let digests = try decodeDigests(&reader)
        guard reader.isAtEnd else { throw .trailingBytes }
        return try Manifest(game: game, version: version, files: files, digests: digests)
    }

    private static func decodeFiles(_ reader: inout ByteReader) throws(ManifestFault) -> [ManifestFile] {
        guard let count = reader.uint32() else { throw .truncated }
        guard count <= UInt32(Limits.manifestFiles) else { throw .tooManyFiles }
        var files: [ManifestFile] = []
        for _ in 0..<count {
            guard let path = reader.uint16().flatMap({ reader.bytes(Int($0)) }), let size = reader.uint64() else {
                throw .truncated
            }
            do {
                files.append(ManifestFile(path: try RelativePath(path), size: size))
            } catch {
                throw .path(Array(path), error)
            }
        }
        return files
    }

    private static func decodeDigests(_ reader: inout ByteReader) throws(ManifestFault) -> [Digest] {
        guard let count = reader.uint32() else { throw .truncated }
        guard count <= UInt32(Limits.chunks) else { throw .tooLarge }
        var digests: [Digest] = []
        for _ in 0..<count {
            guard let digest = reader.bytes(Digest.byteCount).flatMap({ Digest($0) }) else { throw .truncated }
            digests.append(digest)
        }
        return digests
    }
}
