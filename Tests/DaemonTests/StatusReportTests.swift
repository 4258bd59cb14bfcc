import Glibc
import Runtime
import TestKit
import Testing

@testable import lanspreadd

/// Serialised: the place to tell it to stands in the environment, which a process has once.
@Suite(.serialized) struct `What systemd is told` {
    private func told(_ body: (StatusReport) -> Void) throws -> [String] {
        let manager = try NotifySocket()
        setenv("NOTIFY_SOCKET", manager.path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        let report = StatusReport()
        report.ask { false }
        body(report)
        return try manager.messages()
    }

    @Test func `ends with the stop, whatever is still under way`() throws {
        let messages = try told { report in
            report.ready()
            report.reloading()
            report.ready("Ready; new settings wait for a restart")
            report.reloading()
            report.stopping()
            // The end of that reload, another one, and a second wish to stop.
            report.ready()
            report.reloading()
            report.stopping()
        }
        #expect(messages.count == 5, "\(messages)")
        #expect(messages.first == "READY=1\nSTATUS=0 peers, 0 games, no catalog")
        #expect(messages.dropFirst(2).first == "READY=1\nSTATUS=Ready; new settings wait for a restart")
        #expect(messages.last == "STOPPING=1\nSTATUS=Stopping")
    }
}

@Suite struct `Wishes by signal` {
    @Test func `are kept for whoever can obey them, and count from the first`() async {
        let wishes = Wishes()
        let (signals, door) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .unbounded)
        for signal in [ProcessSignals.hangup, ProcessSignals.terminate, ProcessSignals.hangup] { door.yield(signal) }
        door.finish()
        let hangups = Trace<Bool>()
        await wishes.follow(signals) { hangups.record(wishes.isStopWanted) }
        // Nothing is read again for a daemon that stops.
        #expect(hangups.events == [false])
        #expect(wishes.isStopWanted)
        let (start, life) = (Trace<Int>(), Trace<Int>())
        wishes.obeyed { start.record($0) }
        #expect(start.events == [1])
        let (more, secondDoor) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .unbounded)
        secondDoor.yield(ProcessSignals.interrupt)
        secondDoor.finish()
        await wishes.follow(more) {}
        #expect(start.events == [1, 2])
        wishes.obeyed { life.record($0) }
        #expect(life.events == [1, 2] && start.events == [1, 2])
    }
}
