package import Linux

/// The seam beneath which every change of the disk goes: the machine's own file system, or one with bad days in a test.
///
/// Synchronous, called on disk threads only. A failed `sync` is never repeated: the kernel may have dropped the pages.
package protocol Disk: Sendable {
    func create(_ directory: Descriptor, _ path: [UInt8], mode: UInt32, exclusive: Bool) throws(LinuxError)
        -> Descriptor
    func write(_ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(LinuxError)
    func allocate(_ file: Descriptor, bytes: UInt64) throws(LinuxError)
    func truncate(_ file: Descriptor, bytes: UInt64) throws(LinuxError)
    func setMode(_ file: Descriptor, _ mode: UInt32) throws(LinuxError)
    func sync(_ file: Descriptor) throws(LinuxError)
    func syncFileSystem(_ file: Descriptor) throws(LinuxError)
    func makeDirectory(_ directory: Descriptor, _ path: [UInt8], mode: UInt32) throws(LinuxError)
    func removeFile(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError)
    func removeDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError)
    func rename(
        _ directory: Descriptor, _ path: [UInt8], to newDirectory: Descriptor, _ newPath: [UInt8]
    ) throws(LinuxError)
    func exchange(_ directory: Descriptor, _ one: [UInt8], _ other: [UInt8]) throws(LinuxError)
    func symlink(target: [UInt8], _ directory: Descriptor, _ path: [UInt8]) throws(LinuxError)
}

extension Disk {
    func rename(_ directory: Descriptor, _ path: [UInt8], to newPath: [UInt8]) throws(LinuxError) {
        try rename(directory, path, to: directory, newPath)
    }
}

/// The machine's own file system.
package struct RealDisk: Disk {
    package init() {}

    package func create(
        _ directory: Descriptor, _ path: [UInt8], mode: UInt32, exclusive: Bool
    ) throws(LinuxError) -> Descriptor {
        try Beneath.create(directory, path, mode: mode, exclusive: exclusive)
    }

    package func write(
        _ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(LinuxError) {
        try Files.writeFully(file, bytes, at: offset)
    }

    package func allocate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        try Files.allocate(file, bytes: bytes)
    }

    package func truncate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) { try Files.truncate(file, bytes) }
    package func setMode(_ file: Descriptor, _ mode: UInt32) throws(LinuxError) { try Files.setMode(file, mode) }
    package func sync(_ file: Descriptor) throws(LinuxError) { try Files.sync(file) }
    package func syncFileSystem(_ file: Descriptor) throws(LinuxError) { try Files.syncFileSystem(file) }

    package func makeDirectory(_ directory: Descriptor, _ path: [UInt8], mode: UInt32) throws(LinuxError) {
        try Beneath.makeDirectory(directory, path, mode: mode)
    }

    package func removeFile(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try Beneath.removeFile(directory, path)
    }

    package func removeDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try Beneath.removeDirectory(directory, path)
    }

    package func rename(
        _ directory: Descriptor, _ path: [UInt8], to newDirectory: Descriptor, _ newPath: [UInt8]
    ) throws(LinuxError) {
        try Beneath.rename(from: directory, path, to: newDirectory, newPath)
    }

    package func exchange(_ directory: Descriptor, _ one: [UInt8], _ other: [UInt8]) throws(LinuxError) {
        try Beneath.exchange(directory, one, other)
    }

    package func symlink(target: [UInt8], _ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try Beneath.symlink(target: target, directory, path)
    }
}
