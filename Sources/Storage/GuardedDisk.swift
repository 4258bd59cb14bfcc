import Linux
import Synchronization

/// Whether a games directory may be written now; asked before every change beneath it.
final class WriteGate: Sendable {
    enum State {
        case open
        /// Nothing can be written there, and the error is what the disk would say.
        case readOnly(LinuxError)
        /// The daemon has left it: its disk is gone, or another directory is used.
        case left
    }

    private let state: Mutex<State>

    init(_ state: State) { self.state = Mutex(state) }

    func leave() { state.withLock { $0 = .left } }

    var isLeft: Bool {
        state.withLock { state in
            if case .left = state { true } else { false }
        }
    }

    var reason: LinuxError? {
        state.withLock { state in
            if case .readOnly(let error) = state { error } else { nil }
        }
    }

    func pass(_ call: String) throws(LinuxError) {
        let state = state.withLock { $0 }
        switch state {
        case .open: return
        // One code for both reasons: above this nobody asks whether it was the mount or the permissions.
        case .readOnly: throw LinuxError.readOnly(call)
        case .left: throw LinuxError.stale(call)
        }
    }
}

/// The disk beneath a games directory that comes and goes: once it was left, nothing is written there any more, not
/// even through a descriptor that a running operation still holds.
struct GuardedDisk: Disk {
    let disk: any Disk
    let gate: WriteGate

    func create(
        _ directory: Descriptor, _ path: [UInt8], mode: UInt32, exclusive: Bool
    ) throws(LinuxError) -> Descriptor {
        try gate.pass("openat")
        return try disk.create(directory, path, mode: mode, exclusive: exclusive)
    }

    func write(_ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(LinuxError) {
        try gate.pass("pwrite")
        try disk.write(file, bytes, at: offset)
    }

    func allocate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        try gate.pass("fallocate")
        try disk.allocate(file, bytes: bytes)
    }

    func truncate(_ file: Descriptor, bytes: UInt64) throws(LinuxError) {
        try gate.pass("ftruncate")
        try disk.truncate(file, bytes: bytes)
    }

    func setMode(_ file: Descriptor, _ mode: UInt32) throws(LinuxError) {
        try gate.pass("fchmod")
        try disk.setMode(file, mode)
    }

    func sync(_ file: Descriptor) throws(LinuxError) {
        try gate.pass("fsync")
        try disk.sync(file)
    }

    func syncFileSystem(_ file: Descriptor) throws(LinuxError) {
        try gate.pass("syncfs")
        try disk.syncFileSystem(file)
    }

    func makeDirectory(_ directory: Descriptor, _ path: [UInt8], mode: UInt32) throws(LinuxError) {
        try gate.pass("mkdirat")
        try disk.makeDirectory(directory, path, mode: mode)
    }

    func removeFile(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try gate.pass("unlinkat")
        try disk.removeFile(directory, path)
    }

    func removeDirectory(_ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try gate.pass("unlinkat")
        try disk.removeDirectory(directory, path)
    }

    func rename(
        _ directory: Descriptor, _ path: [UInt8], to newDirectory: Descriptor, _ newPath: [UInt8]
    ) throws(LinuxError) {
        try gate.pass("renameat")
        try disk.rename(directory, path, to: newDirectory, newPath)
    }

    func exchange(_ directory: Descriptor, _ one: [UInt8], _ other: [UInt8]) throws(LinuxError) {
        try gate.pass("renameat2")
        try disk.exchange(directory, one, other)
    }

    func symlink(target: [UInt8], _ directory: Descriptor, _ path: [UInt8]) throws(LinuxError) {
        try gate.pass("symlinkat")
        try disk.symlink(target: target, directory, path)
    }
}
