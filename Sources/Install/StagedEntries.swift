import Linux
import Model
import Storage
import Unpack

/// Why filling the staging stopped; Installer makes an `InstallError` of it.
enum StagingStop: Error {
    case entry(EntryFault)
    case storage(StorageError)
}

/// Makes files of what the helper says, beneath `.local.installing/`.
///
/// Only ever used by one disk job at a time, each awaited before the next; hence @unchecked.
final class StagedEntries: @unchecked Sendable {
    /// Bytes that one step of `finishLinks` copies before it lets others have the disk thread.
    private static let copyStep: UInt64 = 8 << 20

    private let tree: StagedTree
    private let progress: @Sendable (UInt64) -> Void
    private(set) var ledger = EntryLedger()

    private var file: StagedFile?
    private var position: UInt64 = 0
    private var linksCopied = 0
    private var copying: (source: Descriptor, into: StagedFile, done: UInt64)?

    init(_ tree: StagedTree, progress: @escaping @Sendable (UInt64) -> Void) {
        self.tree = tree
        self.progress = progress
    }

    // MARK: - While the helper speaks

    func receive(_ event: UnpackEvent) throws(StagingStop) {
        switch event {
        case .entry(let header): try begin(header)
        case .data(let run):
            guard let file else { preconditionFailure("data comes inside a file only") }
            let offset = position
            try storing { () throws(StorageError) in try file.write(run, at: offset) }
            position += UInt64(run.count)
        case .entryEnd:
            file = nil
        case .progress(let consumed):
            progress(consumed)
        }
    }

    private func begin(_ header: EntryHeader) throws(StagingStop) {
        let step: EntryLedger.Step
        do {
            step = try ledger.admit(header)
        } catch {
            throw .entry(error)
        }
        switch step {
        case .makeDirectory(let path):
            try storing { () throws(StorageError) in try tree.createDirectory(path) }
        case .makeFile(let path, let isExecutable):
            position = 0
            file = try storing { () throws(StorageError) in try tree.createFile(path, executable: isExecutable) }
        case .nothingYet: return
        }
    }

    // MARK: - When all files are there

    /// Hard links become copies, one bounded step per call; symbolic links come last of all.
    ///
    /// - Returns: whether everything is made.
    func finishLinks() throws(StagingStop) -> Bool {
        if try copyMore() { return false }
        for link in ledger.symbolicLinks {
            try storing { () throws(StorageError) in try tree.createSymlink(link.path, target: link.target) }
        }
        return true
    }

    /// - Returns: whether there is more to copy.
    private func copyMore() throws(StagingStop) -> Bool {
        var budget = StagedEntries.copyStep
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4_096)
        defer { buffer.deallocate() }
        while budget > 0 {
            if copying == nil { copying = try nextCopy() }
            guard let (source, target, done) = copying else { return false }
            let count = try read(source, into: buffer, at: done)
            if count == 0 {
                copying = nil
                // A file without bytes costs something too: a directory entry and a turn of this loop.
                budget -= min(budget, 4_096)
                continue
            }
            let run = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            try storing { () throws(StorageError) in try target.write(run, at: done) }
            copying = (source, target, done + UInt64(count))
            budget -= min(budget, UInt64(count))
        }
        return true
    }

    private func nextCopy() throws(StagingStop) -> (source: Descriptor, into: StagedFile, done: UInt64)? {
        guard linksCopied < ledger.hardLinks.count else { return nil }
        let link = ledger.hardLinks[linksCopied]
        linksCopied += 1
        return try storing { () throws(StorageError) in
            let source = try tree.openFile(link.target)
            return (source, try tree.createFile(link.path, executable: link.isExecutable), 0)
        }
    }

    private func read(
        _ source: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(StagingStop) -> Int {
        do throws(LinuxError) {
            return try Files.readFully(source, into: buffer, at: offset)
        } catch {
            throw .storage(StorageError(error))
        }
    }

    private func storing<Value>(_ body: () throws(StorageError) -> Value) throws(StagingStop) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            throw .storage(error)
        }
    }
}
