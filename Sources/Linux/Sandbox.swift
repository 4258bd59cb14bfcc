import CLinux
import Glibc

/// Takes everything from the calling process that reading one descriptor and writing another does not need.
///
/// For `lanspread-unpack`: whatever a damaged archive makes of its decoder, it finds no file, no network, no other
/// process. Order matters: descriptors and limits first, the filter last, since it forbids the calls before it.
package enum Sandbox {
    package struct Bounds: Sendable {
        /// Private memory, in bytes.
        package let memoryBytes: UInt64
        package let processorSeconds: UInt64

        package init(memoryBytes: UInt64, processorSeconds: UInt64) {
            self.memoryBytes = memoryBytes
            self.processorSeconds = processorSeconds
        }
    }

    /// Descriptors 0, 1 and 2 stay, nothing else does.
    ///
    /// - Throws: the call that failed. The caller must not go on: a kernel without Landlock is tolerated, one without
    ///   seccomp is not.
    package static func enter(_ bounds: Bounds) throws(LinuxError) {
        try check("prctl") { lan_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)) }
        try check("prctl") { lan_prctl(PR_SET_NO_NEW_PRIVS, 1) }
        try check("prctl") { lan_prctl(PR_SET_DUMPABLE, 0) }
        try check("close_range") { lan_close_range(3) }
        try limit(RLIMIT_DATA, bounds.memoryBytes)
        try limit(RLIMIT_CPU, bounds.processorSeconds)
        try limit(RLIMIT_FSIZE, 0)
        try limit(RLIMIT_CORE, 0)
        try denyFiles()
        // After Landlock, which needs one descriptor for its ruleset.
        try limit(RLIMIT_NOFILE, 3)
        try filterCalls()
    }

    private static func limit(_ resource: __rlimit_resource, _ value: UInt64) throws(LinuxError) {
        var bound = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
        try check("setrlimit") { setrlimit(__rlimit_resource_t(resource.rawValue), &bound) }
    }

    // MARK: - Landlock

    /// Denies every file right that the kernel's Landlock knows; no rule gives one back.
    private static func denyFiles() throws(LinuxError) {
        let version = lan_landlock_version()
        // ENOSYS and EOPNOTSUPP: the kernel has none, and the filter below forbids to open files anyway.
        guard version > 0 else { return }
        // Rights by version (landlock(7)): 13 at first, then refer, truncate, and device ioctl with the fifth.
        let rights = version == 1 ? 13 : version == 2 ? 14 : version < 5 ? 15 : 16
        var denied = (UInt64(1) << UInt64(rights)) - 1
        let ruleset = Descriptor(adopting: try check("landlock_create_ruleset") { lan_landlock_deny(&denied) })
        try check("landlock_restrict_self") { lan_landlock_restrict(ruleset.rawValue) }
    }

    // MARK: - seccomp

    /// Reading, writing, memory, and the end. What is missing here fails with EPERM, so that a library that asks for
    /// something harmless (a conversion table, its own process id) goes on without it.
    private static let allowed: [Int] = [
        Int(SYS_read), Int(SYS_readv), Int(SYS_write), Int(SYS_writev), Int(SYS_lseek),
        Int(SYS_mmap), Int(SYS_munmap), Int(SYS_mremap), Int(SYS_mprotect), Int(SYS_madvise), Int(SYS_brk),
        Int(SYS_futex), Int(SYS_rt_sigreturn), Int(SYS_rt_sigprocmask), Int(SYS_getrandom),
        Int(SYS_clock_gettime), Int(SYS_gettimeofday), Int(SYS_exit), Int(SYS_exit_group),
    ]

    private static func filterCalls() throws(LinuxError) {
        var program = filter()
        var failure: LinuxError?
        program.withUnsafeMutableBufferPointer { instructions in
            var description = sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
            do throws(LinuxError) {
                try check("seccomp") { lan_seccomp_filter(&description) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Classic BPF over `struct seccomp_data`: call number at 0, architecture at 4, arguments from 16 on, 8 bytes each.
    private static func filter() -> [sock_filter] {
        let kill = give(SECCOMP_RET_KILL_PROCESS)
        let forbid = give(UInt32(SECCOMP_RET_ERRNO) | UInt32(EPERM))
        let allow = give(UInt32(SECCOMP_RET_ALLOW))
        // Another architecture's numbers, or x32's, would mean other calls.
        var program = [load(4), skip(ifEqual: lan_audit_arch()), kill, load(0), skip(ifBelow: 0x4000_0000), kill]
        // Executable memory is never made: mmap and mprotect have the protection as their third argument.
        for call in [SYS_mmap, SYS_mprotect] {
            program += [
                jump(ifEqual: UInt32(call), yes: 0, no: 4), load(16 + 2 * 8),
                sock_filter(code: UInt16(BPF_JMP | BPF_JSET | BPF_K), jt: 0, jf: 1, k: UInt32(PROT_EXEC)),
                forbid, load(0),
            ]
        }
        for call in allowed {
            program += [jump(ifEqual: UInt32(call), yes: 0, no: 1), allow]
        }
        return program + [forbid]
    }

    private static func load(_ offset: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: offset)
    }

    private static func give(_ verdict: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: verdict)
    }

    private static func jump(ifEqual value: UInt32, yes: UInt8, no: UInt8) -> sock_filter {
        sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: yes, jf: no, k: value)
    }

    private static func skip(ifEqual value: UInt32) -> sock_filter { jump(ifEqual: value, yes: 1, no: 0) }

    private static func skip(ifBelow value: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_JMP | BPF_JGE | BPF_K), jt: 0, jf: 1, k: value)
    }
}
