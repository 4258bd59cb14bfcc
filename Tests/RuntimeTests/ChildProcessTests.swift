import Glibc
import Linux
import Runtime
import TestKit
import Testing

@Suite struct `A child process` {
    /// All that comes through a pipe until its end.
    private func readAll(_ end: Descriptor, on loop: EventLoop) async throws -> String {
        try end.setNonblocking(true)
        let readiness = Readiness(end, on: loop)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            guard let count = try buffer.withUnsafeMutableBytes({ try end.read(into: $0) }) else {
                try await readiness.readable()
                continue
            }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer.prefix(count)
        }
    }

    @Test func `gets its arguments, its environment and its descriptors, and no others`() async throws {
        try await within {
            let loop = try EventLoop()
            // As a C library leaves it that forgot close-on-exec.
            let leaked = Descriptor(adopting: dup(2))
            let (read, write) = try Descriptor.pipe()
            let null = try Files.openRead(atPath: "/dev/null")
            let child = try ChildProcess.spawn(
                "/bin/sh", arguments: ["-c", "echo $0 $1 $A; ls /proc/self/fd | tr '\\n' ' '", "x", "y z"],
                environment: ["A=b", "PATH=/usr/bin:/bin"], descriptors: [null, write, write], on: loop)
            let wrote = write.rawValue
            _ = consume write
            #expect(wrote > 2 && leaked.rawValue > 2)
            #expect(await child.wait() == .exited(status: 0))
            #expect(child.exitStatus == .exited(status: 0))
            // 3 is the directory that ls itself reads.
            #expect(try await readAll(read, on: loop) == "x y z b\n0 1 2 3 ")
            loop.stop()
        }
    }

    @Test func `tells its exit status and its signal`() async throws {
        try await within {
            let loop = try EventLoop()
            let null = try Files.openRead(atPath: "/dev/null")
            let seven = try ChildProcess.spawn("/bin/sh", arguments: ["-c", "exit 7"], descriptors: [null], on: loop)
            #expect(await seven.wait() == .exited(status: 7))
            #expect(await seven.wait() == .exited(status: 7))
            let sleeper = try ChildProcess.spawn("/bin/sleep", arguments: ["60"], descriptors: [null], on: loop)
            #expect(sleeper.exitStatus == nil)
            sleeper.terminate()
            #expect(await sleeper.wait() == .signalled(15))
            sleeper.kill()
            loop.stop()
        }
    }

    @Test func `is an error when there is no such program`() throws {
        let loop = try EventLoop()
        let null = try Files.openRead(atPath: "/dev/null")
        #expect(throws: LinuxError(call: "posix_spawn", code: 2)) {
            try ChildProcess.spawn("/nowhere/at/all", descriptors: [null], on: loop)
        }
        loop.stop()
    }

    @Test func `is killed with its group when its waiter is cancelled`() async throws {
        try await within {
            let loop = try EventLoop()
            let (read, write) = try Descriptor.pipe()
            let null = try Files.openRead(atPath: "/dev/null")
            // The grandchild holds the pipe: its end is the proof that it is gone as well.
            let child = try ChildProcess.spawn(
                "/bin/sh", arguments: ["-c", "/bin/sleep 60 & echo started; wait"], descriptors: [null, write],
                on: loop)
            _ = consume write
            try read.setNonblocking(true)
            try await Readiness(read, on: loop).readable()
            let ending = await withTaskGroup(of: ChildProcess.ExitStatus.self) { group in
                group.addTask { await child.wait() }
                group.cancelAll()
                return await group.next()
            }
            #expect(ending == .signalled(9))
            #expect(try await readAll(read, on: loop) == "started\n")
            loop.stop()
        }
    }

    @Test func `leaves no zombie when nobody waits`() async throws {
        try await within {
            let loop = try EventLoop()
            let null = try Files.openRead(atPath: "/dev/null")
            let (read, write) = try Descriptor.pipe()
            var pid: Int32 = 0
            do {
                let child = try ChildProcess.spawn(
                    "/bin/sleep", arguments: ["60"], descriptors: [null, write], on: loop)
                pid = child.pid
            }
            _ = consume write
            #expect(try await readAll(read, on: loop) == "")
            // The pipe ends when the process dies; it is reaped by a turn of the loop after that.
            while (try? Files.status(atPath: "/proc/\(pid)")) != nil { await Task.yield() }
            loop.stop()
        }
    }
}
