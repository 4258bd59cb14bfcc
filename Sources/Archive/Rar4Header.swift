import Model

/// One header of the RAR 1.5 to 4 format (technote.txt of RAR 4): CRC16, type, flags, length, fields.
enum Rar4Header {
    static let leastBytes = 7

    private static let cut = ArchiveError.damaged("a header is cut short")

    private enum Flag {
        static let splitBefore: UInt16 = 0x01
        static let splitAfter: UInt16 = 0x02
        static let password: UInt16 = 0x04
        static let large: UInt16 = 0x100
        static let unicode: UInt16 = 0x200
        static let longBlock: UInt16 = 0x8000
        /// Three bits of dictionary size; all set means that the entry is a directory.
        static let directory: UInt16 = 0xe0
    }

    /// `bytes` is the whole header from its checksum on; `RarScanner` has made sure of its length.
    static func parse(_ bytes: [UInt8]) throws(ArchiveError) -> RarBlock {
        var fields = RarFields(bytes[...])
        guard let checksum = fields.uint16(), let type = fields.uint8(), let flags = fields.uint16(),
            fields.uint16() != nil
        else { throw cut }
        guard UInt16(truncatingIfNeeded: CRC32.of(Array(bytes.dropFirst(2)))) == checksum else {
            throw .damaged("the checksum of a header does not match")
        }
        switch type {
        case 0x73:
            guard flags & 0x01 == 0 else { throw .volumes }
            guard flags & 0x80 == 0 else { throw .encrypted }
            return RarBlock(content: .main, dataBytes: 0)
        case 0x74:
            return try entry(flags, &fields)
        case 0x75...0x7a:
            // Comments, recovery records, signatures: nothing that is unpacked.
            return RarBlock(content: .skipped, dataBytes: try skippedBytes(flags, type, &fields))
        case 0x7b:
            guard flags & 0x01 == 0 else { throw .volumes }
            return RarBlock(content: .end, dataBytes: 0)
        default:
            throw .damaged("a block has an unknown type")
        }
    }

    private static func skippedBytes(
        _ flags: UInt16, _ type: UInt8, _ fields: inout RarFields
    ) throws(ArchiveError) -> UInt64 {
        guard flags & Flag.longBlock != 0 else { return 0 }
        guard let low = fields.uint32() else { throw cut }
        // Only the new sub-block is laid out as a file header and can be longer than 4 GiB.
        guard type == 0x7a, flags & Flag.large != 0 else { return UInt64(low) }
        guard fields.run(21) != nil, let high = fields.uint32() else { throw cut }
        return UInt64(high) << 32 | UInt64(low)
    }

    private static func entry(_ flags: UInt16, _ fields: inout RarFields) throws(ArchiveError) -> RarBlock {
        guard let packedLow = fields.uint32(), let sizeLow = fields.uint32(), let host = fields.uint8(),
            let checksum = fields.uint32(), fields.uint32() != nil, fields.uint8() != nil,
            let method = fields.uint8(), let nameBytes = fields.uint16(), let attributes = fields.uint32()
        else { throw cut }
        var packed = UInt64(packedLow)
        var size = UInt64(sizeLow)
        if flags & Flag.large != 0 {
            guard let packedHigh = fields.uint32(), let sizeHigh = fields.uint32() else { throw cut }
            packed |= UInt64(packedHigh) << 32
            size |= UInt64(sizeHigh) << 32
        }
        guard let name = fields.run(Int(nameBytes)) else { throw cut }
        guard flags & (Flag.splitBefore | Flag.splitAfter) == 0 else { throw .volumes }
        guard flags & Flag.password == 0 else { throw .encrypted }
        // libarchive reads the sizes as signed numbers.
        guard packed <= UInt64(Int64.max), size <= UInt64(Int64.max) else {
            throw .damaged("an entry has an impossible size")
        }
        let path = try Rar4Name.decode(name, isUnicode: flags & Flag.unicode != 0)
        let content: RarEntry
        switch try kind(host: host, attributes: attributes) {
        case .directory:
            content = RarEntry(path: path, kind: .directory)
        case .symlink:
            guard (1...UInt64(Limits.pathBytes)).contains(packed) else {
                throw .damaged("the target of a link has an impossible length")
            }
            return RarBlock(content: .link(path: path), dataBytes: packed)
        case .file, .hardlink:
            guard method != 0x30 || packed == size else {
                throw .damaged("a stored entry declares \(size) bytes and holds \(packed)")
            }
            content = RarEntry(path: path, kind: .file, size: size, checksum: checksum)
        }
        if content.kind == .directory || flags & Flag.directory == Flag.directory {
            guard content.kind == .directory, packed == 0 else { throw .damaged("an entry is a file and a directory") }
        }
        return RarBlock(content: .entry(content), dataBytes: packed)
    }

    private static func kind(host: UInt8, attributes: UInt32) throws(ArchiveError) -> RarEntry.Kind {
        switch host {
        case 0, 1, 2:
            return attributes & 0x10 != 0 ? .directory : .file
        case 3, 4, 5:
            switch attributes & 0xf000 {
            case 0x8000: return .file
            case 0x4000: return .directory
            case 0xa000: return .symlink
            default: throw .unsupported("an entry that is no file, directory or link")
            }
        default:
            throw .unsupported("an entry of an unknown system")
        }
    }
}
