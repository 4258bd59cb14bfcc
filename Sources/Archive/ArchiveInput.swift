import Model

/// Where an archive's bytes come from: one pass for RAR, with seeks for the formats that keep their list at the end.
///
/// The callbacks run inside libarchive's calls on the caller's thread; they record what went wrong and return.
package final class ArchiveInput {
    /// Fills the buffer from the current position: bytes read, 0 at the end, or the negative errno.
    package typealias Read = (UnsafeMutableRawBufferPointer) -> Int
    /// `lseek`: the new position, or the negative errno.
    package typealias Seek = (_ offset: Int64, _ whence: Int32) -> Int64

    private let readMore: Read
    /// Nil where the source is a pipe.
    private let seekTo: Seek?
    /// 256 KiB: fewer calls cost nothing more, and the scanner is never further ahead than this.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    /// Bytes in `buffer` that were read to recognise the format and not handed to libarchive yet.
    private var peeked = 0
    private var scanner = RarScanner()

    /// Why a callback told libarchive to stop; libarchive only knows that it failed.
    private(set) var fault: ArchiveError?
    let isRar: Bool
    private var hasEnded = false
    /// Bytes read so far; for progress, so a seek back does not count.
    package private(set) var consumed: UInt64 = 0

    package init(read: @escaping Read, seek: Seek?) throws(ArchiveError) {
        readMore = read
        seekTo = seek
        var count = 0
        while count < RarScanner.signatureBytes {
            let got = read(UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            guard got >= 0 else {
                buffer.deallocate()
                throw .readFailed(code: Int32(clamping: -got))
            }
            guard got > 0 else { break }
            count += got
        }
        peeked = count
        isRar = RarScanner.recognises(buffer.prefix(min(count, RarScanner.signatureBytes)))
    }

    deinit { buffer.deallocate() }

    /// What libarchive then calls an I/O error is an archive that was cut.
    var isCut: Bool { isRar && hasEnded && !scanner.hasEnded }

    var canSeek: Bool { seekTo != nil && !isRar }

    /// The next run of bytes, already seen by the scanner; empty at the end, nil after a fault.
    func next() -> UnsafeRawBufferPointer? {
        guard fault == nil else { return nil }
        var count = peeked
        peeked = 0
        if count == 0 {
            count = readMore(buffer)
            guard count >= 0 else {
                fault = .readFailed(code: Int32(clamping: -count))
                return nil
            }
        }
        hasEnded = count == 0
        consumed += UInt64(count)
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        guard isRar else { return bytes }
        do {
            try scanner.feed(bytes)
        } catch {
            // libarchive does not see the bytes that the scanner refuses.
            fault = error
            return nil
        }
        return bytes
    }

    func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        guard let seekTo, fault == nil else { return -1 }
        peeked = 0
        let position = seekTo(offset, whence)
        if position < 0 { fault = .readFailed(code: Int32(clamping: -position)) }
        return position
    }

    func takeEntry() -> RarEntry? { scanner.takeEntry() }

    /// Reads what libarchive left over, and asks the scanner whether that was all.
    func finish() throws(ArchiveError) {
        guard isRar else { return }
        while let bytes = next(), !bytes.isEmpty {}
        if let fault { throw fault }
        try scanner.finish()
    }
}
