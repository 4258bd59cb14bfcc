package import Linux
import Runtime

/// A directory of one test; it goes with the last reference.
package final class TemporaryDirectory: Sendable {
    package let path: String
    package let descriptor: Descriptor

    /// - Parameter base: nil for where temporary files belong; "/dev/shm" for a test that does nothing but write.
    package init(in base: String? = nil) throws {
        let base = base ?? Machine.environment("TMPDIR") ?? "/tmp"
        path = base + "/lanspread-test-" + String(RandomSource.system.uint64(), radix: 36)
        try Files.makeDirectory(atPath: path, mode: 0o700)
        descriptor = try Files.openDirectory(atPath: path)
    }

    deinit {
        // What is left behind costs only space in a temporary directory.
        try? Self.empty(descriptor)
        try? Files.removeDirectory(atPath: path)
    }

    /// Writes a file, with the directories above it.
    @discardableResult
    package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        var parent: [UInt8] = []
        for part in name.utf8.split(separator: UInt8(ascii: "/")).dropLast() {
            parent += (parent.isEmpty ? [] : [UInt8(ascii: "/")]) + part
            try makeDirectory(parent)
        }
        let file = try Beneath.create(descriptor, Array(name.utf8), mode: 0o644, exclusive: false)
        try Files.truncate(file, 0)
        let bytes = Array(bytes)
        try bytes.withUnsafeBytes { try Files.writeFully(file, $0, at: 0) }
        return path + "/" + name
    }

    private func makeDirectory(_ path: [UInt8]) throws {
        do {
            try Beneath.makeDirectory(descriptor, path)
        } catch {
            guard error.isExists else { throw error }
        }
    }

    package func read(_ name: String) throws -> [UInt8]? {
        try Files.readAll(try Beneath.openRead(descriptor, Array(name.utf8)), limit: 1 << 30)
    }

    package func exists(_ name: String) -> Bool {
        (try? Beneath.status(descriptor, Array(name.utf8))) != nil
    }

    /// All paths beneath, sorted; directories end with a "/".
    package func tree() throws -> [String] {
        try Self.tree(descriptor, "").sorted()
    }

    private static func tree(_ directory: Descriptor, _ prefix: String) throws -> [String] {
        var paths: [String] = []
        for entry in try Beneath.list(directory) {
            let path = prefix + String(decoding: entry.name, as: UTF8.self)
            if entry.kind == .directory {
                paths.append(path + "/")
                paths += try tree(try Beneath.openDirectory(directory, entry.name), path + "/")
            } else {
                paths.append(path)
            }
        }
        return paths
    }

    private static func empty(_ directory: Descriptor) throws {
        for entry in try Beneath.list(directory) {
            if entry.kind == .directory {
                try empty(try Beneath.openDirectory(directory, entry.name))
                try Beneath.removeDirectory(directory, entry.name)
            } else {
                try Beneath.removeFile(directory, entry.name)
            }
        }
    }
}
