import Linux

/// The socket's name in the file system, so that we remove it at the end only while it is still ours.
struct SocketFile {
    private let directory: Descriptor
    private let name: [UInt8]
    private let inode: UInt64

    /// The group may talk to the daemon, others may not.
    private static let mode: UInt32 = 0o660

    static func listen(_ path: String) throws(ControlServerError) -> Descriptor {
        do {
            return try UnixSocket.listen(path: path, mode: mode)
        } catch let error where error.isAddressInUse {
            throw .alreadyRunning(path: path)
        } catch {
            throw .cannotListen(path: path, error)
        }
    }

    /// Nil when the file is gone already.
    init?(_ path: String) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let parent = slash.map { String(path[..<$0]) } ?? "."
        name = Array(slash.map { path[path.index(after: $0)...] } ?? path[...]).flatMap { Array($0.utf8) }
        do {
            directory = try Files.openDirectory(atPath: parent.isEmpty ? "/" : parent)
            inode = try Beneath.status(directory, name).inode
        } catch {
            return nil
        }
    }

    func remove() {
        do {
            guard try Beneath.status(directory, name).inode == inode else { return }
            try Beneath.removeFile(directory, name)
        } catch {
            // Somebody removed it first, or the directory is read-only: a dead file is replaced at the next start.
            return
        }
    }
}
