import Model

/// The bytes of a frame: kind (one byte), length of the payload (four, big-endian), payload.
///
/// Payloads: entry = kind u8 · mode u32 · size u64 · path (u16 length, bytes) · target (u16 length, bytes);
/// data = the bytes; entry end = CRC32; progress = u64; archive end = entries u64 · bytes u64; refusal = UTF-8.
package enum FrameCodec {
    package static let headerBytes = 5

    enum Kind: UInt8 {
        case entry = 1
        case data = 2
        case entryEnd = 3
        case progress = 4
        case archiveEnd = 5
        case refusal = 6
    }

    // MARK: - Encoding, in the helper

    /// Nil when the path or the target is too long for a frame.
    package static func entry(_ header: EntryHeader) -> [UInt8]? {
        guard let pathBytes = UInt16(exactly: header.path.count),
            let targetBytes = UInt16(exactly: header.target.count)
        else { return nil }
        var payload = ByteWriter()
        payload.append(header.kind.rawValue)
        payload.append(header.mode)
        payload.append(header.size)
        payload.append(pathBytes)
        payload.append(header.path)
        payload.append(targetBytes)
        payload.append(header.target)
        return frame(.entry, payload.bytes)
    }

    /// What stands before `count` bytes of data; `count` is at most `Limits.helperFrameBytes`.
    package static func dataHeader(count: Int) -> [UInt8] {
        precondition((1...Limits.helperFrameBytes).contains(count), "a data frame of \(count) bytes")
        return [Kind.data.rawValue] + bigEndian(UInt32(count))
    }

    package static func entryEnd(checksum: UInt32) -> [UInt8] { frame(.entryEnd, bigEndian(checksum)) }

    package static func progress(consumed: UInt64) -> [UInt8] { frame(.progress, bigEndian(consumed)) }

    package static func archiveEnd(entries: UInt64, bytes: UInt64) -> [UInt8] {
        frame(.archiveEnd, bigEndian(entries) + bigEndian(bytes))
    }

    package static func refusal(_ reason: String) -> [UInt8] {
        frame(.refusal, Array(reason.utf8.prefix(Limits.helperRefusalBytes)))
    }

    private static func frame(_ kind: Kind, _ payload: [UInt8]) -> [UInt8] {
        [kind.rawValue] + bigEndian(UInt32(payload.count)) + payload
    }

    private static func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    // MARK: - Decoding, in the daemon

    /// `payload` of any kind but data.
    static func decode(_ kind: Kind, _ payload: [UInt8]) throws(FrameFault) -> Frame {
        var reader = ByteReader(payload)
        let frame: Frame?
        switch kind {
        case .entry: frame = decodeEntry(&reader)
        case .entryEnd: frame = reader.uint32().map { .entryEnd(checksum: $0) }
        case .progress: frame = reader.uint64().map { .progress(consumed: $0) }
        case .archiveEnd:
            let entries = reader.uint64()
            let bytes = reader.uint64()
            frame = entries.flatMap { entries in bytes.map { .archiveEnd(entries: entries, bytes: $0) } }
        case .refusal:
            frame = reader.bytes(reader.remaining).map { .refusal(Text.escaped($0, limit: Limits.helperRefusalBytes)) }
        case .data: frame = nil
        }
        guard let frame, reader.isAtEnd else { throw .malformed }
        return frame
    }

    private static func decodeEntry(_ reader: inout ByteReader) -> Frame? {
        guard let kind = reader.uint8().flatMap(EntryKind.init(rawValue:)), let mode = reader.uint32(),
            let size = reader.uint64(), let path = reader.uint16().flatMap({ reader.bytes(Int($0)) }),
            let target = reader.uint16().flatMap({ reader.bytes(Int($0)) })
        else { return nil }
        guard kind == .file || size == 0 else { return nil }
        return .entry(
            EntryHeader(kind: kind, path: Array(path), target: Array(target), size: size, mode: mode))
    }
}
