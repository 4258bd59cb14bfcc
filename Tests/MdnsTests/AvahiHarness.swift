import Glibc
import Linux
import Runtime
import Testing

@testable import Mdns

/// A D-Bus and an Avahi of their own: the daemon in a network namespace with nothing but `lo`, whose index is 1 there
/// as it is here.
final class AvahiHarness {
    static let isPossible =
        getuid() == 0
        && programs.allSatisfy { access($0, X_OK) == 0 }
    private static let programs: [String] = [
        "/usr/sbin/avahi-daemon", "/usr/bin/dbus-daemon", "/usr/bin/unshare", "/usr/sbin/ip",
        "/usr/bin/avahi-set-host-name",
    ]

    let loop: EventLoop
    private let directory: String
    private var bus: ChildProcess?
    private var avahi: ChildProcess?

    init() throws {
        loop = try EventLoop(name: "harness")
        var template = Array("/tmp/lanspread-mdns.XXXXXX".utf8CString)
        _ = try #require(mkdtemp(&template))
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        // Only this test asks for the system bus inside the test process.
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=\(directory)/bus", 1)
        try write(
            "bus.conf",
            """
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
             "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig><type>system</type><listen>unix:path=\(directory)/bus</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
            <allow own="*"/><allow user="*"/></policy></busconfig>
            """)
        try write(
            "avahi.conf",
            """
            [server]
            host-name=test-\(getpid())
            allow-interfaces=lo
            [publish]
            publish-workstation=no
            publish-hinfo=no
            """)
    }

    func startBus() throws {
        unlink("\(directory)/bus")
        bus = try spawn("/usr/bin/dbus-daemon", ["--config-file=\(directory)/bus.conf", "--nofork", "--nopidfile"])
    }

    func startAvahi() throws {
        let script = """
            ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon
            for i in 1 2 3 4 5 6 7 8 9 10; do test -S \(directory)/bus && break; sleep 0.1; done
            exec avahi-daemon -f \(directory)/avahi.conf --no-drop-root --no-chroot --no-rlimits
            """
        avahi = try spawn("/usr/bin/unshare", ["-n", "-m", "sh", "-c", script])
    }

    func stopAvahi() async {
        avahi?.kill()
        _ = await avahi?.wait()
    }

    func setHostName(_ name: String) async {
        do {
            _ = try await spawn("/usr/bin/avahi-set-host-name", [name]).wait()
        } catch {
            Issue.record("\(error)")
        }
    }

    func stopBus() async {
        bus?.kill()
        _ = await bus?.wait()
    }

    func close() async {
        await stopAvahi()
        await stopBus()
        for name in ["bus", "bus.conf", "avahi.conf"] { unlink("\(directory)/\(name)") }
        rmdir(directory)
        loop.stop()
    }

    private func spawn(_ program: String, _ arguments: [String]) throws -> ChildProcess {
        let null = Descriptor(adopting: open("/dev/null", O_RDWR | O_CLOEXEC))
        return try ChildProcess.spawn(
            program, arguments: arguments,
            environment: [
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=\(directory)/bus",
            ],
            descriptors: [null, null, null], on: loop)
    }

    private func write(_ name: String, _ text: String) throws {
        let file = Descriptor(adopting: open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
        try Array(text.utf8).withUnsafeBytes { try Files.writeFully(file, $0, at: 0) }
    }
}

/// One Mdns and what it told so far.
final class Watcher {
    let mdns: Mdns
    private let loop: EventLoop
    private let task: Task<Void, Never>
    private var events: AsyncStream<MdnsEvent>.Iterator

    init(_ advertisement: Advertisement?) async throws {
        loop = try EventLoop(name: "avahi")
        var settings = Mdns.Settings()
        settings.retryDelay = .milliseconds(100)
        let mdns = Mdns(loop: loop, settings: settings, time: MonotonicTime(), log: .silent)
        let (stream, continuation) = AsyncStream.makeStream(of: MdnsEvent.self, bufferingPolicy: .bufferingOldest(64))
        events = stream.makeAsyncIterator()
        await mdns.advertise(advertisement)
        task = Task { await mdns.run(into: continuation) }
        self.mdns = mdns
    }

    /// Waits for the next event that fits; the test's own time limit is the deadline.
    func next<Value>(_ fitting: (MdnsEvent) -> Value?) async throws -> Value {
        while let event = await events.next(isolation: #isolation) {
            if let value = fitting(event) { return value }
        }
        throw CancellationError()
    }

    func sighting(of name: String) async throws -> Sighting {
        try await next { event in
            guard case .appeared(let sighting) = event, sighting.key.name == name else { return nil }
            return sighting
        }
    }

    func close() async {
        task.cancel()
        await task.value
        loop.stop()
    }
}

extension Advertisement {
    /// Of a host that listens on every address of both families.
    init(name: String, port: UInt16, text: KeyValuePairs<String, String>) {
        self.init(name: name, listening: [.any(port: port), .anyIPv6(port: port)], text: text)
    }
}
