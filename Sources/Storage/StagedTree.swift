package import Linux
package import Model

/// The tree that an install fills before it becomes `local/`: regular files, directories and links, beneath
/// `.local.installing/`, whose first file is the marker.
///
/// Not thread-safe: one install on one disk thread at a time.
package struct StagedTree: Sendable {
    private let root: GameRoot
    private let directory: Descriptor

    /// Makes the staging with its marker.
    ///
    /// - Throws: `.notOurs` when something stands there; the caller removes an old staging first, with its proof.
    package static func make(in root: GameRoot) throws(StorageError) -> StagedTree {
        let name = Array(ReservedNames.installing.utf8)
        do {
            try root.disk.makeDirectory(root.directory, name, mode: 0o755)
        } catch {
            throw error.isExists ? .notOurs(name: ReservedNames.installing) : StorageError(error)
        }
        return try asStorage { () throws(LinuxError) in
            let directory = try Beneath.openDirectory(root.directory, name)
            let marker = try root.disk.create(directory, Array(ReservedNames.marker.utf8), mode: 0o644, exclusive: true)
            try AtomicFile.writeAll(OwnershipMarker.bytes(root.game), to: marker, root.disk)
            try root.disk.sync(marker)
            try root.disk.sync(directory)
            try root.disk.sync(root.directory)
            return StagedTree(root: root, directory: directory)
        }
    }

    private init(root: GameRoot, directory: Descriptor) {
        self.root = root
        self.directory = directory
    }

    // MARK: - Filling

    /// Makes the directory and those above it; one that exists is fine.
    package func createDirectory(_ path: RelativePath) throws(StorageError) {
        do {
            try root.disk.makeDirectory(directory, path.bytes, mode: 0o755)
        } catch {
            if error.isNoEntry, let parent = path.parent {
                try createDirectory(parent)
                return try asStorage { () throws(LinuxError) in
                    try root.disk.makeDirectory(directory, path.bytes, mode: 0o755)
                }
            }
            guard error.isExists, status(path)?.kind == .directory else { throw StorageError(error) }
        }
    }

    /// A new file, with the directories above it; 0755 when `executable`, else 0644.
    package func createFile(_ path: RelativePath, executable: Bool) throws(StorageError) -> StagedFile {
        let mode: UInt32 = executable ? 0o755 : 0o644
        let file: Descriptor
        do {
            file = try root.disk.create(directory, path.bytes, mode: mode, exclusive: true)
        } catch {
            guard error.isNoEntry, let parent = path.parent else { throw StorageError(error) }
            try createDirectory(parent)
            file = try asStorage { () throws(LinuxError) in
                try root.disk.create(directory, path.bytes, mode: mode, exclusive: true)
            }
        }
        // The process's umask has taken bits away.
        try asStorage { () throws(LinuxError) in try root.disk.setMode(file, mode) }
        return StagedFile(file: file, disk: root.disk)
    }

    /// Written as it is; that the target stays inside the tree is checked before.
    package func createSymlink(_ path: RelativePath, target: [UInt8]) throws(StorageError) {
        if let parent = path.parent { try createDirectory(parent) }
        try asStorage { () throws(LinuxError) in try root.disk.symlink(target: target, directory, path.bytes) }
    }

    /// Opens what was unpacked before, for a hard link to become a copy.
    package func openFile(_ path: RelativePath) throws(StorageError) -> Descriptor {
        try asStorage { () throws(LinuxError) in try Beneath.openRead(directory, path.bytes) }
    }

    package func status(_ path: RelativePath) -> FileStatus? { try? Beneath.status(directory, path.bytes) }

    // MARK: - Committing

    /// Everything in the tree is durable afterwards.
    ///
    /// A failure is final: the kernel may have dropped the pages, so the tree is removed and never synced again.
    package func syncAll() throws(StorageError) {
        try asStorage { () throws(LinuxError) in
            try TreeSync.run(try contents(), in: directory, root.disk)
        }
    }

    /// Nil for many: they are not worth a list.
    private func contents() throws(LinuxError) -> TreeSync.Contents? {
        var contents = TreeSync.Contents()
        var next: [[UInt8]] = [[]]
        while let path = next.popLast() {
            contents.directories.append(path)
            for entry in try Beneath.list(try Beneath.openDirectory(directory, path)) {
                let child = path.isEmpty ? entry.name : path + [UInt8(ascii: "/")] + entry.name
                switch entry.kind {
                case .directory: next.append(child)
                case .regular: contents.files.append(child)
                case .symlink, .other: continue
                }
            }
            guard contents.files.count + contents.directories.count <= Limits.filesSyncedSingly else { return nil }
        }
        return contents
    }
}

/// One file of a staged tree while its bytes come.
package final class StagedFile: Sendable {
    private let file: Descriptor
    private let disk: any Disk

    init(file: Descriptor, disk: any Disk) {
        self.file = file
        self.disk = disk
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        try asStorage { () throws(LinuxError) in try disk.write(file, bytes, at: offset) }
    }
}

extension GameRoot {
    /// The commit of a first install: the staging, durable before, becomes `local/` in one rename.
    package func promoteStaging() throws(StorageError) {
        let (from, to) = (Array(ReservedNames.installing.utf8), Array(ReservedNames.local.utf8))
        guard !exists(ReservedNames.local) else { throw .notOurs(name: ReservedNames.local) }
        try asStorage { () throws(LinuxError) in
            try disk.rename(directory, from, to: to)
            try disk.sync(directory)
        }
    }

    /// The commit of an update: staging and `local/` change places, and `local/` exists at every instant (I17). Where
    /// the file system cannot exchange, two renames with the old tree as `.local.backup/` between.
    ///
    /// Afterwards the old tree is in `.local.installing/` or in `.local.backup/`.
    package func swapStaging() throws(StorageError) {
        guard isDirectory(ReservedNames.local) else { throw .notOurs(name: ReservedNames.local) }
        let staging = Array(ReservedNames.installing.utf8)
        let local = Array(ReservedNames.local.utf8)
        do {
            try disk.exchange(directory, staging, local)
        } catch {
            guard error.isUnsupported else { throw StorageError(error) }
            try asStorage { () throws(LinuxError) in
                try disk.rename(directory, local, to: Array(ReservedNames.backup.utf8))
                // Two renames may reach the disk in any order: the first has to be there before the second begins.
                try disk.sync(directory)
                try disk.rename(directory, staging, to: local)
            }
        }
        try asStorage { () throws(LinuxError) in try disk.sync(directory) }
    }
}
