import Model

/// One header of the RAR 5.0 format ("RAR 5.0 archive format", rarlab.com): checksum, length, type, flags, fields.
enum Rar5Header {
    /// CRC32 and the shortest length.
    static let leastBytes = 5

    private enum Flag {
        static let extra: UInt64 = 0x01
        static let data: UInt64 = 0x02
        static let skipIfUnknown: UInt64 = 0x04
        static let splitBefore: UInt64 = 0x08
        static let splitAfter: UInt64 = 0x10
    }

    private static let cut = ArchiveError.damaged("a header is cut short")

    /// `bytes` is the whole header from its checksum on; `RarScanner` has made sure of its length.
    static func parse(_ bytes: [UInt8]) throws(ArchiveError) -> RarBlock {
        var fields = RarFields(bytes[...])
        guard let checksum = fields.uint32() else { throw cut }
        guard CRC32.of(Array(bytes.dropFirst(4))) == checksum else {
            throw .damaged("the checksum of a header does not match")
        }
        guard fields.vint() != nil, let type = fields.vint(), let flags = fields.vint() else { throw cut }
        var extraBytes: UInt64 = 0
        if flags & Flag.extra != 0 {
            guard let count = fields.vint() else { throw cut }
            extraBytes = count
        }
        var dataBytes: UInt64 = 0
        if flags & Flag.data != 0 {
            guard let count = fields.vint() else { throw cut }
            dataBytes = count
        }
        guard flags & (Flag.splitBefore | Flag.splitAfter) == 0 else { throw .volumes }
        guard extraBytes <= UInt64(fields.remaining),
            let body = fields.run(UInt64(fields.remaining) - extraBytes), let extra = fields.run(extraBytes)
        else { throw cut }
        let content = try content(type, flags, body: body, extra: extra, dataBytes: dataBytes)
        return RarBlock(content: content, dataBytes: dataBytes)
    }

    private static func content(
        _ type: UInt64, _ flags: UInt64, body: ArraySlice<UInt8>, extra: ArraySlice<UInt8>, dataBytes: UInt64
    ) throws(ArchiveError) -> RarBlock.Content {
        switch type {
        case 1:
            var fields = RarFields(body)
            guard let archive = fields.vint() else { throw cut }
            guard archive & 0x03 == 0 else { throw .volumes }
            return .main
        case 2:
            return .entry(try entry(body, try Rar5Extra.parse(extra), dataBytes))
        case 3:
            // Comments, the quick-open list, recovery records: nothing that is unpacked.
            return .skipped
        case 4:
            throw .encrypted
        case 5:
            var fields = RarFields(body)
            guard let archive = fields.vint() else { throw cut }
            guard archive & 0x01 == 0 else { throw .volumes }
            return .end
        default:
            guard flags & Flag.skipIfUnknown != 0 else { throw .unsupported("a block of unknown type") }
            return .skipped
        }
    }

    private static func entry(
        _ body: ArraySlice<UInt8>, _ extra: Rar5Extra, _ dataBytes: UInt64
    ) throws(ArchiveError) -> RarEntry {
        var fields = RarFields(body)
        guard let flags = fields.vint(), let size = fields.vint(), fields.vint() != nil else { throw cut }
        if flags & 0x02 != 0 {
            guard fields.uint32() != nil else { throw cut }
        }
        var checksum: UInt32?
        if flags & 0x04 != 0 {
            guard let value = fields.uint32() else { throw cut }
            checksum = value
        }
        guard let compression = fields.vint(), fields.vint() != nil, let nameBytes = fields.vint(),
            let name = fields.run(nameBytes)
        else { throw cut }
        guard !extra.isEncrypted else { throw .encrypted }
        let path = Array(name)
        if flags & 0x01 != 0 {
            guard dataBytes == 0 else { throw .damaged("a directory has data") }
            return RarEntry(path: path, kind: .directory)
        }
        guard flags & 0x08 == 0 else { throw .unsupported("an entry of unknown size") }
        try checkDictionary(compression)
        if let link = extra.link {
            guard dataBytes == 0 else { throw .damaged("a link has data") }
            return RarEntry(path: path, kind: link.kind, target: link.target)
        }
        // Method 0 is stored: what it unpacks to is what it holds.
        if compression >> 7 & 0x07 == 0, size != dataBytes {
            throw .damaged("a stored entry declares \(size) bytes and holds \(dataBytes)")
        }
        return RarEntry(path: path, kind: .file, size: size, checksum: checksum)
    }

    private static func checkDictionary(_ compression: UInt64) throws(ArchiveError) {
        let version = compression & 0x3f
        guard version <= 1 else { throw .unsupported("a compression method of the future") }
        // RAR 5: 128 KiB << N with four bits of N. RAR 7: five bits, and 32nds of it on top.
        let power = compression >> 10 & (version == 0 ? 0x0f : 0x1f)
        let base = UInt64(128 << 10) << power
        let bytes = version == 0 ? base : base + base / 32 * (compression >> 15 & 0x1f)
        guard bytes <= RarScanner.dictionaryLimit else { throw .dictionary(bytes) }
        guard version == 0 else { throw .unsupported("entries compressed by RAR 7") }
    }
}

/// What the extra area of a file header adds: encryption and links; times, hashes and owners are of no interest.
struct Rar5Extra {
    private(set) var isEncrypted = false
    private(set) var link: (kind: RarEntry.Kind, target: [UInt8])?

    static func parse(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) -> Rar5Extra {
        let broken = ArchiveError.damaged("an extra record is broken")
        var extra = Rar5Extra()
        var records = RarFields(bytes)
        while records.remaining > 0 {
            guard let length = records.vint(), let record = records.run(length) else { throw broken }
            var fields = RarFields(record)
            guard let type = fields.vint() else { throw broken }
            switch type {
            case 1: extra.isEncrypted = true
            case 5:
                guard extra.link == nil, let kind = fields.vint(), fields.vint() != nil,
                    let count = fields.vint(), let target = fields.run(count)
                else { throw broken }
                extra.link = (try linkKind(kind), Array(target))
            default: continue
            }
        }
        return extra
    }

    private static func linkKind(_ kind: UInt64) throws(ArchiveError) -> RarEntry.Kind {
        switch kind {
        case 1, 2: .symlink
        case 3: throw .unsupported("a junction")
        case 4: .hardlink
        case 5: throw .unsupported("a file reference")
        default: throw .unsupported("a link of unknown kind")
        }
    }
}
