import CArchive
import Model

/// Reads one archive front to back; for RAR, every entry is compared with our own header reader.
///
/// Runs inside `lanspread-unpack` only. One caller, one thread; after an error nothing more may be asked.
package final class ArchiveReader {
    private let archive: OpaquePointer
    private let input: ArchiveInput
    private let entriesLimit: Int
    private let bytesLimit: UInt64
    private var count = 0
    private var unpacked: UInt64 = 0

    // The file entry whose data is being read.
    private var declared: UInt64 = 0
    private var position: UInt64 = 0
    private var expectedChecksum: UInt32?
    private var checksum = CRC32()
    private var dataHasEnded = true
    /// Bytes that libarchive gave beyond a hole which has not been filled yet.
    private var beyondHole: (offset: UInt64, bytes: UnsafeRawBufferPointer)?
    /// What a hole of a sparse file is filled with.
    private let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    package init(
        _ input: ArchiveInput, entriesLimit: Int = Limits.archiveEntries, bytesLimit: UInt64 = Limits.archiveBytes
    ) throws(ArchiveError) {
        guard let archive = archive_read_new() else { throw .library(.fatal, "there is no memory") }
        self.archive = archive
        self.input = input
        self.entriesLimit = entriesLimit
        self.bytesLimit = bytesLimit
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        try chooseFormats()
        try open()
    }

    deinit {
        zeros.deallocate()
        let freed = ArchiveStatus(archive_read_free(archive))
        // After a fatal error libarchive repeats that error here; anything between would be news.
        assert(freed == .ok || freed == .fatal || freed == .warn || freed == .failed, "archive_read_free: \(freed)")
    }

    // MARK: - Entries

    /// The next entry, or nil when the archive has ended as it should.
    package func nextEntry() throws(ArchiveError) -> ArchiveEntry? {
        var handle: OpaquePointer?
        let status = ArchiveStatus(archive_read_next_header(archive, &handle))
        guard status != .eof else {
            try finish()
            return nil
        }
        try check(status)
        guard let handle else { throw .library(.fatal, "there is no header") }
        count += 1
        guard count <= entriesLimit else { throw .tooManyEntries }
        let entry = try ArchiveEntry(handle, number: count)
        let opinion = try secondOpinion(of: entry)
        declared = entry.size
        position = 0
        checksum = CRC32()
        expectedChecksum = opinion?.checksum
        dataHasEnded = entry.kind != .file
        beyondHole = nil
        return entry
    }

    /// Bytes unpacked and entries seen so far.
    package var totals: (entries: Int, bytes: UInt64) { (count, unpacked) }

    /// CRC32 of the data of the entry that has been read to its end.
    package var dataChecksum: UInt32 { checksum.value }

    private func secondOpinion(of entry: ArchiveEntry) throws(ArchiveError) -> RarEntry? {
        guard input.isRar else { return nil }
        guard let seen = input.takeEntry() else { throw .readersDisagree(entry: count, "the existence") }
        guard seen.path == entry.path else { throw .readersDisagree(entry: count, "the name") }
        switch (seen.kind, entry.kind) {
        case (.file, .file):
            guard seen.size == entry.size else { throw .readersDisagree(entry: count, "the size") }
        case (.directory, .directory): break
        case (.symlink, .symlink), (.hardlink, .hardlink):
            guard seen.target == entry.target else { throw .readersDisagree(entry: count, "the target") }
        default: throw .readersDisagree(entry: count, "the kind")
        }
        return seen
    }

    private func finish() throws(ArchiveError) {
        try input.finish()
        if let unseen = input.takeEntry() {
            throw .readersDisagree(entry: count + 1, "the existence (\(unseen.kind.rawValue))")
        }
    }

    // MARK: - Data

    /// The next run of the entry's bytes, valid until the next call; nil when all of them came and the checksum
    /// matches.
    package func nextData() throws(ArchiveError) -> UnsafeRawBufferPointer? {
        while !dataHasEnded {
            if let run = try hole() ?? takeBeyondHole() {
                return try account(for: run)
            }
            try readBlock()
        }
        guard position == declared else {
            throw .wrongSize(entry: count, declared: declared, found: position)
        }
        if let expectedChecksum, expectedChecksum != checksum.value { throw .wrongChecksum(entry: count) }
        return nil
    }

    private func readBlock() throws(ArchiveError) {
        var start: UnsafeRawPointer?
        var length = 0
        var offset: Int64 = 0
        let status = ArchiveStatus(archive_read_data_block(archive, &start, &length, &offset))
        if status == .eof {
            // A sparse file may end in a hole; RAR has none, there a short entry is a damaged one.
            if !input.isRar, position < declared {
                beyondHole = (declared, UnsafeRawBufferPointer(start: nil, count: 0))
            } else {
                dataHasEnded = true
            }
            return
        }
        try check(status)
        guard let offset = UInt64(exactly: offset), offset >= position else {
            throw .damaged("the bytes of entry \(count) are out of order")
        }
        guard offset == position || !input.isRar else { throw .damaged("entry \(count) has a hole") }
        beyondHole = (offset, UnsafeRawBufferPointer(start: start, count: length))
    }

    private func hole() throws(ArchiveError) -> UnsafeRawBufferPointer? {
        guard let waiting = beyondHole, waiting.offset > position else { return nil }
        guard waiting.offset <= declared else {
            throw .wrongSize(entry: count, declared: declared, found: waiting.offset)
        }
        let length = Int(min(waiting.offset - position, UInt64(zeros.count)))
        return UnsafeRawBufferPointer(rebasing: zeros[..<length])
    }

    private func takeBeyondHole() -> UnsafeRawBufferPointer? {
        guard let waiting = beyondHole else { return nil }
        beyondHole = nil
        return waiting.bytes.isEmpty ? nil : waiting.bytes
    }

    private func account(for run: UnsafeRawBufferPointer) throws(ArchiveError) -> UnsafeRawBufferPointer {
        let (end, overflow) = position.addingReportingOverflow(UInt64(run.count))
        guard !overflow, end <= declared else {
            throw .wrongSize(entry: count, declared: declared, found: end)
        }
        position = end
        unpacked += UInt64(run.count)
        guard unpacked <= bytesLimit else { throw .tooManyBytes }
        checksum.update(run)
        return run
    }

    // MARK: - libarchive

    /// RAR only where our own reader recognised it, and nothing else then: a RAR inside gzip or behind a program stub
    /// would be read without a second opinion. `mtree` names files of the disk and is left out.
    private func chooseFormats() throws(ArchiveError) {
        if input.isRar {
            try check(ArchiveStatus(archive_read_support_format_rar(archive)))
            try check(ArchiveStatus(archive_read_support_format_rar5(archive)))
            return
        }
        let formats = [
            archive_read_support_format_zip, archive_read_support_format_7zip, archive_read_support_format_tar,
            archive_read_support_format_cpio, archive_read_support_format_cab, archive_read_support_format_lha,
            archive_read_support_format_iso9660,
        ]
        for support in formats { try check(ArchiveStatus(support(archive))) }
        let filters = [
            archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_compress,
            archive_read_support_filter_lzma, archive_read_support_filter_xz, archive_read_support_filter_zstd,
            archive_read_support_filter_lz4, archive_read_support_filter_lzip,
        ]
        for support in filters {
            let status = ArchiveStatus(support(archive))
            // A warning says that an outside program would do the work, and the sandbox lets none start.
            if status != .warn { try check(status) }
        }
    }

    private func open() throws(ArchiveError) {
        let client = Unmanaged.passUnretained(input).toOpaque()
        try check(ArchiveStatus(archive_read_set_callback_data(archive, client)))
        try check(ArchiveStatus(archive_read_set_read_callback(archive, readCallback)))
        if input.canSeek {
            try check(ArchiveStatus(archive_read_set_seek_callback(archive, seekCallback)))
        }
        try check(ArchiveStatus(archive_read_open1(archive)))
    }

    /// Everything but OK refuses: RETRY would read the same bytes again, and WARN means that a part was not understood.
    private func check(_ status: ArchiveStatus) throws(ArchiveError) {
        guard status != .ok else { return }
        if let fault = input.fault { throw fault }
        guard !input.isCut else { throw .endsEarly }
        let text = archive_error_string(archive).map { String(cString: $0) } ?? ""
        throw .library(status, text)
    }
}

private func readCallback(
    _: OpaquePointer?, _ client: UnsafeMutableRawPointer?, _ buffer: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let client, let buffer else { return -1 }
    // Not retained: the reader owns the input and outlives every call of libarchive.
    let input = Unmanaged<ArchiveInput>.fromOpaque(client).takeUnretainedValue()
    guard let bytes = input.next() else { return -1 }
    buffer.pointee = bytes.baseAddress
    return bytes.count
}

private func seekCallback(
    _: OpaquePointer?, _ client: UnsafeMutableRawPointer?, _ offset: Int64, _ whence: Int32
) -> Int64 {
    guard let client else { return -1 }
    return Unmanaged<ArchiveInput>.fromOpaque(client).takeUnretainedValue().seek(offset, whence)
}
