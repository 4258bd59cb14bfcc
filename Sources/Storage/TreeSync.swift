package import Linux
package import Model

/// Makes a tree durable: its bytes and its names.
package enum TreeSync {
    package struct Contents: Sendable {
        package var files: [[UInt8]] = []
        /// The empty path is the tree itself.
        package var directories: [[UInt8]] = []

        package init() {}

        /// The files at these paths, and the directories that lead to them.
        package init(paths: some Sequence<RelativePath>) {
            var seen: Set<[UInt8]> = [[]]
            for path in paths {
                files.append(path.bytes)
                var parent = path.parent
                while let directory = parent, seen.insert(directory.bytes).inserted { parent = directory.parent }
            }
            directories = Array(seen)
        }
    }

    /// - Parameter contents: nil for many. Then one call syncs the whole file system, names included: it costs less
    ///   than thousands that each wait for the disk, but it also waits for what others have written.
    package static func run(
        _ contents: Contents?, in directory: Descriptor, _ disk: any Disk
    ) throws(LinuxError) {
        guard let contents else {
            // The descriptor was opened before the writes, so it hears of every page that could not be written.
            return try disk.syncFileSystem(directory)
        }
        for path in contents.files { try disk.sync(try Beneath.openRead(directory, path)) }
        for path in contents.directories { try disk.sync(try Beneath.openDirectory(directory, path)) }
    }
}
