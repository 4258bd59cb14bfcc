import CAvahi
import Glibc
import Runtime

/// Avahi's timeouts, as one timer of the loop.
final class AvahiTimer: EventSource {
    private let loop: EventLoop
    private let settle: () -> Void
    private var registration: Int?
    private var timeouts: [PollTimeout] = []

    init(loop: EventLoop, settle: @escaping () -> Void) {
        self.loop = loop
        self.settle = settle
        registration = loop.register(self, fd: -1, events: 0)
    }

    var deadline: UInt64 { timeouts.reduce(UInt64.max) { min($0, $1.deadline) } }
    func ready(_ events: UInt32) {}
    func flush(_ now: UInt64) -> Bool { false }

    func fire(_ now: UInt64) {
        for timeout in timeouts where timeout.deadline <= now { timeout.call() }
        settle()
    }

    func add(_ timeout: PollTimeout) {
        timeouts.append(timeout)
        changed()
    }

    func remove(_ timeout: PollTimeout) {
        timeouts.removeAll { $0 === timeout }
        changed()
    }

    /// The loop reads a deadline again only when it is told to.
    func changed() {
        if let registration { loop.mark(registration) }
    }

    func close() {
        guard let registration else { return }
        loop.unregister(registration, fd: -1)
        self.registration = nil
    }
}

/// One timeout. Avahi holds one reference until it frees it.
final class PollTimeout {
    /// Monotonic nanoseconds; `.max` while it is disabled.
    var deadline = UInt64.max { didSet { timer?.changed() } }
    private var isFree = false
    private let callback: AvahiTimeoutCallback
    private let userdata: UnsafeMutableRawPointer?
    private weak var timer: AvahiTimer?

    init(timer: AvahiTimer, callback: @escaping AvahiTimeoutCallback, userdata: UnsafeMutableRawPointer?) {
        self.timer = timer
        self.callback = callback
        self.userdata = userdata
    }

    static func of(_ pointer: OpaquePointer) -> PollTimeout {
        Unmanaged<PollTimeout>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    /// Avahi counts in wall-clock time; only the distance from now is taken of it, so a clock that is set later does
    /// not move a timeout that is running.
    static func deadline(of moment: UnsafePointer<timeval>?) -> UInt64 {
        guard let moment = moment?.pointee else { return .max }
        var wall = timeval()
        gettimeofday(&wall, nil)
        let seconds = Int64(moment.tv_sec) - Int64(wall.tv_sec)
        let microseconds = min(max(seconds, -1), 3_600) * 1_000_000 + Int64(moment.tv_usec) - Int64(wall.tv_usec)
        return MonotonicTime().now.nanoseconds + UInt64(max(microseconds, 0)) * 1_000
    }

    func free() {
        isFree = true
        timer?.remove(self)
    }

    func call() {
        guard !isFree else { return }
        deadline = .max
        callback(OpaquePointer(Unmanaged.passUnretained(self).toOpaque()), userdata)
    }
}
