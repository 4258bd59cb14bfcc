import Linux

/// The archives of other people that lie beside the package, and the helper that unpacks them.
package enum Corpus {
    /// `LANSPREAD_ARCHIVES`, else `../shared/data/archives` beside the package; nil where neither is.
    package static let directory: String? = {
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = Machine.environment("LANSPREAD_ARCHIVES") ?? "/\(package)/../shared/data/archives"
        return (try? Files.status(atPath: path))?.kind == .directory ? path : nil
    }()

    /// Names below `valid` or `malformed`, sorted.
    package static func names(_ folder: String) -> [String] {
        guard let directory, let open = try? Files.openDirectory(atPath: "\(directory)/\(folder)"),
            let entries = try? Beneath.list(open)
        else { return [] }
        return entries.filter { $0.kind == .regular }.map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }

    package static func path(_ folder: String, _ name: String) -> String { "\(directory ?? "")/\(folder)/\(name)" }

    package static func bytes(_ folder: String, _ name: String) throws -> [UInt8] {
        try Files.readAll(try Files.openRead(atPath: path(folder, name)), limit: 1 << 20) ?? []
    }

    /// Built beside the tests.
    package static var helperPath: String { Machine.programDirectory + "/lanspread-unpack" }
}
