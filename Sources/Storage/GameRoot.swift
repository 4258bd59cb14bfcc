package import Linux
package import Model

/// One game's directory, held by a descriptor: everything beneath is reached through it and no link is followed.
package struct GameRoot: Sendable {
    package let game: GameID
    package let directory: Descriptor
    package let disk: any Disk

    /// A file that peers exchange, with what tells whether it is still the same.
    package struct ExchangedFile: Sendable, Hashable {
        package let path: RelativePath
        package let status: FileStatus
    }

    // MARK: - Sentinel

    /// The version of a regular root-level `version.ini`; nil when there is none, or when it holds no version.
    package func sentinel() throws(StorageError) -> GameVersion? {
        try sentinelBytes().flatMap { GameVersion(sentinel: $0) }
    }

    /// Its content as it stands: part of a fingerprint, since a same-length rewrite within one tick changes nothing
    /// else.
    package func sentinelBytes() throws(StorageError) -> [UInt8]? {
        do {
            return try AtomicFile.read(
                Array(ReservedNames.sentinel.utf8), in: directory, limit: Limits.sentinelBytes)
        } catch {
            if case .unreadable = error { return nil }
            throw error
        }
    }

    /// Written last and renamed into place: a game with a sentinel is complete, whatever happened to the power.
    package func writeSentinel(_ version: GameVersion) throws(StorageError) {
        try AtomicFile.write(
            version.sentinelBytes, to: Array(ReservedNames.sentinel.utf8),
            through: Array(ReservedNames.sentinelTemporary.utf8), in: directory, disk)
    }

    /// Takes the old sentinel away before the first byte of another version lands; durable when it returns.
    ///
    /// - Throws: `.notOurs` when something else than a regular file bears its name.
    package func parkSentinel() throws(StorageError) {
        guard try sentinelStands() else { return }
        try asStorage { () throws(LinuxError) in
            try disk.rename(
                directory, Array(ReservedNames.sentinel.utf8), to: Array(ReservedNames.sentinelDiscarded.utf8))
            try disk.sync(directory)
        }
    }

    /// Whether a regular file bears the sentinel's name, whatever it holds.
    ///
    /// - Throws: `.notOurs` when a directory, a link or a device does: no sentinel could ever be put there.
    package func sentinelStands() throws(StorageError) -> Bool {
        do {
            let kind = try Beneath.status(directory, Array(ReservedNames.sentinel.utf8)).kind
            guard kind == .regular else { throw StorageError.notOurs(name: ReservedNames.sentinel) }
            return true
        } catch let error as LinuxError {
            guard error.isNoEntry else { throw StorageError(error) }
            return false
        } catch let error as StorageError {
            throw error
        } catch {
            preconditionFailure("only two kinds of error come from below")
        }
    }

    /// Removes what a download leaves beside its sentinel; the old sentinel is never restored.
    package func sweepDownload() throws(StorageError) {
        try AtomicFile.remove(Array(ReservedNames.sentinelTemporary.utf8), in: directory, disk)
        try AtomicFile.remove(Array(ReservedNames.sentinelDiscarded.utf8), in: directory, disk)
    }

    // MARK: - Install

    /// `local/` being a directory is the install predicate.
    package var isInstalled: Bool { isDirectory(ReservedNames.local) }

    package func isDirectory(_ name: String) -> Bool {
        (try? Beneath.status(directory, Array(name.utf8)))?.kind == .directory
    }

    package func exists(_ name: String) -> Bool {
        (try? Beneath.status(directory, Array(name.utf8))) != nil
    }

    /// Opens a regular file of the root for reading; nothing else, whatever the name is today.
    package func openFile(_ path: RelativePath) throws(StorageError) -> Descriptor {
        let (file, kind) = try asStorage { () throws(LinuxError) in
            let file = try Beneath.openRead(directory, path.bytes)
            return (file, try Files.status(file).kind)
        }
        guard kind == .regular else { throw .notOurs(name: Text.escaped(path.bytes)) }
        return file
    }

    package func freeBytes() throws(StorageError) -> UInt64 {
        try asStorage { () throws(LinuxError) in try Files.freeBytes(directory) }
    }

    // MARK: - Listing

    /// The files that peers exchange, in byte order of their paths. Links, devices and names that break the rules are
    /// not exchanged; a name that breaks them is left alone.
    package func exchangedFiles() throws(StorageError) -> [ExchangedFile] {
        var files: [ExchangedFile] = []
        try collect(directory, below: [], into: &files)
        return files.sorted { $0.path < $1.path }
    }

    /// Each file is asked by its name beneath its own directory, held open: a long path costs nothing then.
    private func collect(
        _ opened: Descriptor, below prefix: [UInt8], into files: inout [ExchangedFile]
    ) throws(StorageError) {
        let listing = try asStorage { () throws(LinuxError) in try Beneath.list(opened) }
        for entry in listing {
            let bytes = prefix.isEmpty ? entry.name : prefix + [UInt8(ascii: "/")] + entry.name
            guard let path = try? RelativePath(bytes), ReservedNames.isExchanged(path) else { continue }
            switch entry.kind {
            case .directory:
                let child = try unlessGone { () throws(LinuxError) in try Beneath.openDirectory(opened, entry.name) }
                if let child { try collect(child, below: bytes, into: &files) }
            case .regular:
                let status = try unlessGone { () throws(LinuxError) in try Beneath.status(opened, entry.name) }
                guard let status, status.kind == .regular else { continue }
                guard files.count < Limits.manifestFiles else { throw .tooManyFiles(game) }
                files.append(ExchangedFile(path: path, status: status))
            case .symlink, .other: continue
            }
        }
    }

    /// Nil for what is gone by now or became a link. Everything else is an error: a listing without a directory that
    /// could not be opened would be another game.
    private func unlessGone<Value>(_ body: () throws(LinuxError) -> Value) throws(StorageError) -> Value? {
        do {
            return try body()
        } catch {
            guard error.isNoEntry || error.isLoop || error.isNotDirectory else { throw StorageError(error) }
            return nil
        }
    }
}
