import Model

/// Reads the headers of a RAR4 or RAR5 archive as its bytes stream past, and skips the data.
///
/// It sees every byte before libarchive does, in one pass, so it works on a pipe as well; what it cannot vouch for is
/// refused before a decoder with live CVEs has touched it. Any bytes give entries or an error, in linear time.
package struct RarScanner: Sendable {
    /// libarchive's RAR5 reader refuses dictionaries over 64 MiB.
    package static let dictionaryLimit: UInt64 = 64 << 20
    /// The longest header of the RAR5 format: three bytes of a vint.
    private static let headerLimit = 2 << 20
    package static let signatureBytes = 8

    private enum Format: Sendable { case rar4, rar5 }

    private enum Stage: Sendable, Equatable {
        /// Collecting the first bytes of a block until its length is known.
        case length
        /// Collecting the whole header, of so many bytes with its checksum and length.
        case header
        case data(left: UInt64)
        /// Collecting the data of a RAR4 link.
        case target(path: [UInt8])
        case ended
    }

    private var format: Format?
    private var stage = Stage.length
    private var collected: [UInt8] = []
    private var wanted = RarScanner.signatureBytes
    private var sawMain = false
    /// Seen but not taken; bounded by how far the scanner is ahead of libarchive, which is one read.
    private var entries: [RarEntry] = []
    private var taken = 0

    package init() {}

    /// Whether `bytes`, the first eight of a file, begin a RAR archive of either format.
    package static func recognises(_ bytes: some Collection<UInt8>) -> Bool {
        format(of: Array(bytes)) != nil
    }

    private static func format(of bytes: [UInt8]) -> Format? {
        let mark: [UInt8] = [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]
        guard bytes.count >= mark.count + 1, bytes.starts(with: mark) else { return nil }
        if bytes[mark.count] == 0 { return .rar4 }
        return bytes.count >= 8 && bytes[6] == 1 && bytes[7] == 0 ? .rar5 : nil
    }

    // MARK: - Bytes in, entries out

    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch stage {
            case .ended:
                throw .bytesAfterEnd
            case .data(let left):
                let skipped = min(left, UInt64(rest.count))
                rest = rest.dropFirst(Int(skipped))
                enterData(left - skipped)
            case .length, .header, .target:
                let count = min(wanted - collected.count, rest.count)
                collected.append(contentsOf: rest.prefix(count))
                rest = rest.dropFirst(count)
                if collected.count == wanted { try advance() }
            }
        }
    }

    /// The next entry in the archive's order, or nil when no more headers have been seen.
    package mutating func takeEntry() -> RarEntry? {
        guard taken < entries.count else { return nil }
        let entry = entries[taken]
        taken += 1
        if taken == entries.count {
            entries.removeAll(keepingCapacity: true)
            taken = 0
        }
        return entry
    }

    /// Whether the end block has come.
    var hasEnded: Bool { stage == .ended }

    /// All bytes have been fed.
    package func finish() throws(ArchiveError) {
        guard stage == .ended else { throw .endsEarly }
    }

    // MARK: - Headers

    private mutating func advance() throws(ArchiveError) {
        guard let format else { return try startFormat() }
        if case .target(let path) = stage {
            entries.append(RarEntry(path: path, kind: .symlink, target: collected))
            enterData(0)
            return
        }
        if stage == .length {
            let length = format == .rar4 ? try rar4Length() : try rar5Length()
            guard let length else { return }
            wanted = length
            stage = .header
            if collected.count < wanted { return }
        }
        let block = format == .rar4 ? try Rar4Header.parse(collected) : try Rar5Header.parse(collected)
        try take(block)
    }

    private mutating func startFormat() throws(ArchiveError) {
        guard let found = RarScanner.format(of: collected) else { throw .damaged("it has no RAR signature") }
        format = found
        // RAR4's signature is one byte shorter: the eighth byte begins its first header.
        collected = found == .rar4 ? [collected[7]] : []
        wanted = found == .rar4 ? Rar4Header.leastBytes : Rar5Header.leastBytes
    }

    private func rar4Length() throws(ArchiveError) -> Int? {
        let length = Int(collected[5]) | Int(collected[6]) << 8
        guard length >= Rar4Header.leastBytes else { throw .damaged("a header is shorter than a header can be") }
        return length
    }

    /// Nil, and one byte more wanted, while the length itself is not complete.
    private mutating func rar5Length() throws(ArchiveError) -> Int? {
        var fields = RarFields(collected[4...])
        guard let length = fields.vint() else {
            guard collected.count < 7 else { throw .damaged("a header is longer than a header can be") }
            wanted += 1
            return nil
        }
        guard length > 0, length <= UInt64(RarScanner.headerLimit) else {
            throw .damaged("a header has an impossible length")
        }
        return collected.count + Int(length)
    }

    private mutating func take(_ block: RarBlock) throws(ArchiveError) {
        switch block.content {
        case .main:
            guard !sawMain else { throw .damaged("it begins twice") }
            sawMain = true
        case .entry(let entry):
            guard sawMain else { throw .damaged("an entry comes before the main header") }
            entries.append(entry)
        case .link(let path):
            guard sawMain else { throw .damaged("an entry comes before the main header") }
            collected.removeAll(keepingCapacity: true)
            wanted = Int(block.dataBytes)
            stage = .target(path: path)
            return
        case .skipped:
            guard sawMain else { throw .damaged("a block comes before the main header") }
        case .end:
            guard sawMain else { throw .damaged("it ends before it begins") }
            guard block.dataBytes == 0 else { throw .bytesAfterEnd }
            stage = .ended
            return
        }
        enterData(block.dataBytes)
    }

    private mutating func enterData(_ bytes: UInt64) {
        guard bytes == 0 else {
            stage = .data(left: bytes)
            return
        }
        collected.removeAll(keepingCapacity: true)
        wanted = format == .rar4 ? Rar4Header.leastBytes : Rar5Header.leastBytes
        stage = .length
    }
}
