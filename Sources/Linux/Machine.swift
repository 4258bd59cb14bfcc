import CLinux
import Glibc

/// Small questions to the kernel that need no descriptor.
package enum Machine {
    /// CLOCK_MONOTONIC in nanoseconds.
    package static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        // It cannot fail: the clock exists and the pointer is good.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Seconds since 1970, for records that people read; it can jump.
    package static func wallClockSeconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }

    /// Fills the buffer from the kernel's generator.
    package static func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) {
        var done = 0
        while done < buffer.count {
            let count = getrandom(buffer.baseAddress.map { $0 + done }, buffer.count - done, 0)
            if count > 0 { done += count }
            precondition(count > 0 || errno == EINTR, "getrandom failed with \(errno)")
        }
    }

    /// As `top -H` shows it; 15 bytes at most.
    package static func nameThread(_ name: String) {
        let short = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        short.withCString { text in
            _ = lan_prctl(PR_SET_NAME, UInt(bitPattern: text))
        }
    }

    /// Whether this thread's disk accesses wait for everybody else's. Without the right to it, nothing changes.
    package static func setIdleDiskPriority(_ isIdle: Bool) {
        // linux/ioprio.h: the class stands above bit 13; 3 is idle, 0 goes back to what the nice value gives.
        _ = lan_ioprio_set(isIdle ? 3 << 13 : 0)
    }

    package static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }

    package static var processID: Int32 { getpid() }
    package static var userID: UInt32 { getuid() }

    /// Empty when the kernel does not say.
    package static var hostName: String {
        var buffer = [CChar](repeating: 0, count: Int(HOST_NAME_MAX) + 1)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The directory of the running program's file.
    package static var programDirectory: String {
        let path = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let count = readlink("/proc/self/exe", start, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// Ends the process; nothing that waits for its end is told.
    package static func exit(_ status: Int32) -> Never {
        Glibc.exit(status)
    }
    package static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}

/// A counter to wait on, for threads that have nothing else to do.
package final class Semaphore: @unchecked Sendable {
    /// A `sem_t` must stay where it was made; every use of it is safe from any thread.
    private let raw: UnsafeMutablePointer<sem_t>

    package init() {
        raw = .allocate(capacity: 1)
        raw.initialize(to: sem_t())
        sem_init(raw, 0, 0)
    }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    package func signal() {
        sem_post(raw)
    }

    package func wait() {
        while sem_wait(raw) != 0 {
            precondition(errno == EINTR, "sem_wait failed with \(errno)")
        }
    }
}

/// A kernel thread; it ends when its body returns.
package final class KernelThread: Sendable {
    private let handle: pthread_t

    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// - Parameter body: must not be ended from outside; nothing cancels a thread.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(LinuxError) {
        var made: pthread_t = 0
        let start = Unmanaged.passRetained(Start(name, body))
        let code = pthread_create(
            &made, nil,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                Machine.nameThread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        if code != 0 {
            start.release()
            throw LinuxError(call: "pthread_create", code: code)
        }
        handle = made
    }

    /// Never the same for two living threads, never 0.
    package static var current: UInt { UInt(pthread_self()) }

    /// Waits for the end of the thread; once, or `detach` instead.
    package func join() {
        pthread_join(handle, nil)
    }

    package func detach() {
        pthread_detach(handle)
    }
}
