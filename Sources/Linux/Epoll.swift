import CLinux
import Glibc

/// One epoll instance; every call but `wait` may come from any thread.
package final class Epoll: Sendable {
    package static let readable = EPOLLIN.rawValue
    package static let writable = EPOLLOUT.rawValue
    /// Something out of turn: how /proc/self/mountinfo says that it reads differently now.
    package static let urgent = EPOLLPRI.rawValue
    /// Reported without being asked for.
    package static let hangup = EPOLLHUP.rawValue
    package static let failed = EPOLLERR.rawValue
    package static let peerClosed = EPOLLRDHUP.rawValue

    private let descriptor: Descriptor

    package init() throws(LinuxError) {
        descriptor = Descriptor(adopting: try check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    package func add(_ fd: Int32, events: UInt32, tag: UInt64) throws(LinuxError) {
        try check("epoll_ctl") { lan_epoll_ctl(descriptor.rawValue, EPOLL_CTL_ADD, fd, events, tag) }
    }

    package func modify(_ fd: Int32, events: UInt32, tag: UInt64) throws(LinuxError) {
        try check("epoll_ctl") { lan_epoll_ctl(descriptor.rawValue, EPOLL_CTL_MOD, fd, events, tag) }
    }

    package func remove(_ fd: Int32) throws(LinuxError) {
        try check("epoll_ctl") { lan_epoll_ctl(descriptor.rawValue, EPOLL_CTL_DEL, fd, 0, 0) }
    }

    /// The room that `wait` fills; its owner reuses it from turn to turn.
    package final class Events {
        fileprivate let start: UnsafeMutablePointer<epoll_event>
        fileprivate let capacity: Int

        package init(capacity: Int) {
            self.capacity = capacity
            start = .allocate(capacity: capacity)
            start.initialize(repeating: epoll_event(), count: capacity)
        }

        deinit { start.deallocate() }

        package func tag(_ index: Int) -> UInt64 {
            precondition(index < capacity)
            return lan_epoll_tag(start + index)
        }

        package func events(_ index: Int) -> UInt32 {
            precondition(index < capacity)
            return start[index].events
        }
    }

    /// How many events came within so many nanoseconds; `.max` waits for ever, a signal counts as none.
    package func wait(_ events: Events, nanoseconds: UInt64) -> Int {
        let count = lan_epoll_pwait2(descriptor.rawValue, events.start, Int32(events.capacity), nanoseconds)
        if count >= 0 { return Int(count) }
        precondition(errno == EINTR, "epoll_pwait2 failed with \(errno)")
        return 0
    }
}

/// A counter in the kernel that wakes whoever waits for its descriptor.
package final class EventCounter: Sendable {
    package let descriptor: Descriptor

    package init() throws(LinuxError) {
        let fd = try check("eventfd") { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }
        descriptor = Descriptor(adopting: fd)
    }

    /// From any thread.
    package func signal() {
        var one: UInt64 = 1
        // EAGAIN means that 2^64 - 2 signals are waiting already: the reader wakes in any case.
        Glibc.write(descriptor.rawValue, &one, MemoryLayout<UInt64>.size)
    }

    package func drain() {
        var count: UInt64 = 0
        Glibc.read(descriptor.rawValue, &count, MemoryLayout<UInt64>.size)
    }
}
