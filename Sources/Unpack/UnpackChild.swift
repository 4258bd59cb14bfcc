package import Linux
import Model
package import Runtime
import Synchronization

/// Runs the helper on one archive and hands on what it says, checked frame by frame.
///
/// The helper is not trusted: its order, sizes and checksums are compared here, paths by whoever makes files of them.
/// Whatever happens, it is dead and reaped when `run` returns.
package struct UnpackChild: Sendable {
    private let helperPath: String
    private let silence: Duration
    private let loop: EventLoop
    private let disk: DiskPool
    private let time: any TimeSource
    private let log: Log

    /// - Parameters:
    ///   - helperPath: absolute path of `lanspread-unpack`.
    ///   - silence: a helper that says nothing for so long is killed.
    ///   - loop: notices what the helper says and that it ends.
    package init(
        helperPath: String, silence: Duration = Limits.helperSilence, loop: EventLoop, disk: DiskPool,
        time: any TimeSource = MonotonicTime(), log: Log
    ) {
        self.helperPath = helperPath
        self.silence = silence
        self.loop = loop
        self.disk = disk
        self.time = time
        self.log = log
    }

    /// Unpacks `archive` from its current position; a file must have it at its start.
    ///
    /// - Parameter receive: called on disk threads, one call at a time and in order.
    package func run<Failure: Error>(
        archive: Descriptor, receive: @escaping @Sendable (UnpackEvent) throws(Failure) -> Void
    ) async throws(UnpackStop<Failure>) {
        let helper = try await start(archive, of: Failure.self)
        let pump = FramePump(helper.frames, receive)
        let watch = SilenceWatch(time: time, limit: silence)
        let outcome: Outcome<Failure> = await withTaskGroup(of: Void.self) { group in
            group.addTask { if await watch.expires() { helper.process.kill() } }
            let outcome = await drain(pump, helper, watch)
            group.cancelAll()
            return outcome
        }
        try await judge(outcome, pump, helper, watch)
    }

    private enum Outcome<Failure: Error>: Sendable {
        /// The stream ended and the helper is reaped.
        case ended(ChildProcess.ExitStatus)
        case stopped(UnpackStop<Failure>)
    }

    private struct Helper: Sendable {
        let process: ChildProcess
        let frames: Descriptor
        let complaints: Descriptor
    }

    // MARK: - The helper's life

    private func start<Failure: Error>(
        _ archive: Descriptor, of _: Failure.Type
    ) async throws(UnpackStop<Failure>) -> Helper {
        do throws(LinuxError) {
            // On a disk thread: the kernel kills the helper when the *thread* that started it ends (prctl(2),
            // PR_SET_PDEATHSIG), and these live as long as the daemon.
            return try await disk.run { [helperPath, loop] () throws(LinuxError) in
                let frames = try Descriptor.pipe()
                let complaints = try Descriptor.pipe()
                frames.write.wishPipeBytes(Int32(4 * Limits.helperFrameBytes))
                try frames.read.setNonblocking(true)
                try complaints.read.setNonblocking(true)
                let process = try ChildProcess.spawn(
                    helperPath, descriptors: [archive, frames.write, complaints.write], on: loop)
                return Helper(process: process, frames: frames.read, complaints: complaints.read)
            }
        } catch {
            throw .helper(.notStarted(path: helperPath, error))
        }
    }

    /// Takes frames until the stream ends or somebody gives up; the helper is reaped when this returns.
    private func drain<Failure: Error>(
        _ pump: FramePump<Failure>, _ helper: Helper, _ watch: SilenceWatch
    ) async -> Outcome<Failure> {
        let readiness = Readiness(helper.frames, on: loop)
        var stop: UnpackStop<Failure>?
        do throws(UnpackStop<Failure>) {
            var hasEnded = false
            while !hasEnded {
                try await waitForFrames(readiness, watch, of: Failure.self)
                hasEnded = try await disk.run { () throws(UnpackStop<Failure>) in try pump.takeWhatIsThere() }
            }
        } catch {
            stop = error
            helper.process.kill()
        }
        watch.begin()
        let ending = await helper.process.wait()
        watch.end()
        if let stop { return .stopped(stop) }
        return .ended(ending)
    }

    private func waitForFrames<Failure: Error>(
        _ readiness: Readiness, _ watch: SilenceWatch, of _: Failure.Type
    ) async throws(UnpackStop<Failure>) {
        watch.begin()
        defer { watch.end() }
        do throws(CancellationError) {
            try await readiness.readable()
        } catch {
            throw .helper(.cancelled)
        }
    }

    // MARK: - The verdict

    private func judge<Failure: Error>(
        _ outcome: Outcome<Failure>, _ pump: FramePump<Failure>, _ helper: Helper, _ watch: SilenceWatch
    ) async throws(UnpackStop<Failure>) {
        await noteComplaints(of: helper)
        if watch.hasExpired { throw .helper(.tooSlow(after: silence)) }
        switch outcome {
        case .stopped(let stop):
            throw stop
        case .ended(let ending):
            if Task.isCancelled { throw .helper(.cancelled) }
            if let refusal = pump.refusal {
                throw .helper(ending == .exited(status: 3) ? .noSandbox(refusal) : .refused(refusal))
            }
            if case .signalled(let signal) = ending { throw .helper(.died(signal: signal)) }
            do throws(FrameFault) {
                try pump.finish()
            } catch {
                throw .helper(.misbehaved(error.reason))
            }
            guard ending == .exited(status: 0) else { throw .helper(.misbehaved("it left with an error")) }
        }
    }

    /// The helper writes nothing to its error output, but a C library or a trap may. What fits into the pipe is all
    /// that there can be: who writes more stands still and is killed for its silence.
    private func noteComplaints(of helper: Helper) async {
        let text = await disk.run { () -> [UInt8] in
            var bytes = [UInt8](repeating: 0, count: Limits.helperOutputBytes)
            // An error here is as good as silence: this is only for the log.
            let count = bytes.withUnsafeMutableBytes { (try? helper.complaints.read(into: $0)) ?? 0 }
            return Array(bytes.prefix(count))
        }
        guard !text.isEmpty else { return }
        log.warning("The unpacker complained.", kind: "unpacker_complained", .field("text", Text.escaped(text)))
    }
}
