import Linux
import Model
import Storage

/// The file in a game's directory that is unpacked: `<id>.eti`, however its letters are written.
enum Package: Sendable {
    case found(Descriptor, size: UInt64)
    case missing
    case ambiguous

    /// The exact name wins; else the one name that a Windows disk would take for it.
    static func find(in root: GameRoot) throws(StorageError) -> Package {
        let wanted = "\(root.game.text).eti"
        let names = try names(in: root).filter { String(decoding: $0, as: UTF8.self).lowercased() == wanted }
        let exact = Array(wanted.utf8)
        guard let name = names.contains(exact) ? exact : names.first else { return .missing }
        guard name == exact || names.count == 1 else { return .ambiguous }
        do throws(LinuxError) {
            let file = try Beneath.openRead(root.directory, name)
            Files.willReadOnce(file)
            return .found(file, size: try Files.status(file).size)
        } catch {
            throw StorageError(error)
        }
    }

    private static func names(in root: GameRoot) throws(StorageError) -> [[UInt8]] {
        do throws(LinuxError) {
            return try Beneath.list(root.directory).filter { $0.kind == .regular }.map(\.name)
        } catch {
            throw StorageError(error)
        }
    }

    func get(for game: GameID) throws(InstallError) -> (archive: Descriptor, size: UInt64) {
        switch self {
        case .found(let archive, let size): return (archive, size)
        case .missing: throw .archiveMissing(game)
        case .ambiguous: throw .archiveAmbiguous(game)
        }
    }
}
