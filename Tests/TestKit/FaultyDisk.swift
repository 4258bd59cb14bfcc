import Glibc
package import Linux
import Storage
import Synchronization

/// The real disk with bad days: every mutating call is recorded, and any of them can fail or be the last one.
///
/// Syncs are only recorded: a test has no power to lose, and a real one waits for whatever else the machine writes.
package final class FaultyDisk: Disk {
    /// One mutating call, with the path as the kernel knows it.
    package struct Call: Sendable, Hashable, CustomStringConvertible {
        package enum Name: String, Sendable {
            case create, write, allocate, truncate, setMode, sync, syncFileSystem, makeDirectory, removeFile
            case removeDirectory, rename, exchange, symlink
        }

        package let name: Name
        package let path: String
        /// The new path of a rename, the other one of an exchange.
        package let newPath: String?

        package var description: String { "\(name.rawValue) \(path)\(newPath.map { " → \($0)" } ?? "")" }
    }

    private let real = RealDisk()
    private let calls = Mutex<[Call]>([])
    private let fault: @Sendable (Call, Int) -> LinuxError?
    private let names: Descriptor

    /// - Parameter fault: asked before each call, with its number from 0; an error is thrown instead of the call.
    package init(fault: @escaping @Sendable (Call, Int) -> LinuxError? = { _, _ in nil }) throws {
        self.fault = fault
        names = try Files.openDirectory(atPath: "/proc/self/fd")
    }

    /// A process that is killed before the call of this number: no later call does anything, clean-up included.
    package static func dying(before number: Int) throws -> FaultyDisk {
        try FaultyDisk { call, index in index >= number ? LinuxError(call: call.name.rawValue, code: EIO) : nil }
    }

    /// Fails the calls that `matches` picks, once and for ever.
    package static func failing(
        with code: Int32, where matches: @escaping @Sendable (Call) -> Bool
    ) throws -> FaultyDisk {
        try FaultyDisk { call, _ in matches(call) ? LinuxError(call: call.name.rawValue, code: code) : nil }
    }

    package var trace: [Call] { calls.withLock { $0 } }

    private func begin(_ call: Call) throws(LinuxError) {
        let number = calls.withLock { calls in
            calls.append(call)
            return calls.count - 1
        }
        if let error = fault(call, number) { throw error }
    }

    private func path(_ descriptor: Descriptor, _ below: [UInt8] = []) -> String {
        let bytes = (try? Beneath.linkTarget(names, Array("\(descriptor.rawValue)".utf8))) ?? []
        let base = String(decoding: bytes, as: UTF8.self)
        return below.isEmpty ? base : base + "/" + String(decoding: below, as: UTF8.self)
    }

    private func call(
        _ name: Call.Name, _ descriptor: Descriptor, _ below: [UInt8] = [], to newPath: String? = nil
    ) throws(LinuxError) {
        try begin(Call(name: name, path: path(descriptor, below), newPath: newPath))
    }

    // MARK: - Disk

    package func create(
        _ directory: Descriptor, _ path: [UInt8], mode: UInt32, exclusive: Bool
    ) throws(LinuxError) -> Descriptor {
        try call(.create, directory, path)
        return try real.create(directory, path, mode: mode, exclusive: exclusive)
    }

    package func write(
        _ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(LinuxError) {
        try call(.write, file)
        try real.write(file, bytes, at: offset)
    }

    package func allocate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        try call(.allocate, file)
        try real.allocate(file, bytes: bytes)
    }

    package func truncate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        try call(.truncate, file)
        try real.truncate(file, bytes: bytes)
    }

    package func setMode(_ file: Descriptor, _ mode: UInt32) throws(LinuxError) {
        try call(.setMode, file)
        try real.setMode(file, mode)
    }

    package func sync(_ file: Descriptor) throws(LinuxError) {
        try call(.sync, file)
    }

    package func syncFileSystem(_ file: Descriptor) throws(LinuxError) {
        try call(.syncFileSystem, file)
    }

    package func makeDirectory(_ directory: Descriptor, _ path: [UInt8], mode: UInt32) throws(LinuxError) {
        try call(.makeDirectory, directory, path)
        try real.makeDirectory(directory, path, mode: mode)
    }

    package func removeFile(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try call(.removeFile, directory, path)
        try real.removeFile(directory, path)
    }

    package func removeDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try call(.removeDirectory, directory, path)
        try real.removeDirectory(directory, path)
    }

    package func rename(
        _ directory: Descriptor, _ path: [UInt8], to newDirectory: Descriptor, _ newPath: [UInt8]
    ) throws(LinuxError) {
        try call(.rename, directory, path, to: self.path(newDirectory, newPath))
        try real.rename(directory, path, to: newDirectory, newPath)
    }

    package func exchange(_ directory: Descriptor, _ one: [UInt8], _ other: [UInt8]) throws(LinuxError) {
        try call(.exchange, directory, one, to: path(directory, other))
        try real.exchange(directory, one, other)
    }

    package func symlink(target: [UInt8], _ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try call(.symlink, directory, path)
        try real.symlink(target: target, directory, path)
    }
}

extension [FaultyDisk.Call] {
    /// What a power loss after the last of these calls could still take away, in the weakest order that is legal: bytes
    /// of files and entries of directories whose sync did not come after them.
    package var volatilePaths: Set<String> {
        var volatile: Set<String> = []
        func parent(_ path: String) -> String {
            String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        }
        for call in self {
            switch call.name {
            case .write, .allocate, .truncate, .setMode: volatile.insert(call.path)
            case .sync: volatile.remove(call.path)
            case .syncFileSystem: volatile.removeAll()
            case .create, .makeDirectory, .symlink:
                volatile.insert(call.path)
                volatile.insert(parent(call.path))
            case .removeFile, .removeDirectory:
                volatile.remove(call.path)
                volatile.insert(parent(call.path))
            case .rename, .exchange:
                volatile.insert(parent(call.path))
                if let newPath = call.newPath {
                    volatile.insert(parent(newPath))
                    if volatile.remove(call.path) != nil { volatile.insert(newPath) }
                }
            }
        }
        return volatile
    }
}
