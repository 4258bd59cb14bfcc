/// One member of an archive, and the lies that are told about it.
package struct Rar5Entry: Sendable {
    package enum Kind: Hashable, Sendable {
        case file(FixtureContent)
        case directory
        case symlink(target: [UInt8])
        /// An earlier member once more; bytes are not stored.
        case hardLink(target: [UInt8])
    }

    package var path: [UInt8]
    package var kind: Kind
    package var mode: UInt32
    /// In place of the true sum, for archives that are to be refused.
    package var crc32: UInt32?
    /// The unpacked size that the header tells, in place of the true one.
    package var size: UInt64?
    /// The packed size that the header tells, in place of the true one.
    package var packedSize: UInt64?
    /// No sum in the header at all.
    package var omitsCRC = false
    /// Breaks the sum over the header itself.
    package var hasBadHeader = false
    /// 128 KiB shifted by this; 9 is the 64 MiB that libarchive takes at most.
    package var dictionaryBits: UInt8 = 0
    /// 0 is stored; anything else makes the bytes nonsense.
    package var method: UInt8 = 0

    package init(_ path: [UInt8], _ kind: Kind, mode: UInt32? = nil) {
        self.path = path
        self.kind = kind
        switch kind {
        case .file, .hardLink: self.mode = mode ?? 0o644
        case .directory: self.mode = mode ?? 0o755
        case .symlink: self.mode = mode ?? 0o777
        }
    }

    package static func file(_ path: String, _ content: FixtureContent, mode: UInt32 = 0o644) -> Rar5Entry {
        Rar5Entry(Array(path.utf8), .file(content), mode: mode)
    }

    package static func directory(_ path: String) -> Rar5Entry { Rar5Entry(Array(path.utf8), .directory) }

    package static func symlink(_ path: String, to target: String) -> Rar5Entry {
        Rar5Entry(Array(path.utf8), .symlink(target: Array(target.utf8)))
    }
}

/// Writes RAR 5 archives of stored members, member by member: games for tests, and archives that lie.
///
/// Format: "RAR 5.0 archive format" of RARLAB. Every header is sum, size, type, flags and fields; numbers are groups of
/// seven bits, lowest first.
package struct Rar5Writer {
    private let file: FixtureFile

    /// 2024-05-01: a fixture is the same whenever it is made.
    private static let modified: UInt32 = 1_714_521_600
    private static let signature: [UInt8] = Array("Rar!".utf8) + [0x1a, 0x07, 0x01, 0x00]

    private enum HeaderType: UInt64 { case main = 1, file, service, encryption, end }

    package init(_ file: FixtureFile) throws(FixtureError) {
        self.file = file
        try file.append(Rar5Writer.signature)
        try file.append(Rar5Writer.header(.main, flags: 0, fields: Rar5Writer.number(0)))
    }

    package func append(_ entry: Rar5Entry) throws(FixtureError) {
        guard case .file(let content) = entry.kind else {
            return try file.append(Rar5Writer.header(of: entry, size: 0, crc32: 0))
        }
        try file.append(Rar5Writer.header(of: entry, size: content.size, crc32: content.crc32))
        try file.append(content)
    }

    /// Without the end block an archive looks cut off.
    package func finish(hasEnd: Bool = true) throws(FixtureError) {
        if hasEnd { try file.append(Rar5Writer.header(.end, flags: 0, fields: Rar5Writer.number(0))) }
        try file.finish()
    }

    /// An archive in memory, for the small ones of tests.
    package static func bytes(_ entries: [Rar5Entry], hasEnd: Bool = true) -> [UInt8] {
        var bytes = signature + header(.main, flags: 0, fields: number(0))
        for entry in entries {
            var content = FixtureContent.bytes([])
            if case .file(let stored) = entry.kind { content = stored }
            bytes += header(of: entry, size: content.size, crc32: content.crc32)
            bytes += content.allBytes
        }
        return hasEnd ? bytes + header(.end, flags: 0, fields: number(0)) : bytes
    }

    // MARK: - Headers

    private static func header(of entry: Rar5Entry, size: UInt64, crc32: UInt32) -> [UInt8] {
        let isDirectory = entry.kind == .directory
        var mode = entry.mode
        var extra: [UInt8] = []
        switch entry.kind {
        case .file: mode |= 0o100000
        case .directory: mode |= 0o040000
        case .symlink(let target):
            mode |= 0o120000
            extra = redirection(kind: 1, target)
        case .hardLink(let target):
            mode |= 0o100000
            extra = redirection(kind: 4, target)
        }
        // Directory 1, time 2, sum 4.
        var fields = number((isDirectory ? 1 : 0) | 2 | (entry.omitsCRC ? 0 : 4))
        fields += number(entry.size ?? size)
        fields += number(UInt64(mode))
        fields += littleEndian(modified)
        if !entry.omitsCRC { fields += littleEndian(entry.crc32 ?? crc32) }
        fields += number(UInt64(entry.method) << 7 | UInt64(entry.dictionaryBits) << 10)
        // Made on Unix.
        fields += number(1)
        fields += number(UInt64(entry.path.count)) + entry.path
        // A member without bytes has a packed size as well: libarchive asks for it.
        return header(
            .file, flags: 0, fields: fields, extra: extra, packedSize: entry.packedSize ?? size,
            isBroken: entry.hasBadHeader)
    }

    private static func redirection(kind: UInt64, _ target: [UInt8]) -> [UInt8] {
        let record = number(5) + number(kind) + number(0) + number(UInt64(target.count)) + target
        return number(UInt64(record.count)) + record
    }

    private static func header(
        _ type: HeaderType, flags: UInt64, fields: [UInt8], extra: [UInt8] = [], packedSize: UInt64? = nil,
        isBroken: Bool = false
    ) -> [UInt8] {
        var body = number(type.rawValue)
        body += number(flags | (extra.isEmpty ? 0 : 1) | (packedSize == nil ? 0 : 2))
        if !extra.isEmpty { body += number(UInt64(extra.count)) }
        if let packedSize { body += number(packedSize) }
        body += fields + extra
        let sized = number(UInt64(body.count)) + body
        return littleEndian(CRC32.of(sized) ^ (isBroken ? 1 : 0)) + sized
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        repeat {
            let group = UInt8(truncatingIfNeeded: rest) & 0x7f
            rest >>= 7
            bytes.append(rest == 0 ? group : group | 0x80)
        } while rest > 0
        return bytes
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
