package import Linux

/// A program that we started; the one way to start one.
///
/// It leads a process group of its own, has exactly the descriptors that it was given, and is always reaped: `wait`
/// does it, and a child that nobody holds any more is killed and reaped by its loop.
package final class ChildProcess: Sendable {
    package typealias ExitStatus = Spawn.Ending

    package let pid: Int32
    private let watcher: Watcher

    private init(_ process: SpawnedProcess, _ loop: EventLoop) {
        pid = process.pid
        watcher = Watcher(process, loop)
        let watcher = watcher
        loop.perform { watcher.begin() }
    }

    deinit {
        // The watcher stays registered until the process is gone, so nothing is left of it.
        watcher.kill(9)
    }

    /// - Parameters:
    ///   - executable: an absolute path.
    ///   - arguments: without the name of the program.
    ///   - environment: all of it, as "NAME=value"; nothing is inherited.
    ///   - descriptors: become 0, 1, 2 … in the child.
    ///   - loop: notices the end.
    package static func spawn(
        _ executable: String, arguments: [String] = [], environment: [String] = [], descriptors: [Descriptor],
        on loop: EventLoop
    ) throws(LinuxError) -> ChildProcess {
        let process = try Spawn.start(
            executable, arguments: arguments, environment: environment, descriptors: descriptors)
        return ChildProcess(process, loop)
    }

    /// Waits for the end. A cancelled task kills the child and still waits for it, so that what the child held is free
    /// when this returns.
    package func wait() async -> ExitStatus {
        await withTaskCancellationHandler {
            await watcher.ended.take()
        } onCancel: {
            kill()
        }
    }

    /// Nil while it runs.
    package var exitStatus: ExitStatus? { watcher.ended.value }

    /// Ends it and its group at once; again or after its end it does nothing.
    package func kill() {
        watcher.kill(9)
    }

    /// Asks it and its group to end (SIGTERM).
    package func terminate() {
        watcher.kill(15)
    }

    /// Sees the end on the loop's thread; `id` is touched there only, hence @unchecked.
    private final class Watcher: EventSource, @unchecked Sendable {
        let ended = OneShot<ExitStatus>()
        private let process: SpawnedProcess
        private let loop: EventLoop
        /// Whether the number was given back: held while it is used for a group, which could be another's later.
        private let isReaped = Locked(false)
        private var id = -1

        init(_ process: SpawnedProcess, _ loop: EventLoop) {
            self.process = process
            self.loop = loop
        }

        func begin() {
            id = loop.register(self, fd: process.pidDescriptor.rawValue, events: EventLoop.readable)
        }

        func kill(_ number: Int32) {
            isReaped.withLock { isReaped in
                if isReaped { return }
                // ESRCH is no error there, and nothing else can be wrong with a child of ours that we have not reaped.
                try? Spawn.signalGroup(process, number)
            }
        }

        let deadline = UInt64.max
        func fire(_ now: UInt64) {}
        func flush(_ now: UInt64) -> Bool { false }

        func ready(_ events: UInt32) {
            // What the child left in its group goes with it, before the number is given back.
            kill(9)
            let ending: ExitStatus? = isReaped.withLock { isReaped in
                // ECHILD would mean that somebody else reaps our children: then how it ended is not to be known.
                let ending: ExitStatus?
                do { ending = try Spawn.reap(process) } catch { ending = .signalled(0) }
                isReaped = ending != nil
                return ending
            }
            guard let ending else { return }
            loop.unregister(id, fd: process.pidDescriptor.rawValue)
            ended.give(ending)
        }
    }
}
