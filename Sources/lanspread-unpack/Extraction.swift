import Archive
import Glibc
import Linux
import Unpack

/// One archive from a descriptor becomes frames, in one pass.
struct Extraction {
    /// A progress frame for so many bytes of archive: one in a small game, a few per second in a large one.
    private static let progressStep: UInt64 = 1 << 20

    private let input: ArchiveInput
    private let reader: ArchiveReader
    private var told: UInt64 = 0

    init(_ source: Descriptor) throws(ArchiveError) {
        // A pipe has no position: the formats that keep their list at the end are then read as far as they can be.
        let canSeek = (try? source.seek(0, whence: SEEK_CUR)) != nil
        input = try ArchiveInput(
            read: { Extraction.read(source, $0) },
            seek: canSeek ? { Extraction.seek(source, $0, $1) } : nil)
        reader = try ArchiveReader(input)
    }

    private static func read(_ source: Descriptor, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        do throws(LinuxError) {
            // Whoever hands down a descriptor that does not wait has made a mistake.
            return try source.read(into: buffer) ?? -Int(EAGAIN)
        } catch {
            return -Int(error.code)
        }
    }

    private static func seek(_ source: Descriptor, _ offset: Int64, _ whence: Int32) -> Int64 {
        do throws(LinuxError) {
            return try source.seek(offset, whence: whence)
        } catch {
            return -Int64(error.code)
        }
    }

    mutating func run(into output: inout FrameOutput) throws(ArchiveError) {
        while let entry = try reader.nextEntry() {
            // `./` in a tar file names the tree itself.
            if entry.path.isEmpty, entry.kind == .directory { continue }
            guard let begin = FrameCodec.entry(Extraction.header(of: entry)) else {
                throw .damaged("a name is longer than a name can be")
            }
            output.begin(begin)
            while let run = try reader.nextData() {
                output.data(run)
                tellProgress(&output)
            }
            output.append(FrameCodec.entryEnd(checksum: reader.dataChecksum))
            tellProgress(&output)
        }
        output.append(FrameCodec.progress(consumed: input.consumed))
        output.append(FrameCodec.archiveEnd(entries: output.entries, bytes: output.bytes))
        output.flush()
    }

    private mutating func tellProgress(_ output: inout FrameOutput) {
        guard input.consumed >= told + Extraction.progressStep else { return }
        told = input.consumed
        output.append(FrameCodec.progress(consumed: told))
    }

    private static func header(of entry: ArchiveEntry) -> EntryHeader {
        let kind: EntryKind =
            switch entry.kind {
            case .file: .file
            case .directory: .directory
            case .symlink: .symlink
            case .hardlink: .hardlink
            }
        return EntryHeader(kind: kind, path: entry.path, target: entry.target, size: entry.size, mode: entry.mode)
    }
}
