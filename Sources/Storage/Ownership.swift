import Linux
package import Model

/// The proof that one directory, as it was looked at, is ours; only `GameRoot.proveOwnership` makes one, and deletion
/// does not compile without it (I10).
package struct OwnershipProof: Sendable {
    let name: String
    let device: UInt64
    let inode: UInt64

    fileprivate init(name: String, status: FileStatus) {
        self.name = name
        device = status.device
        inode = status.inode
    }
}

/// The one line of a marker. It names the game, so that a copied directory proves nothing elsewhere.
package enum OwnershipMarker {
    package static func bytes(_ game: GameID) -> [UInt8] { Array("lanspread 1 \(game)\n".utf8) }
}

/// The directories of a game root that may be ours.
package enum ReservedDirectory: String, Sendable, CaseIterable {
    case installing = ".local.installing"
    case backup = ".local.backup"
}

extension GameRoot {
    /// Nil when there is no such directory, or neither the marker in it nor the intent beside it proves that we made
    /// it.
    package func proveOwnership(of reserved: ReservedDirectory) throws(StorageError) -> OwnershipProof? {
        let name = Array(reserved.rawValue.utf8)
        guard let status = try? Beneath.status(directory, name), status.kind == .directory else { return nil }
        let proof = OwnershipProof(name: reserved.rawValue, status: status)
        if try hasMarker(in: reserved.rawValue) { return proof }
        guard case .begun(let intent) = try self.intent() else { return nil }
        switch (intent.change, reserved) {
        case (.install, .installing), (.update, _), (.uninstall, .backup): return proof
        default: return nil
        }
    }

    /// Whether the directory carries a marker that we wrote for this game.
    package func hasMarker(in name: String) throws(StorageError) -> Bool {
        guard let opened = try? Beneath.openDirectory(directory, Array(name.utf8)) else { return false }
        do {
            let bytes = try AtomicFile.read(
                Array(ReservedNames.marker.utf8), in: opened, limit: Limits.markerBytes)
            return bytes == OwnershipMarker.bytes(game)
        } catch {
            if case .unreadable = error { return false }
            throw error
        }
    }

    /// Removes our marker from a promoted `local/`; that it is gone already is fine.
    package func removeMarkerFromLocal() throws(StorageError) {
        guard try hasMarker(in: ReservedNames.local) else { return }
        try AtomicFile.remove(Array("\(ReservedNames.local)/\(ReservedNames.marker)".utf8), in: directory, disk)
        // Before the intent goes: without one nobody would look for the marker again.
        try syncDirectory(Array(ReservedNames.local.utf8))
    }

    /// Deletes a reserved directory with all that is in it. No link is followed: each step is beneath a descriptor.
    ///
    /// - Throws: `.notOurs` when another directory stands there than the one that was proven.
    package func remove(_ proof: OwnershipProof) throws(StorageError) {
        let name = Array(proof.name.utf8)
        guard isDirectory(proof.name) else { return }
        let (tree, status) = try asStorage { () throws(LinuxError) in
            let tree = try Beneath.openDirectory(directory, name)
            return (tree, try Files.status(tree))
        }
        guard status.device == proof.device, status.inode == proof.inode else { throw .notOurs(name: proof.name) }
        let marker = Array(ReservedNames.marker.utf8)
        try asStorage { () throws(LinuxError) in try TreeRemoval(disk: disk, top: tree, last: marker).run() }
        // The marker goes last: a directory that is half deleted still proves that it is ours.
        try AtomicFile.remove(marker, in: tree, disk)
        try asStorage { () throws(LinuxError) in
            try disk.removeDirectory(directory, name)
            try disk.sync(directory)
        }
    }

    func syncDirectory(_ path: [UInt8]) throws(StorageError) {
        try asStorage { () throws(LinuxError) in try disk.sync(try Beneath.openDirectory(directory, path)) }
    }
}

/// Empties a directory of any depth with a bounded number of descriptors.
private struct TreeRemoval {
    let disk: any Disk
    let top: Descriptor
    /// An entry of the top that stays.
    let last: [UInt8]

    func run() throws(LinuxError) {
        var lifted = 0
        var before = -1
        // What lies too deep is lifted to the top, and the next round finds it there.
        while before < lifted {
            before = lifted
            try empty(top, depth: 0, &lifted)
        }
    }

    private func empty(_ directory: Descriptor, depth: Int, _ lifted: inout Int) throws(LinuxError) {
        for (name, kind) in try Beneath.list(directory) where depth > 0 || name != last {
            guard kind == .directory else {
                try disk.removeFile(directory, name)
                continue
            }
            if depth + 1 == Limits.openTreeDepth {
                try lift(name, from: directory, &lifted)
                continue
            }
            try empty(try Beneath.openDirectory(directory, name), depth: depth + 1, &lifted)
            try disk.removeDirectory(directory, name)
        }
    }

    private func lift(_ name: [UInt8], from directory: Descriptor, _ lifted: inout Int) throws(LinuxError) {
        while true {
            lifted += 1
            do {
                return try disk.rename(directory, name, to: top, Array(".lanspread_lifted.\(lifted)".utf8))
            } catch  where error.isNotEmpty {
                // A deletion that was cut off has left one of that number.
                continue
            }
        }
    }
}
