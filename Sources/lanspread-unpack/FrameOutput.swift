import Glibc
import Linux
import Model
import Unpack

/// Frames on their way to the daemon, gathered so that a thousand small files cost few writes.
///
/// When nobody reads any more the process ends: there is nobody left to tell.
struct FrameOutput {
    private let descriptor: Descriptor
    private var waiting: [UInt8] = []
    private(set) var entries: UInt64 = 0
    private(set) var bytes: UInt64 = 0

    init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        waiting.reserveCapacity(2 * Limits.helperFrameBytes)
    }

    mutating func begin(_ frame: [UInt8]) {
        entries += 1
        append(frame)
    }

    mutating func data(_ run: UnsafeRawBufferPointer) {
        bytes += UInt64(run.count)
        var rest = run[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Limits.helperFrameBytes)
            rest = rest.dropFirst(piece.count)
            waiting += FrameCodec.dataHeader(count: piece.count)
            waiting += piece
            flushIfLong()
        }
    }

    mutating func append(_ frame: [UInt8]) {
        waiting += frame
        flushIfLong()
    }

    private mutating func flushIfLong() {
        if waiting.count >= Limits.helperFrameBytes { flush() }
    }

    mutating func flush() {
        var done = 0
        while done < waiting.count {
            done += waiting.withUnsafeBytes { all in
                do throws(LinuxError) {
                    guard let count = try descriptor.write(UnsafeRawBufferPointer(rebasing: all[done...])) else {
                        exit(HelperStatus.nobodyListens)
                    }
                    return count
                } catch {
                    exit(HelperStatus.nobodyListens)
                }
            }
        }
        waiting.removeAll(keepingCapacity: true)
    }
}
