import CLinux
import Glibc

/// A child process that was just made: its number and a descriptor that names it without races.
package struct SpawnedProcess: Sendable {
    package let pid: Int32
    /// Readable once the process has ended; it must then be reaped.
    package let pidDescriptor: Descriptor
}

package enum Spawn {
    /// How a process ended.
    package enum Ending: Hashable, Sendable {
        case exited(status: Int32)
        case signalled(Int32)
    }

    /// Starts an executable in a process group of its own, with default signals and only the descriptors given.
    ///
    /// - Parameter descriptors: the first becomes 0, the second 1, and so on; all others are closed in the child.
    package static func start(
        _ executable: String, arguments: [String], environment: [String], descriptors: [Descriptor]
    ) throws(LinuxError) -> SpawnedProcess {
        let high = try aboveTargets(descriptors)
        var actions = posix_spawn_file_actions_t()
        try succeed("posix_spawn_file_actions_init", posix_spawn_file_actions_init(&actions))
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in high.enumerated() {
            let code = posix_spawn_file_actions_adddup2(&actions, source.rawValue, Int32(target))
            try succeed("posix_spawn_file_actions_adddup2", code)
        }
        // Descriptors of C libraries that forgot close-on-exec do not leak either.
        try succeed("posix_spawn_file_actions_addclosefrom_np", lan_closefrom(&actions, Int32(high.count)))
        var attributes = posix_spawnattr_t()
        try succeed("posix_spawnattr_init", posix_spawnattr_init(&attributes))
        defer { posix_spawnattr_destroy(&attributes) }
        try setAttributes(&attributes)
        var pid: pid_t = 0
        // An array is let go after its last use, which for the compiler is the loop above: the descriptors must stay
        // open.
        let code = withExtendedLifetime(high) {
            withArgumentVector([executable] + arguments) { argv in
                withArgumentVector(environment) { envp in
                    posix_spawn(&pid, executable, &actions, &attributes, argv, envp)
                }
            }
        }
        try succeed("posix_spawn", code)
        do {
            // Nobody has reaped it, so the number still names our child, even when it has ended already.
            let fd = try check("pidfd_open") { lan_pidfd_open(pid) }
            return SpawnedProcess(pid: pid, pidDescriptor: Descriptor(adopting: fd))
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw error
        }
    }

    /// Becomes another program, with this one's descriptors, terminal and environment; on success it never returns.
    package static func become(_ executable: String, arguments: [String]) throws(LinuxError) -> Never {
        let code = withArgumentVector([executable] + arguments) { argv in
            execv(executable, argv)
            return errno
        }
        throw LinuxError(call: "execv", code: code)
    }

    /// A descriptor that is readable once a process that is not our child has ended; nil when there is no such process.
    package static func watch(pid: Int32) -> Descriptor? {
        (try? check("pidfd_open") { lan_pidfd_open(pid) }).map { Descriptor(adopting: $0) }
    }

    /// Sends a signal to exactly this process; one that has ended is no error.
    package static func signal(_ process: SpawnedProcess, _ number: Int32) throws(LinuxError) {
        do {
            try check("pidfd_send_signal") { lan_pidfd_send_signal(process.pidDescriptor.rawValue, number) }
        } catch {
            guard error.code == ESRCH else { throw error }
        }
    }

    /// Sends a signal to the process and to all that it started and left in its group. Only before it was reaped: later
    /// the number may be another group's.
    package static func signalGroup(_ process: SpawnedProcess, _ number: Int32) throws(LinuxError) {
        do {
            try check("kill") { kill(-process.pid, number) }
        } catch {
            guard error.code == ESRCH else { throw error }
        }
    }

    /// How it ended, and frees its number; nil while it runs.
    package static func reap(_ process: SpawnedProcess) throws(LinuxError) -> Ending? {
        var info = siginfo_t()
        try check("waitid") { lan_waitid_pidfd(process.pidDescriptor.rawValue, &info, WEXITED | WNOHANG) }
        guard lan_siginfo_pid(&info) != 0 else { return nil }
        let status = lan_siginfo_status(&info)
        return lan_siginfo_code(&info) == CLD_EXITED ? .exited(status: status) : .signalled(status)
    }

    // MARK: - Making the call

    /// Copies with numbers beyond every target: else `dup2` to 1 could overwrite what is to become 2.
    static func aboveTargets(_ descriptors: [Descriptor]) throws(LinuxError) -> [Descriptor] {
        var copies: [Descriptor] = []
        for descriptor in descriptors {
            copies.append(try descriptor.duplicate(minimum: Int32(descriptors.count)))
        }
        return copies
    }

    private static func setAttributes(_ attributes: inout posix_spawnattr_t) throws(LinuxError) {
        var all = sigset_t()
        sigfillset(&all)
        try succeed("posix_spawnattr_setsigdefault", posix_spawnattr_setsigdefault(&attributes, &all))
        var none = sigset_t()
        sigemptyset(&none)
        try succeed("posix_spawnattr_setsigmask", posix_spawnattr_setsigmask(&attributes, &none))
        try succeed("posix_spawnattr_setpgroup", posix_spawnattr_setpgroup(&attributes, 0))
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        try succeed("posix_spawnattr_setflags", posix_spawnattr_setflags(&attributes, Int16(flags)))
    }

    /// This family returns its errno.
    private static func succeed(_ call: String, _ code: Int32) throws(LinuxError) {
        if code != 0 { throw LinuxError(call: call, code: code) }
    }

    private static func withArgumentVector<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { preconditionFailure("a vector ends with nil") }
            return body(start)
        }
    }
}
