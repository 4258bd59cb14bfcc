import CAvahi
import Glibc
import Runtime

/// Avahi's poll seam over one of our loops.
///
/// libdbus asks for two watches on one descriptor, which epoll refuses; so watches are gathered by descriptor here.
/// Everything in this file is touched on the loop's thread only, and Avahi may free a watch or a timeout inside any
/// callback: what is iterated over is a copy, and `isFree` is asked before each call.
final class AvahiPoller {
    private let loop: EventLoop
    private let api: UnsafeMutablePointer<AvahiPoll>
    private var sources: [Int32: WatchedDescriptor] = [:]
    private var timer: AvahiTimer?
    /// Called after Avahi's callbacks have returned, when it is right to call into Avahi again.
    var settle: () -> Void = {}

    init(loop: EventLoop) {
        self.loop = loop
        api = .allocate(capacity: 1)
        api.initialize(to: AvahiPoll())
        api.pointee.userdata = Unmanaged.passUnretained(self).toOpaque()
        installWatches()
        installTimeouts()
        timer = AvahiTimer(loop: loop) { [unowned self] in settle() }
    }

    /// For `avahi_client_new`; valid as long as the poller, which therefore outlives every client.
    var pointer: UnsafePointer<AvahiPoll> { UnsafePointer(api) }

    /// Ends what the loop knows of us. Every client was freed before, and its watches with it.
    func close() {
        timer?.close()
        timer = nil
        for source in sources.values { source.close() }
        sources.removeAll()
        settle = {}
    }

    deinit {
        api.deinitialize(count: 1)
        api.deallocate()
    }

    // MARK: - Watches

    private func installWatches() {
        api.pointee.watch_new = { api, fd, events, callback, userdata in
            guard let poller = AvahiPoller.of(api), let callback else { return nil }
            let watch = PollWatch(fd: fd, events: events.rawValue, callback: callback, userdata: userdata)
            poller.source(of: fd).add(watch)
            return OpaquePointer(Unmanaged.passRetained(watch).toOpaque())
        }
        api.pointee.watch_update = { pointer, events in
            guard let pointer else { return }
            PollWatch.of(pointer).update(events.rawValue)
        }
        api.pointee.watch_get_events = { pointer in
            AvahiWatchEvent(rawValue: pointer.map { PollWatch.of($0).happened } ?? 0)
        }
        api.pointee.watch_free = { pointer in
            guard let pointer else { return }
            let watch = PollWatch.of(pointer)
            watch.free()
            Unmanaged<PollWatch>.fromOpaque(UnsafeRawPointer(pointer)).release()
        }
    }

    private func source(of fd: Int32) -> WatchedDescriptor {
        if let source = sources[fd] { return source }
        let source = WatchedDescriptor(loop: loop, fd: fd) { [unowned self] in settle() }
        source.emptied = { [unowned self] in sources[fd] = nil }
        sources[fd] = source
        return source
    }

    // MARK: - Timeouts

    private func installTimeouts() {
        api.pointee.timeout_new = { api, moment, callback, userdata in
            guard let poller = AvahiPoller.of(api), let timer = poller.timer, let callback else { return nil }
            let timeout = PollTimeout(timer: timer, callback: callback, userdata: userdata)
            timeout.deadline = PollTimeout.deadline(of: moment)
            timer.add(timeout)
            return OpaquePointer(Unmanaged.passRetained(timeout).toOpaque())
        }
        api.pointee.timeout_update = { pointer, moment in
            guard let pointer else { return }
            PollTimeout.of(pointer).deadline = PollTimeout.deadline(of: moment)
        }
        api.pointee.timeout_free = { pointer in
            guard let pointer else { return }
            PollTimeout.of(pointer).free()
            Unmanaged<PollTimeout>.fromOpaque(UnsafeRawPointer(pointer)).release()
        }
    }

    private static func of(_ api: UnsafePointer<AvahiPoll>?) -> AvahiPoller? {
        api?.pointee.userdata.map { Unmanaged<AvahiPoller>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// One of Avahi's interests in a descriptor. Avahi holds one reference until it frees it.
final class PollWatch {
    let fd: Int32
    private(set) var events: UInt32
    private(set) var happened: UInt32 = 0
    private(set) var isFree = false
    private let callback: AvahiWatchCallback
    private let userdata: UnsafeMutableRawPointer?
    weak var source: WatchedDescriptor?

    init(fd: Int32, events: UInt32, callback: @escaping AvahiWatchCallback, userdata: UnsafeMutableRawPointer?) {
        self.fd = fd
        self.events = events
        self.callback = callback
        self.userdata = userdata
    }

    static func of(_ pointer: OpaquePointer) -> PollWatch {
        Unmanaged<PollWatch>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    func update(_ events: UInt32) {
        self.events = events
        source?.changed()
    }

    func free() {
        isFree = true
        source?.remove(self)
    }

    func call(_ ready: UInt32) {
        // An error or a hang-up is told to whoever watches at all, as poll(2) does.
        let wanted = ready & (events | AVAHI_WATCH_ERR.rawValue | AVAHI_WATCH_HUP.rawValue)
        guard !isFree, events != 0, wanted != 0 else { return }
        happened = wanted
        callback(
            OpaquePointer(Unmanaged.passUnretained(self).toOpaque()), fd, AvahiWatchEvent(rawValue: wanted), userdata)
        happened = 0
    }
}

/// All of Avahi's interests in one descriptor, as one registration of the loop. poll's and epoll's bits are the same
/// numbers on Linux for the four that Avahi knows.
final class WatchedDescriptor: EventSource {
    private let loop: EventLoop
    private let fd: Int32
    private let settle: () -> Void
    private var watches: [PollWatch] = []
    private var registration: Int?
    var emptied: () -> Void = {}

    init(loop: EventLoop, fd: Int32, settle: @escaping () -> Void) {
        self.loop = loop
        self.fd = fd
        self.settle = settle
    }

    let deadline = UInt64.max
    func fire(_ now: UInt64) {}
    func flush(_ now: UInt64) -> Bool { false }

    func ready(_ events: UInt32) {
        for watch in watches { watch.call(events) }
        settle()
    }

    func add(_ watch: PollWatch) {
        watches.append(watch)
        watch.source = self
        changed()
    }

    func remove(_ watch: PollWatch) {
        watches.removeAll { $0 === watch }
        changed()
        if watches.isEmpty { emptied() }
    }

    /// Registered only while somebody asks for something: a hang-up that nobody takes would wake the loop for ever.
    func changed() {
        let events = watches.reduce(UInt32(0)) { $0 | $1.events }
        if events == 0 {
            close()
        } else if let registration {
            loop.modify(registration, fd: fd, events: events)
        } else {
            registration = loop.register(self, fd: fd, events: events)
        }
    }

    func close() {
        guard let registration else { return }
        loop.unregister(registration, fd: fd)
        self.registration = nil
    }
}
