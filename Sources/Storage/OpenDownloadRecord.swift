import Linux
import Synchronization

/// The record of a running download: one byte of it is written in place whenever a chunk has landed.
///
/// No sync: the kernel keeps the bytes when the process is killed, and after a power loss the bits are hints like all
/// others. So a killed download loses nothing, and landing never waits for the disk's cache.
package final class OpenDownloadRecord: Sendable {
    private let bits: Mutex<[UInt8]>
    /// Where the bits begin.
    private let offset: UInt64
    private let file: Descriptor
    private let disk: any Disk

    init(bits: [UInt8], offset: UInt64, file: Descriptor, disk: any Disk) {
        self.bits = Mutex(bits)
        self.offset = offset
        self.file = file
        self.disk = disk
    }

    /// After the chunk's bytes were written, never before.
    package func note(_ chunk: Int) throws(StorageError) {
        // Written under the lock: two chunks of one byte must not overwrite each other's bit.
        try write { bits in
            bits[chunk / 8] |= 1 << (chunk % 8)
            return chunk / 8..<chunk / 8 + 1
        }
    }

    /// Takes all hints back. After a failed sync the files may read well from memory and yet never reach the disk, so
    /// nothing that was written before may be believed.
    package func distrust() throws(StorageError) {
        try write { bits in
            bits = [UInt8](repeating: 0, count: bits.count)
            return bits.indices
        }
    }

    private func write(_ change: (inout [UInt8]) -> Range<Int>) throws(StorageError) {
        let result: Result<Void, StorageError> = bits.withLock { bits in
            let range = change(&bits)
            return bits.withUnsafeBytes { buffer in
                Result { () throws(StorageError) in
                    try asStorage { () throws(LinuxError) in
                        let changed = UnsafeRawBufferPointer(rebasing: buffer[range])
                        try disk.write(file, changed, at: offset + UInt64(range.lowerBound))
                    }
                }
            }
        }
        try result.get()
    }
}
