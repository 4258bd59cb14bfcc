import Glibc
import Testing

@testable import Linux

@Suite struct `A signal descriptor` {
    @Test func `reads the signals that its thread blocks`() throws {
        let seen = Locked<[Int32?]>([])
        let thread = try KernelThread("signals") {
            do {
                let signals = try SignalDescriptor([SIGUSR1, SIGUSR2])
                seen.withLock { $0.append(nil) }
                pthread_kill(pthread_self(), SIGUSR2)
                let first = try signals.next()
                let second = try signals.next()
                seen.withLock { $0 += [first, second] }
            } catch {
                Issue.record(error)
            }
        }
        thread.join()
        #expect(seen.withLock { $0 } == [nil, SIGUSR2, nil])
    }
}

@Suite struct `A descriptor` {
    @Test func `is closed with its last reference`() throws {
        var pipe = try Descriptor.pipe() as (read: Descriptor, write: Descriptor)?
        let read = try #require(pipe?.read)
        var copy = try pipe?.write.duplicate(minimum: 50)
        #expect((copy?.rawValue ?? 0) >= 50)
        try read.setNonblocking(true)
        pipe = nil
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == nil)
        copy = nil
        #expect(try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == 0)
    }

    @Test func `does not reach a child by accident`() throws {
        let (read, write) = try Descriptor.pipe()
        #expect(fcntl(read.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(write.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        let copy = try write.duplicate()
        #expect(fcntl(copy.rawValue, F_GETFD) & FD_CLOEXEC != 0)
        // A descriptor that was closed too early gives -1, which has every flag.
        #expect(fcntl(copy.rawValue, F_GETFD) >= 0)
    }
}

@Suite struct `A spawned process` {
    @Test func `has its descriptors copied away from the numbers that they get`() throws {
        let null = try Files.openRead(atPath: "/dev/null")
        let copies = try Spawn.aboveTargets(Array(repeating: null, count: 300))
        #expect(copies.allSatisfy { $0.rawValue >= 300 })
    }

    @Test func `gets the descriptors in their order`() throws {
        let (read, write) = try Descriptor.pipe()
        let null = try Files.openRead(atPath: "/dev/null")
        let process = try Spawn.start(
            "/bin/sh", arguments: ["-c", "echo a >&3; echo b >&4"], environment: [],
            descriptors: [null, null, null, write, write])
        while try Spawn.reap(process) == nil { _ = try process.pidDescriptor.waitReadable(milliseconds: 5_000) }
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == 4)
        #expect(Array(buffer.prefix(4)) == Array("a\nb\n".utf8))
        // After the reaping both are without effect.
        try Spawn.signal(process, SIGKILL)
    }
}
