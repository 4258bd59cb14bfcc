import Model
import Unpack

/// What an archive has made so far, and what may still come: the decision beside `StagedEntries`, which does it.
///
/// Its law is I19: only files, directories and links that stay inside the tree, each at a path of its own; links are
/// made when all files are there, so nothing is ever written through one.
struct EntryLedger: Sendable {
    enum Step: Hashable, Sendable {
        case makeDirectory(RelativePath)
        case makeFile(RelativePath, isExecutable: Bool)
        /// A link: made at the end.
        case nothingYet
    }

    struct HardLink: Hashable, Sendable {
        let path: RelativePath
        let target: RelativePath
        let isExecutable: Bool
    }

    struct SymbolicLink: Hashable, Sendable {
        let path: RelativePath
        let target: [UInt8]
    }

    private struct File {
        let size: UInt64
        let isExecutable: Bool
    }

    private let entriesLimit: Int
    private let bytesLimit: UInt64
    private var paths = PathSet()
    private var files: [RelativePath: File] = [:]
    private var count = 0
    private var bytes: UInt64 = 0
    private var pathBytes = 0
    private(set) var hardLinks: [HardLink] = []
    private(set) var symbolicLinks: [SymbolicLink] = []
    /// Every file and link, in the archive's order.
    private(set) var leaves: [RelativePath] = []

    init(entriesLimit: Int = Limits.archiveEntries, bytesLimit: UInt64 = Limits.archiveBytes) {
        self.entriesLimit = entriesLimit
        self.bytesLimit = bytesLimit
    }

    mutating func admit(_ header: EntryHeader) throws(EntryFault) -> Step {
        count += 1
        guard count <= entriesLimit else { throw .tooManyEntries }
        let path = try checked(header.path)
        do {
            try paths.insert(path, header.kind == .directory ? .directory : .leaf)
        } catch {
            throw .path(header.path, error)
        }
        if header.kind != .directory { leaves.append(path) }
        switch header.kind {
        case .directory:
            return .makeDirectory(path)
        case .file:
            let isExecutable = header.mode & 0o111 != 0
            try add(header.size)
            files[path] = File(size: header.size, isExecutable: isExecutable)
            return .makeFile(path, isExecutable: isExecutable)
        case .hardlink:
            try admitHardLink(path, header)
        case .symlink:
            guard LinkTarget.staysInside(header.target, at: path) else { throw .linkLeaves(header.path) }
            symbolicLinks.append(SymbolicLink(path: path, target: header.target))
        }
        return .nothingYet
    }

    private mutating func admitHardLink(_ path: RelativePath, _ header: EntryHeader) throws(EntryFault) {
        guard let target = try? RelativePath(header.target), let file = files[target] else {
            throw .linkToNothing(header.path)
        }
        // A copy weighs as much as its file: a thousand links to one large file are a bomb.
        try add(file.size)
        files[path] = file
        hardLinks.append(HardLink(path: path, target: target, isExecutable: file.isExecutable))
    }

    private mutating func checked(_ bytes: [UInt8]) throws(EntryFault) -> RelativePath {
        let path: RelativePath
        do {
            path = try RelativePath(bytes)
        } catch {
            throw .path(bytes, error)
        }
        let top = String(decoding: path.components[0], as: UTF8.self)
        guard top.lowercased() != ReservedNames.marker else { throw .path(bytes, .reserved) }
        // All paths go into one record, which has a bound; in JSON a byte takes two at most.
        pathBytes += bytes.count + 3
        guard pathBytes <= Limits.recordBytes / 2 else { throw .tooManyEntries }
        return path
    }

    private mutating func add(_ size: UInt64) throws(EntryFault) {
        let (sum, overflow) = bytes.addingReportingOverflow(size)
        guard !overflow, sum <= bytesLimit else { throw .tooManyBytes }
        bytes = sum
    }
}
