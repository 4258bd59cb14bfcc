import Linux
import Model

/// The proof that a reserved directory is ours; only `GameRoot.proveOwnership` makes one, and deletion does not compile
/// without it (I10).
package struct OwnershipProof: Sendable {
    let name: String

    fileprivate init(name: String) { self.name = name }
}

/// The directories of a game root that may be ours.
package enum ReservedDirectory: String, Sendable, CaseIterable {
    case installing = ".local.installing"
    case backup = ".local.backup"
}

extension GameRoot {
    /// Nil when neither the marker in it nor the intent beside it proves that we made the directory.
    package func proveOwnership(of reserved: ReservedDirectory) throws(StorageError) -> OwnershipProof? {
        let marker = "\(reserved.rawValue)/\(ReservedNames.marker)"
        if let status = try? Beneath.status(directory, Array(marker.utf8)), status.kind == .regular {
            return OwnershipProof(name: reserved.rawValue)
        }
        guard case .begun(let intent) = try self.intent() else { return nil }
        switch (intent.change, reserved) {
        case (.install, .installing), (.update, _), (.uninstall, .backup): return OwnershipProof(name: reserved.rawValue)
        default: return nil
        }
    }

    /// Removes the marker from a promoted `local/`; that it is gone already is fine.
    package func removeMarkerFromLocal() throws(StorageError) {
        let name = Array("\(ReservedNames.local)/\(ReservedNames.marker)".utf8)
        guard (try? Beneath.status(directory, name)) != nil else { return }
        try AtomicFile.remove(name, in: directory, disk)
        try syncDirectory(Array(ReservedNames.local.utf8))
    }

    /// Deletes a reserved directory with all that is in it. No link is followed: each step is beneath a descriptor.
    package func remove(_ proof: OwnershipProof) throws(StorageError) {
        guard isDirectory(proof.name) else { return }
        let name = Array(proof.name.utf8)
        try empty(name, depth: 0)
        try asStorage { () throws(LinuxError) in
            try disk.removeDirectory(directory, name)
            try disk.sync(directory)
        }
    }

    /// The marker goes last: a directory that is half deleted still proves that it is ours.
    private func empty(_ path: [UInt8], depth: Int) throws(StorageError) {
        let marker = Array(ReservedNames.marker.utf8)
        let listing = try asStorage { () throws(LinuxError) in
            try Beneath.list(try Beneath.openDirectory(directory, path))
        }
        for entry in listing.sorted(by: { $1.name == marker && $0.name != marker }) {
            let child = path + [UInt8(ascii: "/")] + entry.name
            if entry.kind == .directory {
                guard depth < Limits.pathDepth else { throw .notOurs(name: Text.escaped(child)) }
                try empty(child, depth: depth + 1)
                try asStorage { () throws(LinuxError) in try disk.removeDirectory(directory, child) }
            } else {
                try AtomicFile.remove(child, in: directory, disk)
            }
        }
    }

    func syncDirectory(_ path: [UInt8]) throws(StorageError) {
        try asStorage { () throws(LinuxError) in try disk.sync(try Beneath.openDirectory(directory, path)) }
    }
}
