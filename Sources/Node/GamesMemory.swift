import Model

/// What the state remembers of games directories: which ones were used, by path and id, and which one was chosen while
/// the daemon ran.
///
/// An empty mount point looks like a new directory; only this knows better.
struct GamesMemory: Hashable, Sendable {
    private struct Known: Hashable {
        let path: String
        let id: String
    }

    /// The one used last at the end, at most `Limits.gamesDirectories`.
    private var known: [Known] = []
    /// What the configuration said when another directory was chosen; a configuration that says something else since
    /// then counts again.
    private var configured: String?
    private var chosen: String?

    init() {}

    /// What cannot be read counts as nothing; an earlier version wrote the id of one directory, a blank, and its path.
    init(saved: String) {
        guard saved.hasPrefix("{") else {
            let parts = saved.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { known = [Known(path: String(parts[1]), id: String(parts[0]))] }
            return
        }
        let value = try? JSON.decode(JSONValue.self, from: Array(saved.utf8), limit: GamesMemory.savedBytes)
        known = (value?["known"]?.array ?? []).compactMap { row in
            guard let path = row["path"]?.string, let id = row["id"]?.string else { return nil }
            return Known(path: path, id: id)
        }
        configured = value?["configured"]?.string
        chosen = value?["chosen"]?.string
    }

    /// Sixteen of the longest paths, each byte escaped.
    private static let savedBytes = 1 << 20

    var text: String {
        let value: JSONValue = [
            "known": .array(known.map { ["path": .string($0.path), "id": .string($0.id)] }),
            "configured": .optional(configured), "chosen": .optional(chosen),
        ]
        return String(decoding: JSON.encode(value), as: UTF8.self)
    }

    func id(of path: String) -> String? { known.last { $0.path == path }?.id }
    var ids: [String] { known.map(\.id) }

    /// The path to use, where the configuration says `path`.
    func choice(configured path: String) -> String { configured == path ? chosen ?? path : path }

    mutating func remember(_ path: String, id: String) {
        known.removeAll { $0.path == path }
        known.append(Known(path: path, id: id))
        if known.count > Limits.gamesDirectories { known.removeFirst() }
    }

    mutating func choose(_ path: String, configured: String) {
        self.configured = configured
        chosen = path == configured ? nil : path
    }
}
