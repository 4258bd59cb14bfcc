import Model

/// What a receiver is told, after the frames were checked against each other.
package enum UnpackEvent {
    case entry(EntryHeader)
    /// Bytes of the file that was begun last; valid during the call only.
    case data(UnsafeRawBufferPointer)
    /// All bytes of the entry came, and they match its checksum.
    case entryEnd
    /// So many bytes of the archive were read.
    case progress(consumed: UInt64)
}

/// The order that frames must have: begin, data, end, entry by entry, then the end with the right totals, then nothing.
package struct FrameSequence: Sendable {
    private enum Stage: Sendable, Equatable { case between, inside, ended }

    private var stage = Stage.between
    private var left: UInt64 = 0
    private var checksum = CRC32()
    private var entries: UInt64 = 0
    private var bytes: UInt64 = 0
    /// The helper's clause, when it refused the archive.
    package private(set) var refusal: String?

    package init() {}

    /// Nil for frames that the receiver does not hear of.
    package mutating func accept(_ frame: Frame) throws(FrameFault) -> UnpackEvent? {
        guard refusal == nil else { throw .misplaced }
        switch frame {
        case .entry(let header):
            guard stage == .between else { throw .misplaced }
            stage = .inside
            left = header.size
            checksum = CRC32()
            entries += 1
            return .entry(header)
        case .data:
            preconditionFailure("data goes through accept(data:)")
        case .entryEnd(let sent):
            guard stage == .inside else { throw .misplaced }
            guard left == 0 else { throw .wrongSize }
            guard sent == checksum.value else { throw .wrongChecksum }
            stage = .between
            return .entryEnd
        case .progress(let consumed):
            guard stage != .ended else { throw .misplaced }
            return .progress(consumed: consumed)
        case .archiveEnd(let sentEntries, let sentBytes):
            guard stage == .between else { throw .misplaced }
            guard sentEntries == entries, sentBytes == bytes else { throw .wrongTotals }
            stage = .ended
            return nil
        case .refusal(let reason):
            guard stage != .ended else { throw .misplaced }
            refusal = reason
            return nil
        }
    }

    package mutating func accept(data run: UnsafeRawBufferPointer) throws(FrameFault) {
        guard stage == .inside, refusal == nil else { throw .misplaced }
        guard UInt64(run.count) <= left else { throw .wrongSize }
        left -= UInt64(run.count)
        bytes += UInt64(run.count)
        checksum.update(run)
    }

    /// The stream has ended, `pending` bytes short of a frame.
    package func finish(pending: Int) throws(FrameFault) {
        if refusal != nil { return }
        guard pending == 0, stage == .ended else { throw .endMissing }
    }
}
